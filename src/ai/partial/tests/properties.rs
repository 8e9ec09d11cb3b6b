//! What holds for every document, every cut and every garbage.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, json};

/// The strings of a value with their paths, as `texts` should have them.
fn strings(index: usize, value: &Value, path: &mut Vec<String>, all: &mut BTreeMap<(usize, Vec<String>), String>) {
    let inside: Vec<(String, &Value)> = match value {
        Value::String(text) if !text.is_empty() && *path != ["kind"] => {
            all.insert((index, path.clone()), text.clone());
            return;
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| (at.to_string(), item))
            .collect(),
        Value::Object(members) => members.iter().map(|(key, item)| (key.clone(), item)).collect(),
        _ => return,
    };
    for (name, item) in inside {
        path.push(name);
        strings(index, item, path, all);
        path.pop();
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,12}",
        any::<String>(),
        vec(
            prop::sample::select(vec![
                '"', '\\', '\0', '\n', '\u{1f}', '😀', 'é', '\u{2028}', '{', ']', '`'
            ]),
            0..8
        )
        .prop_map(|characters| characters.into_iter().collect::<String>()),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((any_key(), inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![3 => any_text(), 1 => Just("kind".to_owned()), 1 => Just("blocks".to_owned())]
}

fn any_object(kind: bool) -> impl Strategy<Value = Map<String, Value>> {
    vec((any_key(), any_value()), 0..6).prop_map(move |members| {
        let first = kind.then(|| ("kind".to_owned(), json!("HERO"))).into_iter();
        first.chain(members).collect()
    })
}

/// A reply: an object whose `blocks` hold objects, among other properties.
fn any_document() -> impl Strategy<Value = Value> {
    (any_object(false), vec(any_object(true), 0..5), any_object(false)).prop_map(|(before, blocks, after)| {
        let blocks = blocks.into_iter().map(Value::Object).collect();
        let mut document = before;
        document.insert("blocks".to_owned(), Value::Array(blocks));
        for (key, value) in after {
            document.entry(key).or_insert(value);
        }
        Value::Object(document)
    })
}

/// The same document in the spellings that JSON allows.
fn spelled(document: &Value, style: u8) -> String {
    let text = if style & 1 == 0 {
        document.to_string()
    } else {
        format!("{document:#}")
    };
    let escaped = |text: &str| -> String {
        text.chars().fold(String::new(), |mut out, character| {
            if character.is_ascii() {
                out.push(character);
            } else {
                character
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| out += &format!("\\u{unit:04X}"));
            }
            out
        })
    };
    if style & 2 == 0 { text } else { escaped(&text) }
}

/// Failures are not written into the source tree: the message shows the smallest one.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn any_document_in_any_chunks_gives_what_serde_json_gives(
        document in any_document(), style in 0u8..4, fenced in any::<bool>(), lengths in vec(1usize..20, 1..12),
    ) {
        let json = spelled(&document, style);
        // Read back, because serde_json does not keep the last digit of every float.
        let document: Value = serde_json::from_str(&json)?;
        let reply = if fenced { format!("\n```json\n{json}\n```\n") } else { json };
        let told = whole(&reply);
        prop_assert_eq!(told.end.as_ref(), Ok(&document));
        prop_assert_eq!(Value::Array(closed(&told.events)), document["blocks"].clone());
        let mut expected = BTreeMap::new();
        for (index, block) in document["blocks"].as_array().into_iter().flatten().enumerate() {
            strings(index, block, &mut Vec::new(), &mut expected);
        }
        prop_assert_eq!(texts(&told.events), expected);
        prop_assert_eq!(read(cut(reply.as_bytes(), &lengths)), told);
    }

    #[test]
    fn a_damaged_reply_is_read_like_serde_json_reads_it_in_any_chunks(
        document in any_document(), style in 0u8..4, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        lengths in vec(1usize..9, 1..6),
    ) {
        let mut reply = spelled(&document, style).into_bytes();
        let at = at.index(reply.len());
        reply[at] = byte;
        let told = whole(&reply);
        prop_assert_eq!(&read(cut(&reply, &lengths)), &told);
        match (told.end, serde_json::from_slice::<Value>(&reply)) {
            (Ok(value), Ok(expected)) => prop_assert_eq!(value, expected),
            // The scanner mends lone surrogates, which serde_json refuses.
            (Ok(value), Err(error)) => {
                prop_assert!(error.to_string().contains("surrogate") || error.to_string().contains("hex escape"));
                prop_assert!(value.to_string().contains(char::REPLACEMENT_CHARACTER), "not mended");
            }
            (Err(error), Ok(_)) => prop_assert!(
                matches!(error.fault, Fault::Missing(_) | Fault::Twice(_) | Fault::Unexpected { .. }),
                "refused without need: {error}"
            ),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn random_bytes_never_panic(
        bytes in vec(any::<u8>(), 0..200), start in 0usize..4, lengths in vec(1usize..9, 1..6),
    ) {
        let start = ["", "{\"blocks\":[", "{\"blocks\":[{\"a\":\"", "```"][start];
        let reply = [start.as_bytes(), &bytes].concat();
        prop_assert_eq!(read(cut(&reply, &lengths)), whole(&reply));
    }

    #[test]
    fn random_tokens_are_accepted_exactly_when_serde_json_accepts_them(
        tokens in vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "0", "-", "1", ".5", "e", "+", "true", "null", " ", "\"\\u00e9\"",
        ]), 0..12),
    ) {
        let inner = tokens.concat();
        let reply = format!("{{\"blocks\":[],\"x\":{inner}}}");
        let expected = serde_json::from_str::<Value>(&reply).map_err(|_| ());
        prop_assert_eq!(whole(&reply).end.map_err(|_| ()), expected);
    }
}

proptest! {
    // Every case reads its reply once for each of its bytes.
    #![proptest_config(cases(40))]

    #[test]
    fn a_reply_cut_at_any_byte_ends_as_an_error_and_closes_only_what_was_whole(
        document in any_document(), style in 0u8..4,
    ) {
        let reply = spelled(&document, style);
        let all = whole(&reply).events;
        let (after, full) = (closed(&all), texts(&all));
        for end in 0..reply.len() {
            let told = whole(&reply.as_bytes()[..end]);
            prop_assert_eq!(told.end, Err(Error { fault: Fault::Truncated, at: end }));
            let before = closed(&told.events);
            prop_assert_eq!(&before[..], &after[..before.len()]);
            for (place, text) in texts(&told.events) {
                prop_assert!(full[&place].starts_with(&text));
            }
        }
    }
}
