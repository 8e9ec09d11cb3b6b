//! Over any JSON, near the shape or far from it: what is accepted obeys the bounds and stays as it is.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::read::shape;
use super::*;
use crate::sites::reply::schema_rules::assert_valid;
use crate::sites::reply::{Form, Shape};
use crate::sites::{text, url};

/// Every bound and every form, over everything that was accepted.
fn assert_bounds(shape: &Shape, value: &Value, place: &str) {
    match (shape, value) {
        (Shape::Text(text), Value::Null) => assert!(text.nullable, "{place} is required"),
        (Shape::Text(text), Value::String(said)) => {
            assert!(
                !said.is_empty() && said.chars().count() <= text.max,
                "{place}: {said:?}"
            );
            assert!(!said.chars().any(text::is_forbidden), "{place}: {said:?}");
            match text.form {
                Form::Link => assert_eq!(url::link(said).as_ref(), Some(said), "{place}"),
                Form::Picture => assert_eq!(url::picture(said).as_ref(), Some(said), "{place}"),
                Form::Line => assert!(!said.contains('\n'), "{place}: {said:?}"),
                _ => {}
            }
        }
        (Shape::Choice { words, .. }, Value::String(word)) => {
            assert!(words.contains(word), "{place}: {word}")
        }
        (Shape::Flag, Value::Bool(_)) => {}
        (Shape::List { item, min, max }, Value::Array(items)) => {
            assert!((*min..=*max).contains(&items.len()), "{place}: {} entries", items.len());
            items.iter().for_each(|one| assert_bounds(item, one, place));
        }
        (Shape::Object(object), Value::Null) => assert!(object.nullable, "{place} is required"),
        (Shape::Object(object), Value::Object(fields)) => {
            object
                .fields
                .iter()
                .for_each(|(name, field)| assert_bounds(field, &fields[name], &format!("{place}.{name}")));
        }
        (shape, value) => panic!("{place}: {value} is no {shape:?}"),
    }
}

/// Text that a hostile or careless writer might send.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[A-Za-z ,.]{1,40}",
        1 => "(?s).{0,30}",
        1 => "([a-z]{1,9} ){0,90}",
        1 => prop::sample::select(vec!["", " ", "\u{0}", "[phone number]", "a [b](javascript:x) c", "<b>x</b>", "javascript:x", "/about",
            "https://example.org/a b", "16:9", "[[x](", "PRIMARY", "\u{202E}x"]).prop_map(str::to_owned),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any_text().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 48, 8, |inner| {
        let names = prop::sample::select(vec![
            "kind",
            "title",
            "headline",
            "items",
            "plans",
            "actions",
            "label",
            "href",
            "image",
            "url",
            "body",
            "question",
            "answer",
            "name",
            "price",
            "features",
            "value",
            "description",
            "placeholders",
            "members",
            "role",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..8).prop_map(|fields| Value::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<Map<_, _>>()
            )),
        ]
    })
}

/// A value that nearly has the shape: lists of odd lengths, texts of any content, parts missing.
fn nearly(shape: &Shape) -> BoxedStrategy<Value> {
    let right = match shape {
        Shape::Text(_) => any_text().prop_map(Value::from).boxed(),
        Shape::Choice { words, .. } => prop::sample::select(words.clone()).prop_map(Value::from).boxed(),
        Shape::List { item, max, .. } => prop::collection::vec(nearly(item), 0..max + 3)
            .prop_map(Value::from)
            .boxed(),
        Shape::Object(object) => object
            .fields
            .iter()
            .fold(Just(Map::new()).boxed(), |fields, (name, field)| {
                let name = name.clone();
                (fields, nearly(field))
                    .prop_map(move |(mut fields, value)| {
                        fields.insert(name.clone(), value);
                        fields
                    })
                    .boxed()
            })
            .prop_map(Value::Object)
            .boxed(),
        Shape::Flag | Shape::Unknown => any::<bool>().prop_map(Value::from).boxed(),
    };
    prop_oneof![14 => right, 1 => Just(Value::Null), 1 => Just(json!([1, {}]))].boxed()
}

fn any_element() -> impl Strategy<Value = (BlockKind, Value)> {
    prop::sample::select(BlockKind::ALL).prop_flat_map(|kind| {
        prop_oneof![1 => any_json().boxed(), 3 => nearly(shape(kind))].prop_map(move |value| (kind, value))
    })
}

proptest! {
    #[test]
    fn whatever_is_accepted_obeys_every_bound_and_reads_the_same_again((kind, value) in any_element(), heading in any_text()) {
        let Ok(written) = read_block(kind, value, &heading) else { return Ok(()) };
        let mut stored = written.content.to_value();
        assert_bounds(shape(kind), &stored, kind.as_str());
        let unique: HashSet<&String> = written.placeholders.iter().collect();
        prop_assert!(unique.len() == written.placeholders.len() && unique.len() <= PLACEHOLDERS_MAX);

        stored["placeholders"] = json!(written.placeholders);
        let element = stored.clone();
        let again = read_block(kind, stored, &heading).expect("it was accepted");
        prop_assert_eq!(again.repairs, Vec::<String>::new());
        prop_assert_eq!(again.content, written.content);
        prop_assert_eq!(again.placeholders, written.placeholders);
        assert_valid(&page_schema(&[kind]), &json!({ "blocks": [element] }));
    }
}
