//! What odd servers say, read one event and one answer at a time. Whole calls are tested over HTTP (`tests/it/model`).

use std::time::Duration;

use http::HeaderMap;
use serde_json::json;

use super::chunk::Chunk;
use super::fault::{of_event, of_reply};
use super::grammar::{Limits, for_grammar, without_bounds};
use crate::ai::{Brief, ErrorKind, PageOutline, PageTask, Request, Schema, Section, Task};
use crate::db::now;

fn chunk(value: serde_json::Value) -> Chunk {
    serde_json::from_value(value).expect("a readable event")
}

#[test]
fn events_are_read_however_odd_they_are() {
    let delta = |delta, reason| chunk(json!({ "choices": [{ "delta": delta, "finish_reason": reason }] }));
    assert_eq!(delta(json!({ "content": "a" }), json!(null)).text(), "a");
    // An empty reason is none, and takes no text with it.
    let mut odd = delta(json!({ "content": "b" }), json!(""));
    assert_eq!(odd.finish(), None);
    assert_eq!(odd.text(), "b");
    assert_eq!(delta(json!({}), json!("stop")).finish(), Some("stop"));
    assert_eq!(
        delta(
            json!({ "content": [{ "type": "text", "text": "c" }, { "text": "d" }] }),
            json!(null)
        )
        .text(),
        "cd"
    );
    assert_eq!(
        delta(json!({ "content": 7, "refusal": "no" }), json!(null)).refusal(),
        Some("no")
    );
    let mut whole =
        chunk(json!({ "choices": [{ "message": { "content": "e" }, "finish_reason": "stop" }], "model": 3 }));
    assert_eq!((whole.model(), whole.finish()), (None, Some("stop")));
    assert_eq!(whole.text(), "e");
    let odd = chunk(json!({ "model": format!("m\0{}", "x".repeat(900)) }));
    assert_eq!(
        odd.model().map(|name| (name.len(), name.contains('\0'))),
        Some((200, false))
    );
    let usage = chunk(json!({ "choices": [], "usage": { "prompt_tokens": 5.0, "completion_tokens": 7 } }));
    assert_eq!(usage.usage(), Some((5, 7)));
    let none = chunk(json!({ "choices": null, "usage": null, "error": null, "timings": {} }));
    assert!(none.usage().is_none() && none.finish().is_none());
}

fn page_request(schema: serde_json::Value, kinds: &[&str], facts: &[&str]) -> Request {
    let section = |kind: &&str| Section {
        position: 0,
        kind: kind.to_string(),
        heading: String::new(),
        goal: String::new(),
    };
    let page = |slug: &str| PageOutline {
        slug: slug.to_string(),
        title: String::new(),
        page_type: String::new(),
        sections: vec![],
    };
    Request {
        job: uuid::Uuid::nil(),
        attempt: 1,
        function: "page",
        messages: vec![],
        schema: schema.into(),
        brief: Brief {
            facts: facts.iter().map(|fact| fact.to_string()).collect(),
            ..Brief::default()
        },
        task: Task::Page(PageTask {
            outline: vec![page(""), page("about-us")],
            slug: String::new(),
            sections: kinds.iter().map(section).collect(),
            finished: vec![],
            instructions: None,
        }),
        correction: None,
        max_tokens: None,
    }
}

#[test]
fn a_schema_is_what_its_server_can_use() {
    let element = |kind: &str| {
        json!({ "type": "object", "properties": {
        "kind": { "const": kind }, "maxLength": { "type": "string", "maxLength": 6000, "pattern": "^a$" } } })
    };
    let blocks = json!({ "type": "array", "minItems": 3, "maxItems": 3, "items": { "anyOf": [element("HERO"), element("TEXT")] } });
    let schema = json!({ "type": "object", "properties": { "blocks": blocks } });
    let strict = without_bounds(schema.clone());
    // The property of that name stays, its bounds do not.
    let field = &strict["properties"]["blocks"]["items"]["anyOf"][0]["properties"]["maxLength"];
    assert_eq!(*field, json!({ "type": "string" }));
    let words = Schema::from(schema.clone());
    assert_eq!(words.strict(without_bounds).get(), strict.to_string());
    let limits = Limits { text: 600, items: 1 };
    let ordered = for_grammar(&page_request(schema.clone(), &["TEXT", "HERO", "TEXT"], &[]), limits);
    let each = ordered["properties"]["blocks"]["prefixItems"]
        .as_array()
        .expect("one a section");
    let kinds: Vec<_> = each
        .iter()
        .map(|one| one["properties"]["kind"]["const"].clone())
        .collect();
    assert_eq!(kinds, ["TEXT", "HERO", "TEXT"]);
    assert!(ordered["properties"]["blocks"]["items"].is_null());
    // What is of another make is left alone.
    let other = for_grammar(&page_request(schema, &["TEXT", "FAQ", "TEXT"], &[]), limits);
    assert!(other["properties"]["blocks"]["items"]["anyOf"].is_array());
}

#[test]
fn a_grammar_bounds_every_text_and_list_and_knows_where_links_lead() {
    let text = json!({ "type": ["string", "null"], "maxLength": 6000 });
    let list = |most: u64, least: u64| json!({ "type": "array", "minItems": least, "maxItems": most, "items": text });
    let schema = json!({ "type": "object", "properties": {
        "long": text, "short": { "type": "string", "maxLength": 20 }, "endless": { "type": "string" },
        "word": { "type": "string", "enum": ["A"] },
        "many": list(12, 0), "needed": list(8, 3), "loose": { "type": "array", "items": { "type": "string" } },
        "pages": list(12, 1),
        "colour": { "type": "string", "maxLength": 7, "pattern": "^#[0-9a-f]{6}$" },
        "href": { "type": "string", "maxLength": 2000, "pattern": "^/$" },
        "image": { "anyOf": [{ "type": "object", "properties": { "url": { "type": ["string", "null"], "maxLength": 2000 } } }, { "type": "null" }] },
    } });
    let limits = Limits { text: 90, items: 2 };
    let bounded = for_grammar(&page_request(schema.clone(), &[], &["hello@rye.example"]), limits);
    let of = |name: &str| &bounded["properties"][name];
    let lengths = ["long", "short", "endless"].map(|name| of(name)["maxLength"].as_u64());
    assert_eq!(lengths, [Some(90), Some(20), Some(90)]);
    assert_eq!(*of("word"), json!({ "type": "string", "enum": ["A"] }));
    let most = ["many", "needed", "loose", "pages"].map(|name| of(name)["maxItems"].as_u64());
    assert_eq!(most, [Some(2), Some(3), Some(2), Some(12)]);
    assert_eq!(of("many")["items"]["maxLength"], 90);
    assert_eq!(*of("colour"), json!({ "type": "string", "pattern": "^#[0-9a-f]{6}$" }));
    assert_eq!(of("href")["pattern"], r"^(/|/about-us|mailto:hello@rye\.example)$");
    // A picture that nobody has would be invented.
    let url = |bounded: &serde_json::Value| bounded["properties"]["image"]["anyOf"][0]["properties"]["url"].clone();
    assert_eq!(url(&bounded), json!({ "type": "null" }));
    let pictured = for_grammar(
        &page_request(schema, &[], &["Photo: https://rye.example/a.jpg"]),
        limits,
    );
    assert_eq!(url(&pictured)["pattern"], r"^(https://rye\.example/a\.jpg)$");
}

#[test]
fn answers_of_every_shape_have_a_kind() {
    use ErrorKind::*;
    for (status, body, kind) in [
        (
            401,
            r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#,
            Auth,
        ),
        (403, "Forbidden", Auth),
        (402, r#"{"error":{"message":"Insufficient credits","code":402}}"#, Quota),
        (429, r#"{"error":{"code":"insufficient_quota","message":"x"}}"#, Quota),
        (
            429,
            r#"{"error":{"code":null,"type":"tokens","message":"Rate limit"}}"#,
            RateLimited,
        ),
        (429, "<html>slow down</html>", RateLimited),
        (
            400,
            r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
            ContextLength,
        ),
        (
            400,
            r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"x"}}"#,
            ContextLength,
        ),
        (
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096","code":400}"#,
            ContextLength,
        ),
        (
            400,
            r#"{"error":{"code":"content_filter","message":"x"}}"#,
            ContentFilter,
        ),
        (400, r#"{"error":"model not found"}"#, ModelNotFound),
        (400, r#"{"detail":"messages: field required"}"#, InvalidRequest),
        (
            404,
            r#"{"error":{"message":"model 'x' not found","type":"api_error"}}"#,
            ModelNotFound,
        ),
        (404, "404 page not found", InvalidRequest),
        (301, "", InvalidRequest),
        (408, "", Timeout),
        (504, "gateway", Timeout),
        (500, "", Overloaded),
        (503, r#"{"error":{"code":503,"message":"Loading model"}}"#, Overloaded),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            Overloaded,
        ),
        (200, r#"{"error":{"code":429,"message":"x"}}"#, RateLimited),
        (200, r#"{"error":"oops"}"#, Overloaded),
        (200, "{}", Overloaded),
    ] {
        assert_eq!(
            of_reply(status, &HeaderMap::new(), body, now(), "").kind,
            kind,
            "{status} {body}"
        );
    }
    assert_eq!(of_event(&json!({ "code": 401, "message": "x" }), "").kind, Auth);
    assert_eq!(of_event(&json!("boom"), "").kind, Overloaded);
    let long = json!({ "code": "context_length_exceeded", "message": "x" });
    assert_eq!(of_event(&long, "").kind, ContextLength);
    let key = json!({ "code": "invalid_api_key", "message": "x" });
    assert_eq!(of_event(&key, "").kind, Auth);
}

#[test]
fn a_wait_is_seconds_milliseconds_or_a_date() {
    let now = "2026-11-27T10:00:00Z".parse().expect("a moment");
    let wait = |name: &'static str, value: &'static str| {
        let headers = HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))]);
        of_reply(429, &headers, "", now, "").retry_after
    };
    assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
    assert_eq!(wait("retry-after", "0.5"), Some(Duration::from_millis(500)));
    assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
    assert_eq!(
        wait("retry-after", "Fri, 27 Nov 2026 10:00:30 GMT"),
        Some(Duration::from_secs(30))
    );
    assert_eq!(
        wait("retry-after", "Fri, 27 Nov 2026 09:00:00 GMT"),
        Some(Duration::ZERO)
    );
    for nonsense in ["soon", "-3", "inf", "1e300"] {
        assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
    }
}

#[test]
fn a_providers_words_are_cut_and_printable() {
    let body = json!({ "error": { "message": format!("a\u{1b}[31m\n{}", "b".repeat(9_000)) } }).to_string();
    let cause = of_reply(500, &HeaderMap::new(), &body, now(), "").cause;
    assert!(cause.len() < 500 && !cause.chars().any(char::is_control), "{cause}");
    // Neither a code nor a key that the cut goes through is an exception.
    let code = format!("c\u{1b}{}", "d".repeat(9_000));
    let message = format!("{}sk-secret", "e".repeat(396));
    let body = json!({ "error": { "code": code, "message": message } }).to_string();
    let cause = of_reply(500, &HeaderMap::new(), &body, now(), "sk-secret").cause;
    assert!(cause.len() < 900 && !cause.chars().any(char::is_control), "{cause}");
    assert!(!cause.contains("sk-"), "{cause}");
}
