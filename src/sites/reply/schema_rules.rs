//! The rules of a published schema as assertions, for the tests of everything that publishes one.

use serde_json::Value;

/// Every object closes itself and requires all it has; nothing refers elsewhere; no keyword that a
/// strict mode refuses.
pub(crate) fn assert_strict(schema: &Value) {
    const KEYWORDS: &[&str] = &[
        "type",
        "description",
        "required",
        "properties",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "maxLength",
        "pattern",
        "anyOf",
        "enum",
        "const",
    ];
    let Value::Object(keywords) = schema else {
        panic!("not a schema: {schema}")
    };
    for keyword in keywords.keys() {
        assert!(KEYWORDS.contains(&keyword.as_str()), "{keyword} in {schema}");
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let required: Vec<&str> = schema["required"]
            .as_array()
            .expect("required")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(names, required);
        assert_eq!(schema["additionalProperties"], Value::Bool(false));
        properties.values().for_each(assert_strict);
    }
    assert!(
        schema.get("type").is_some() || schema.get("anyOf").is_some(),
        "untyped: {schema}"
    );
    assert_eq!(schema["type"] == "array", schema.get("items").is_some(), "{schema}");
    assert_eq!(
        schema["type"] == "object",
        schema.get("properties").is_some(),
        "{schema}"
    );
    schema.get("items").into_iter().for_each(assert_strict);
    schema
        .get("anyOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .for_each(assert_strict);
}

/// Whether the value obeys the schema, for the keywords that `assert_strict` allows.
pub(crate) fn is_valid(schema: &Value, value: &Value) -> bool {
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        return options.iter().any(|option| is_valid(option, value));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let fits = types.iter().any(|name| match *name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unexpected type {other}"),
    });
    let is_word = schema
        .get("enum")
        .and_then(Value::as_array)
        .is_none_or(|words| words.contains(value));
    let is_constant = schema.get("const").is_none_or(|constant| constant == value);
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let bound = |keyword: &str, otherwise: u64| schema.get(keyword).and_then(Value::as_u64).unwrap_or(otherwise);
    let count = items.len() as u64;
    let counts = !value.is_array() || (bound("minItems", 0)..=bound("maxItems", u64::MAX)).contains(&count);
    let items_fit = items.iter().all(|item| is_valid(&schema["items"], item));
    let fields_fit = value.as_object().is_none_or(|fields| {
        let properties = schema["properties"].as_object().expect("an object has properties");
        fields.len() == properties.len()
            && properties
                .iter()
                .all(|(name, schema)| fields.get(name).is_some_and(|field| is_valid(schema, field)))
    });
    fits && is_word && is_constant && counts && items_fit && fields_fit
}

pub(crate) fn assert_valid(schema: &Value, value: &Value) {
    assert!(is_valid(schema, value), "{value:#} does not obey {schema:#}");
}
