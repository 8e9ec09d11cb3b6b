//! The schema as different servers can use it.
//!
//! OpenAI's strict mode refuses the lengths of texts, which our schemas state, and not every such server knows the patterns.
//! Servers that make a grammar of a schema (llama.cpp, vLLM, Ollama) keep to them, and small models need them: without, a
//! text may never end. Such servers also keep an order of elements that the strict mode cannot express.

use serde_json::{Map, Value, json};

use super::links;
use crate::ai::{PageTask, Request, Task};

/// How much a grammar lets a model write in one place. Longer texts than some hundred characters make grammars that
/// llama.cpp refuses or takes seconds for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Characters of a text.
    pub text: u64,
    /// Entries of a list, where fewer are not too few.
    pub items: u64,
}

/// For strict modes: without the bounds of texts.
pub(super) fn without_bounds(mut schema: Value) -> Value {
    visit(&mut schema, "", &|_, schema| {
        schema.shift_remove("maxLength");
        schema.shift_remove("pattern");
    });
    schema
}

/// For grammars: everything within bounds, a page's sections in their order and its links to pages
/// and addresses that exist.
pub(super) fn for_grammar(request: &Request, limits: Limits) -> Value {
    let (links, pictures) = (links::links(request), links::pictures(request));
    let mut schema = request.schema.value().clone();
    visit(&mut schema, "", &|name, schema| {
        bound(name, schema, limits);
        match (name, &pictures) {
            ("href", _) => {
                schema.insert("pattern".into(), json!(links));
            }
            ("url", Some(pictures)) => {
                schema.insert("pattern".into(), json!(pictures));
            }
            ("url", None) => *schema = Map::from_iter([("type".to_string(), json!("null"))]),
            _ => {}
        }
    });
    if let Task::Page(page) = &request.task
        && let Some(ordered) = in_order(&schema["properties"]["blocks"], page)
    {
        schema["properties"]["blocks"] = ordered;
    }
    schema
}

fn bound(name: &str, schema: &mut Map<String, Value>, limits: Limits) {
    let least = |schema: &Map<String, Value>, keyword: &str, limit: u64| {
        let own = schema.get(keyword).and_then(Value::as_u64);
        json!(own.map_or(limit, |own| own.min(limit)))
    };
    if schema.contains_key("pattern") {
        // Grammars lose a length beside a pattern, which has its own.
        schema.shift_remove("maxLength");
    } else if is(schema, "string") && !schema.contains_key("enum") && !schema.contains_key("const") {
        schema.insert("maxLength".into(), least(schema, "maxLength", limits.text));
    }
    // How many pages, sections and blocks there are is said by who asks.
    if is(schema, "array") && !matches!(name, "pages" | "sections" | "blocks") {
        let fewest = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        schema.insert("maxItems".into(), least(schema, "maxItems", limits.items.max(fewest)));
    }
}

fn is(schema: &Map<String, Value>, wanted: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|name| name == wanted),
        Some(name) => name == wanted,
        None => false,
    }
}

/// The list with one schema a section instead of one for any; none when it is of another make.
fn in_order(blocks: &Value, page: &PageTask) -> Option<Value> {
    let options = blocks["items"]["anyOf"].as_array()?;
    let of_kind = |kind: &str| {
        options
            .iter()
            .find(|option| option["properties"]["kind"]["const"] == kind)
    };
    let each: Option<Vec<&Value>> = page.sections.iter().map(|section| of_kind(&section.kind)).collect();
    let count = page.sections.len();
    let is_whole = blocks["minItems"].as_u64() == u64::try_from(count).ok();
    let each = each.filter(|_| is_whole)?;
    Some(json!({ "type": "array", "prefixItems": each, "minItems": count, "maxItems": count }))
}

/// Every schema within a schema, with the name of the property that it is for. Names of properties are no keywords,
/// whatever they are called.
fn visit(schema: &mut Value, name: &str, change: &impl Fn(&str, &mut Map<String, Value>)) {
    let Value::Object(keywords) = schema else { return };
    change(name, keywords);
    if let Some(properties) = keywords.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            visit(property, name, change);
        }
    }
    for keyword in ["items", "anyOf"] {
        match keywords.get_mut(keyword) {
            Some(Value::Array(options)) => options.iter_mut().for_each(|option| visit(option, name, change)),
            Some(one) => visit(one, "", change),
            None => {}
        }
    }
}
