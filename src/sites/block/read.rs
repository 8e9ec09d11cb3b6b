//! How one element of a page reply becomes a block's content.
//!
//! The element must be of the planned kind and obey the bounds of its struct; the heading of the plan
//! stands in for a title that the writer forgot. Stored content is not read here: it is trusted.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{BlockKind, Content};
use crate::sites::problem::{Constraint, Problem};
use crate::sites::reply::{self, Reader, Shape};
use crate::sites::{text, url};

/// The most placeholders a block lists.
pub const PLACEHOLDERS_MAX: usize = 40;

/// A block that a writer wrote, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    pub content: Content,
    /// What a person must confirm or fill in: phrases that stand in brackets in the content. What a model invented is
    /// added by `generation`, which knows the brief.
    pub placeholders: Vec<String>,
    /// What had to be changed, one sentence each, for logs.
    pub repairs: Vec<String>,
}

/// Reads the element that was written for a planned section. The problems are fit to be shown to the
/// writer as its correction; their paths start inside the element.
pub fn read_block(kind: BlockKind, value: Value, fallback_heading: &str) -> Result<Written, Vec<Problem>> {
    let Value::Object(mut given) = value else {
        return Err(vec![Problem::whole(format!("Write an object of kind {kind}."))]);
    };
    let said = given.shift_remove("kind");
    if let Some(said) = said.as_ref().and_then(Value::as_str)
        && said.trim().to_uppercase() != kind.as_str()
    {
        let message = format!("Write a block of kind {kind} here, as planned.");
        return Err(vec![Problem::new(&["kind"], Constraint::Format, message)]);
    }
    let listed = given.shift_remove("placeholders").unwrap_or(Value::Null);

    let mut reader = Reader::default();
    let mut value = Value::Object(given);
    stand_in(kind, &mut value, fallback_heading, &mut reader.repairs);
    let clean = reader.read(shape(kind), value);
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let placeholders = placeholders(&listed, &clean);
    // The reader wrote every field in the type that the struct's own schema names.
    let content = Content::of_kind(kind, clean)
        .map_err(|error| vec![Problem::whole(format!("Write a block of kind {kind}: {error}."))])?;
    Ok(Written {
        content,
        placeholders,
        repairs: reader.repairs,
    })
}

/// The planned heading stands in for a required title, and describes a required picture.
fn stand_in(kind: BlockKind, value: &mut Value, heading: &str, repairs: &mut Vec<String>) {
    let heading = text::clean_line(heading);
    let Shape::Object(shape) = shape(kind) else {
        return;
    };
    if heading.is_empty() {
        return;
    }
    for (name, field) in &shape.fields {
        let given = &value[name.as_str()];
        let substitute = match (name.as_str(), field) {
            ("title" | "headline", Shape::Text(text)) if !text.nullable && says_nothing(given) => {
                json!(heading)
            }
            ("image", Shape::Object(image)) if !image.nullable && shows_nothing(given) => {
                json!({ "alt": heading })
            }
            _ => continue,
        };
        value[name.as_str()] = substitute;
        repairs.push(format!("{name} was missing; the planned heading stands in"));
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::String(said) => text::clean_line(said).is_empty(),
        value => !value.is_number(),
    }
}

fn shows_nothing(image: &Value) -> bool {
    let has_file = image["url"].as_str().and_then(url::picture).is_some();
    !has_file && says_nothing(&image["alt"]) && says_nothing(&image["prompt"])
}

/// What the writer listed, then what stands in brackets in the texts; each once.
fn placeholders(listed: &Value, content: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for phrase in listed.as_array().into_iter().flatten().filter_map(Value::as_str) {
        found.extend(text::placeholder(phrase));
    }
    collect_phrases(content, &mut found);
    let mut seen = std::collections::HashSet::new();
    found.retain(|phrase| seen.insert(phrase.clone()));
    found.truncate(PLACEHOLDERS_MAX);
    found
}

fn collect_phrases(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(text::placeholders_in(text)),
        Value::Array(items) => items.iter().for_each(|item| collect_phrases(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect_phrases(field, found)),
        _ => {}
    }
}

/// The derived schemas, in the order of `BlockKind::ALL`, each with the shape read from it.
static DERIVED: LazyLock<Vec<(Value, Shape)>> = LazyLock::new(|| {
    let derive = |kind: &BlockKind| {
        let schema = kind.content_schema(&mut reply::generator()).to_value();
        let shape = Shape::of(&schema);
        (schema, shape)
    };
    BlockKind::ALL.iter().map(derive).collect()
});

pub(super) fn schema(kind: BlockKind) -> &'static Value {
    &DERIVED[kind as usize].0
}

pub(super) fn shape(kind: BlockKind) -> &'static Shape {
    &DERIVED[kind as usize].1
}
