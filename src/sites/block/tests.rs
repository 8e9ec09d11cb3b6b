//! Reading blocks, example by example, and the type rules that hold over all kinds.

use serde_json::{Value, json};

use super::read::shape;
use super::*;
use crate::sites::problem::Constraint;
use crate::sites::reply::schema_rules::{assert_strict, assert_valid, is_valid};
use crate::sites::reply::{Form, Shape};

/// A reply element of this kind with every list at its least length and every text short.
fn element(kind: BlockKind) -> Value {
    let Value::Object(mut fields) = sample(shape(kind)) else {
        panic!("a content is an object")
    };
    fields.shift_insert(0, "kind".to_owned(), json!(kind.as_str()));
    fields.insert("placeholders".to_owned(), json!(["phone number"]));
    Value::Object(fields)
}

fn sample(shape: &Shape) -> Value {
    match shape {
        Shape::Text(text) => match text.form {
            Form::Link => json!("/contact"),
            Form::Picture => json!("https://example.org/a.jpg"),
            Form::Aspect => json!("16:9"),
            _ => json!("Some [phone number]"),
        },
        Shape::Choice { words, .. } => json!(words.last()),
        Shape::Flag => json!(true),
        Shape::List { item, min, .. } => Value::Array(vec![sample(item); (*min).max(1)]),
        Shape::Object(object) => object
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), sample(field)))
            .collect(),
        Shape::Unknown => panic!("every field has a shape that reading knows"),
    }
}

fn read(kind: BlockKind, value: Value) -> Written {
    read_block(kind, value, "Planned heading").unwrap_or_else(|problems| panic!("{kind}: {problems:?}"))
}

fn problems(kind: BlockKind, value: Value) -> Vec<(String, Constraint)> {
    let problems = read_block(kind, value, "").expect_err("it should be refused");
    problems
        .into_iter()
        .map(|problem| (problem.path.join("."), problem.constraint))
        .collect()
}

#[test]
fn every_kind_reads_its_sample_unchanged() {
    for kind in BlockKind::ALL {
        let written = read(*kind, element(*kind));
        assert_eq!(written.repairs, Vec::<String>::new(), "{kind}");
        assert_eq!(written.placeholders, ["phone number"], "{kind}");
        let mut stored = element(*kind);
        stored.as_object_mut().expect("an object").shift_remove("placeholders");
        assert_eq!(written.content.to_value(), stored, "{kind}");
        assert_eq!(
            written
                .content
                .to_value()
                .as_object()
                .and_then(|fields| fields.keys().next())
                .map(String::as_str),
            Some("kind")
        );
    }
}

#[test]
fn contents_are_stored_with_their_kind_and_old_rows_still_read() {
    assert_eq!(BlockKind::ALL.len(), 16);
    for kind in BlockKind::ALL {
        assert_eq!(BlockKind::parse(kind.as_str()), Some(*kind));
        assert_eq!(json!(kind), json!(kind.as_str()));
        let empty = Content::empty(*kind);
        assert_eq!(empty.kind(), *kind);
        assert_eq!(empty.to_value()["kind"], kind.as_str());
        assert_eq!(
            serde_json::from_value::<Content>(empty.to_value()).expect("it reads back"),
            empty
        );
        assert_eq!(
            serde_json::from_value::<Content>(json!({ "kind": kind })).expect("missing fields are empty"),
            empty
        );
        assert_eq!(
            Content::of_kind(*kind, empty.to_value()).expect("`kind` may stand in it"),
            empty
        );
    }
    assert_eq!(BlockKind::parse("hero"), None);
}

#[test]
fn bounds_are_those_of_the_design() {
    let bounds = |kind, name: &str| match shape(kind) {
        Shape::Object(object) => object.fields.iter().find_map(|(field, shape)| match shape {
            Shape::List { min, max, .. } if field == name => Some((*min, *max)),
            _ => None,
        }),
        _ => None,
    };
    for (kind, name, expected) in [
        (BlockKind::Hero, "actions", (0, 2)),
        (BlockKind::Features, "items", (2, 8)),
        (BlockKind::Split, "bullets", (0, 6)),
        (BlockKind::Steps, "items", (2, 6)),
        (BlockKind::Stats, "items", (2, 6)),
        (BlockKind::Logos, "items", (2, 8)),
        (BlockKind::Testimonials, "items", (1, 4)),
        (BlockKind::Pricing, "plans", (1, 4)),
        (BlockKind::Products, "items", (1, 12)),
        (BlockKind::Faq, "items", (3, 10)),
        (BlockKind::Cta, "actions", (1, 2)),
        (BlockKind::Gallery, "items", (2, 12)),
        (BlockKind::Team, "members", (1, 8)),
        (BlockKind::Timeline, "events", (2, 8)),
        (BlockKind::Contact, "hours", (0, 7)),
    ] {
        assert_eq!(bounds(kind, name), Some(expected), "{kind}.{name}");
    }
}

#[test]
fn the_page_schema_is_strict_and_admits_every_sample() {
    let schema = page_schema(BlockKind::ALL);
    assert_strict(&schema);
    let blocks: Vec<Value> = BlockKind::ALL.iter().map(|kind| element(*kind)).collect();
    assert_valid(&schema, &json!({ "blocks": blocks }));
    let options = schema["properties"]["blocks"]["items"]["anyOf"]
        .as_array()
        .expect("one option a kind");
    for (option, kind) in options.iter().zip(BlockKind::ALL) {
        let names: Vec<&str> = option["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!((names.first(), names.last()), (Some(&"kind"), Some(&"placeholders")));
        assert_eq!(option["properties"]["kind"]["const"], kind.as_str());
    }
    assert!(!schema.to_string().contains("frontend") && !schema.to_string().contains("finished block"));
}

#[test]
fn the_page_schema_has_one_element_a_section_and_only_the_kinds_that_occur() {
    let schema = page_schema(&[BlockKind::Hero, BlockKind::Text, BlockKind::Text]);
    let blocks = &schema["properties"]["blocks"];
    assert_eq!(
        (blocks["minItems"].as_u64(), blocks["maxItems"].as_u64()),
        (Some(3), Some(3))
    );
    assert_eq!(blocks["items"]["anyOf"].as_array().map(Vec::len), Some(2));
    let reply = |kinds: &[BlockKind]| json!({ "blocks": kinds.iter().map(|kind| element(*kind)).collect::<Vec<_>>() });
    assert!(is_valid(
        &schema,
        &reply(&[BlockKind::Hero, BlockKind::Text, BlockKind::Text])
    ));
    assert!(!is_valid(&schema, &reply(&[BlockKind::Hero, BlockKind::Text])));
    assert!(!is_valid(
        &schema,
        &reply(&[BlockKind::Hero, BlockKind::Text, BlockKind::Faq])
    ));
}

#[test]
fn another_kind_than_planned_is_refused() {
    assert_eq!(
        problems(BlockKind::Faq, element(BlockKind::Hero)),
        [("kind".to_owned(), Constraint::Format)]
    );
    assert!(read_block(BlockKind::Faq, json!("FAQ"), "Heading").is_err());
    let mut unnamed = element(BlockKind::Faq);
    unnamed.as_object_mut().expect("an object").shift_remove("kind");
    assert_eq!(read(BlockKind::Faq, unnamed).content.kind(), BlockKind::Faq);
}

#[test]
fn the_planned_heading_stands_in_for_a_missing_title_and_describes_a_missing_picture() {
    let written = read(
        BlockKind::Split,
        json!({ "title": " ", "body": "Text", "image": { "url": "javascript:alert(1)" } }),
    );
    let Content::Split(split) = &written.content else {
        panic!("{written:?}")
    };
    assert_eq!(split.title.as_deref(), Some("Planned heading"));
    assert_eq!(
        split.image,
        Some(Image {
            alt: Some("Planned heading".into()),
            ..Image::default()
        })
    );
    let written = read(BlockKind::Text, json!({ "title": null, "body": "Text" }));
    assert_eq!(
        written.content,
        Content::Text(TextContent {
            title: None,
            body: Some("Text".into())
        })
    );
    let broken = problems(BlockKind::Split, json!({}));
    let places: Vec<&str> = broken.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(places, ["title", "body", "image"]);
}

#[test]
fn hostile_text_stays_text_and_bad_addresses_go() {
    let written = read(
        BlockKind::Hero,
        json!({
            "kind": "hero", "eyebrow": "\u{202E}\u{0}", "headline": "<script>alert(1)</script>\u{7} {{x}}",
            "subheadline": 42, "layout": "split", "extra": { "deep": [1] },
            "actions": [
                { "label": "Bad", "href": "java\tscript:alert(1)", "style": "PRIMARY" },
                { "label": "Good", "href": "contact", "style": "glow" },
            ],
            "image": { "url": "data:image/svg+xml,x", "alt": "A cat", "aspect": "16 x 9" },
        }),
    );
    let Content::Hero(hero) = &written.content else {
        panic!("{written:?}")
    };
    assert_eq!(hero.eyebrow, None);
    assert_eq!(hero.headline.as_deref(), Some("<script>alert(1)</script> {{x}}"));
    assert_eq!(hero.subheadline.as_deref(), Some("42"));
    assert_eq!(hero.layout, HeroLayout::Split);
    let good = Action {
        label: Some("Good".into()),
        href: Some("/contact".into()),
        style: ActionStyle::Primary,
    };
    assert_eq!(hero.actions, [good]);
    let image = hero.image.as_ref().expect("its description is left");
    assert_eq!((image.url.as_deref(), image.aspect.as_deref()), (None, Some("16:9")));
    assert!(
        written.repairs.iter().any(|repair| repair.starts_with("actions[0]")),
        "{:?}",
        written.repairs
    );
}

#[test]
fn long_lists_are_cut_and_incomplete_items_go_while_enough_are_left() {
    let question = |number: usize| json!({ "question": format!("Why {number}?"), "answer": "Because." });
    let mut items: Vec<Value> = (0..12).map(question).collect();
    items.insert(1, json!({ "question": "Unanswered?" }));
    items.insert(2, json!({}));
    let written = read(BlockKind::Faq, json!({ "title": "Questions", "items": items }));
    let Content::Faq(faq) = &written.content else {
        panic!("{written:?}")
    };
    assert_eq!(faq.items.len(), 10);
    assert_eq!(faq.items[1].question.as_deref(), Some("Why 1?"));

    let few = json!({ "title": "Questions", "items": [question(0), question(1), { "question": "Unanswered?" }] });
    assert_eq!(
        problems(BlockKind::Faq, few),
        [("items.2.answer".to_owned(), Constraint::Required)]
    );
    let fewer = json!({ "title": "Questions", "items": [question(0)] });
    assert_eq!(
        problems(BlockKind::Faq, fewer),
        [("items".to_owned(), Constraint::TooFew)]
    );
}

#[test]
fn a_request_to_act_needs_an_address_that_works() {
    let cta = json!({ "title": "Call", "actions": [{ "label": "Call", "href": "javascript:x" }] });
    let problems = read_block(BlockKind::Cta, cta, "").expect_err("no usable button");
    let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        ["actions[0].href: Give an address: `/` and a page's slug, `https://…`, `mailto:…` or `tel:…`."]
    );
}

#[test]
fn bracketed_phrases_join_the_listed_placeholders_once() {
    let value = json!({
        "title": "Visit us", "phone": "[phone number]", "address": "[street]\n[town]", "intro": "Ask [our  owner].",
        "placeholders": ["[phone number]", "phone number", "", 7, "opening hours\u{202E}"],
    });
    let written = read(BlockKind::Contact, value);
    assert_eq!(
        written.placeholders,
        ["phone number", "opening hours", "our owner", "street", "town"]
    );
}

#[test]
fn markdown_keeps_its_lines_and_loses_dangerous_links() {
    let body = "One.\r\n\r\n- a\r\n- b [x](javascript:alert(1)) [y](https://example.org)\u{202E}";
    let written = read(BlockKind::Text, json!({ "body": body }));
    let Content::Text(text) = &written.content else {
        panic!("{written:?}")
    };
    assert_eq!(
        text.body.as_deref(),
        Some("One.\n\n- a\n- b x [y](https://example.org)")
    );
}
