//! Single replies and what exactly is told of them.

use super::*;
use serde_json::json;

fn fault(reply: &str) -> (Fault, usize) {
    let error = whole(reply).end.expect_err(reply);
    (error.fault, error.at)
}

#[test]
fn an_element_opens_names_its_kind_speaks_and_closes_in_that_order() {
    let mut scanner = Scanner::new("blocks");
    let mut step = |chunk: &str| {
        let mut events = Vec::new();
        scanner.feed(chunk, &mut events).expect(chunk);
        events
    };
    let text = |path: &[&str], text: &str| Event::Text {
        index: 0,
        path: path.iter().map(|name| name.to_string()).collect(),
        text: text.to_owned(),
    };
    assert_eq!(step(r#"{"blocks":["#), []);
    assert_eq!(step("{"), [Event::Opened { index: 0 }]);
    assert_eq!(step(r#""kind":"HE"#), []);
    assert_eq!(
        step(r#"RO""#),
        [Event::Kind {
            index: 0,
            kind: "HERO".into()
        }]
    );
    assert_eq!(step(r#","headline":"Fre"#), [text(&["headline"], "Fre")]);
    assert_eq!(step(r#"sh \ud83d"#), [text(&["headline"], "sh ")]);
    assert_eq!(step(r"\ude0"), []);
    assert_eq!(
        step(r#"0","n":12,"items":[{},{"title":"A"#),
        [text(&["headline"], "😀"), text(&["items", "1", "title"], "A")]
    );
    assert_eq!(
        step(r#"","kind":"k"}],"placeholders":["x"]"#),
        [text(&["items", "1", "kind"], "k"), text(&["placeholders", "0"], "x"),]
    );
    let value = json!({
        "kind": "HERO", "headline": "Fresh 😀", "n": 12,
        "items": [{}, {"title": "A", "kind": "k"}], "placeholders": ["x"],
    });
    assert_eq!(
        step("}"),
        [Event::Closed {
            index: 0,
            value: value.clone()
        }]
    );
    assert_eq!(step(r#"],"more":{"blocks":[{"a":"b"}]}}"#), []);
    assert_eq!(
        scanner.finish(),
        Ok(json!({"blocks": [value], "more": {"blocks": [{"a": "b"}]}}))
    );
}

#[test]
fn unpaired_surrogates_become_the_replacement_character_in_text_and_value_alike() {
    for (written, read) in [
        (r"a\ud83d", "a\u{fffd}"),
        (r"\ud83dz", "\u{fffd}z"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\uD83D\u0041", "\u{fffd}A"),
        (r"\u0000\ud83d\ude00", "\0😀"),
    ] {
        let reply = format!(r#"{{"s":"{written}","blocks":[{{"{written}":1,"t":"{written}"}}]}}"#);
        for length in 1..reply.len() {
            let told = read_in(&reply, length);
            assert_eq!(
                told.end,
                Ok(json!({"s": read, "blocks": [{read: 1, "t": read}]})),
                "{written}"
            );
            assert_eq!(texts(&told.events)[&(0, vec!["t".to_owned()])], read);
        }
    }
}

#[test]
fn white_space_and_a_markdown_fence_may_surround_the_reply() {
    let value = json!({"blocks": []});
    for reply in [
        " \r\n\t{\"blocks\":[]} \n",
        "```json\n{\"blocks\":[]}\n```",
        "  ```JSON {\"blocks\":[]} ```  \n",
        "```{\"blocks\":[]}```",
        "```\n{\"blocks\":[]}\n",
    ] {
        assert_eq!(whole(reply).end, Ok(value.clone()), "{reply}");
        assert_eq!(read_in(reply, 1).end, Ok(value.clone()), "{reply}");
    }
}

#[test]
fn anything_else_around_the_reply_is_an_error_that_says_where() {
    for (reply, at) in [
        ("Sure! {\"blocks\":[]}", 0),
        ("\u{feff}{\"blocks\":[]}", 0),
        ("[{\"blocks\":[]}]", 0),
        ("``{\"blocks\":[]}", 2),
        ("````json\n{}", 3),
        ("```js\n{}", 5),
        ("```jsonc\n{}", 7),
        ("```json\nx{}", 8),
        ("{\"blocks\":[]} {", 14),
        ("{\"blocks\":[]}```", 13),
        ("```\n{\"blocks\":[]}\n```x", 21),
        ("```\n{\"blocks\":[]}\n````", 21),
    ] {
        let (fault, found) = fault(reply);
        assert!(matches!(fault, Fault::Unexpected { .. }), "{reply}: {fault}");
        assert_eq!(found, at, "{reply}");
    }
    for reply in ["", " ", "```", "```json", "```\n{\"blocks\":[]}\n``"] {
        assert_eq!(fault(reply), (Fault::Truncated, reply.len()), "{reply}");
    }
}

#[test]
fn what_is_not_asked_for_is_refused_at_its_first_byte() {
    for (reply, message) in [
        (
            r#"{"blocks":{}}"#,
            "expected an array under the watched key, found '{' at byte 10",
        ),
        (
            r#"{"blocks":null}"#,
            "expected an array under the watched key, found 'n' at byte 10",
        ),
        (
            r#"{"blocks":[{},3]}"#,
            "expected an object as element, found '3' at byte 14",
        ),
        (
            r#"{"blocks":[{},]}"#,
            "expected an object as element, found ']' at byte 14",
        ),
        (
            r#"{"block":[]}"#,
            "the property \"blocks\" is missing from the object that ends at byte 11",
        ),
        (
            r#"{"blocks":[],"blocks":[]}"#,
            "the property \"blocks\" stands twice at byte 21",
        ),
        (
            r#"{"blocks":[{"kind":"A","\u006bind":"B"}]}"#,
            "the property \"kind\" stands twice at byte 34",
        ),
        (
            r#"{"blocks":[{"a":1e999}]}"#,
            "an unreadable value (number out of range at line 1 column 10) at byte 11",
        ),
        (
            r#"{"blocks":[{"a":01}]}"#,
            "expected a comma or the end of the object, found '1' at byte 17",
        ),
        (
            "{\"blocks\":[{\"a\":\"\n\"}]}",
            "control character 0x0a inside a string at byte 17",
        ),
        (r#"{"blocks":[{"a":"\x"}]}"#, "expected an escape, found 'x' at byte 18"),
        (
            r#"{"blocks":[{"a":tru }]}"#,
            "expected the rest of true, false or null, found ' ' at byte 19",
        ),
    ] {
        let told = read_in(reply, 3);
        assert_eq!(told.end.as_ref().expect_err(reply).to_string(), message);
        assert_eq!(told, whole(reply), "{reply}");
    }
    let error = crate::ai::Error::from(whole("nonsense").end.expect_err("nonsense"));
    assert_eq!(error.kind, crate::ai::ErrorKind::BadOutput);
    assert_eq!(error.cause, "expected an object, found 'n' at byte 0");
}

#[test]
fn bytes_that_are_not_utf8_are_refused_wherever_they_stand() {
    for (before, after) in [
        ("{\"blocks\":[{\"a\":\"é", "\"}]}"),
        ("{\"", "\":1,\"blocks\":[]}"),
        ("{\"a\":\"", "\",\"blocks\":[]}"),
    ] {
        for bad in [&b"\xc3"[..], b"\xff", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xc3\x28"] {
            let reply = [before.as_bytes(), bad, after.as_bytes()].concat();
            let told = whole(&reply);
            assert_eq!(
                told.end,
                Err(Error {
                    fault: Fault::NotUtf8,
                    at: before.len()
                })
            );
            assert_eq!(read(cut(&reply, &[1])), told);
        }
    }
}

#[test]
fn a_reply_within_the_caps_is_read_and_one_byte_more_is_refused() {
    let deep = |levels: usize| format!("{{\"blocks\":[],\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(whole(deep(MAX_DEPTH - 1)).end.is_ok());
    assert_eq!(fault(&deep(MAX_DEPTH)), (Fault::TooDeep, 17 + MAX_DEPTH - 1));

    let long = |bytes: usize| {
        format!(
            "{{\"blocks\":[{{\"a\":\"{}\"}}]}}",
            "x".repeat(bytes - r#"{"a":""}"#.len())
        )
    };
    assert_eq!(closed(&whole(long(MAX_ELEMENT)).events).len(), 1);
    for length in [1000, usize::MAX] {
        let told = read_in(&long(MAX_ELEMENT + 1), length);
        assert_eq!(
            told.end,
            Err(Error {
                fault: Fault::ElementTooLong,
                at: 11 + MAX_ELEMENT
            })
        );
        assert_eq!(closed(&told.events).len(), 0);
    }

    // The cap is an element's own: what follows it is free of it.
    let rest = "x".repeat(MAX_ELEMENT);
    assert!(whole(format!("{{\"blocks\":[{{}}],\"rest\":\"{rest}\"}}")).end.is_ok());

    let total = |bytes: usize| format!("{{\"blocks\":[]}}{}", " ".repeat(bytes - 13));
    assert!(whole(total(MAX_TOTAL)).end.is_ok());
    for length in [100_000, usize::MAX] {
        let told = read_in(&total(MAX_TOTAL + 1), length);
        assert_eq!(
            told.end,
            Err(Error {
                fault: Fault::TooLong,
                at: MAX_TOTAL
            })
        );
    }
}

#[test]
fn after_an_error_the_scanner_repeats_it() {
    let mut scanner = Scanner::new("pages");
    let mut events = Vec::new();
    let error = scanner.feed("{]", &mut events).expect_err("a wrong byte");
    assert_eq!(scanner.feed("{\"pages\":[{}]}", &mut events), Err(error.clone()));
    assert_eq!(events, []);
    assert_eq!(scanner.finish(), Err(error));
}
