//! The form of a schema that providers accept: OpenAI's strict mode and grammars of local servers.
//!
//! Every property is required (optional means nullable), no property is added, every schema stands in
//! place, a closed set is an `enum`. Lengths and patterns of texts are for grammars; a strict mode that refuses
//! them gets them taken out (`ai/openai/grammar.rs`). The descriptions name them too, and `read` enforces them.

use serde_json::{Map, Value, json};

use super::shape;

/// The strict form of a derived schema.
pub(crate) fn strict(schema: &Value) -> Value {
    let mut out = Map::new();
    if let Some(words) = shape::words(schema) {
        out.insert("type".into(), json!("string"));
        let names: Vec<&str> = words.iter().map(|(word, _)| word.as_str()).collect();
        out.insert("enum".into(), json!(names));
        out.insert("description".into(), json!(describe(schema, &words)));
        return Value::Object(out);
    }
    if shape::has_type(schema, "object") && shape::has_type(schema, "null") {
        // Older grammar converters forget the properties when an object has two types.
        let mut object = schema.clone();
        object["type"] = json!("object");
        return json!({ "anyOf": [strict(&object), { "type": "null" }] });
    }
    for keyword in ["type", "minItems", "maxItems", "maxLength", "const"] {
        if let Some(value) = schema.get(keyword) {
            out.insert(keyword.into(), value.clone());
        }
    }
    if let Some(pattern) = shape::pattern(schema) {
        out.insert("pattern".into(), json!(pattern));
    }
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        out.insert("description".into(), json!(for_writers(description)));
    }
    if let Some(items) = schema.get("items") {
        out.insert("items".into(), strict(items));
    }
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        out.insert("anyOf".into(), options.iter().map(strict).collect());
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let names: Vec<&String> = properties.keys().collect();
        let strict: Map<String, Value> = properties
            .iter()
            .map(|(name, schema)| (name.clone(), strict(schema)))
            .collect();
        out.insert("required".into(), json!(names));
        out.insert("properties".into(), Value::Object(strict));
        out.insert("additionalProperties".into(), Value::Bool(false));
    }
    Value::Object(out)
}

/// A description without the words that speak to frontend developers.
fn for_writers(description: &str) -> String {
    const FOR_READERS: [&str; 3] = [
        " Never null in a finished block.",
        " in a finished block",
        "; sanitise it before showing it",
    ];
    FOR_READERS
        .iter()
        .fold(description.to_owned(), |text, words| text.replace(words, ""))
}

/// The field's own description, then what each word means.
fn describe(schema: &Value, words: &[(String, String)]) -> String {
    let own = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let mut parts = vec![for_writers(own)];
    parts.extend(
        words
            .iter()
            .filter(|(_, meaning)| !meaning.is_empty())
            .map(|(word, meaning)| format!("{word}: {meaning}")),
    );
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}
