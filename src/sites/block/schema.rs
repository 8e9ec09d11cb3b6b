//! The JSON Schema of a page reply: `{"blocks": […]}` with one element a planned section.

use serde_json::{Map, Value, json};

use super::BlockKind;
use super::read::schema;
use crate::sites::reply::strict;

/// The schema for these sections, one kind a section, in order; kinds may repeat.
///
/// An element is one of the kinds that occur, told apart by a constant `kind`, which comes first so
/// that a grammar decides on the kind before the fields. `placeholders` comes last.
pub fn page_schema(kinds: &[BlockKind]) -> Value {
    let occurring: Vec<Value> = BlockKind::ALL
        .iter()
        .filter(|kind| kinds.contains(kind))
        .map(|kind| element(*kind))
        .collect();
    let blocks = json!({
        "type": "array",
        "description": "One element a planned section, in the planned order.",
        "minItems": kinds.len(),
        "maxItems": kinds.len(),
        "items": { "anyOf": occurring },
    });
    json!({
        "type": "object",
        "properties": { "blocks": blocks },
        "required": ["blocks"],
        "additionalProperties": false,
    })
}

fn element(kind: BlockKind) -> Value {
    let mut content = strict(schema(kind));
    let mut properties = Map::new();
    properties.insert("kind".into(), json!({ "type": "string", "const": kind.as_str() }));
    if let Some(fields) = content["properties"].as_object_mut() {
        properties.append(fields);
    }
    properties.insert(
        "placeholders".into(),
        json!({
            "type": "array",
            "description": "The phrases that stand in square brackets in this block, without the brackets: what a person must fill in.",
            "items": { "type": "string" },
        }),
    );
    let names: Vec<&String> = properties.keys().collect();
    content["required"] = json!(names);
    content["properties"] = Value::Object(properties);
    content
}
