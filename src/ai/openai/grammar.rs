//! The schema as different servers can use it.
//!
//! OpenAI's strict mode refuses the lengths of texts, which our schemas state. Servers that make a grammar of a schema
//! (llama.cpp, vLLM, Ollama) keep to them, and small models need them: without, a text may never end. Such servers also
//! keep an order of elements that the strict mode cannot express.

use serde_json::{Value, json};

use crate::ai::{PageTask, Task};

/// Longer texts make grammars that llama.cpp refuses or takes seconds for; what is longer is cut here.
const LONGEST: u64 = 600;

/// For strict modes: without the lengths.
pub(super) fn without_lengths(mut schema: Value) -> Value {
    visit(&mut schema, &|schema| {
        schema.shift_remove("maxLength");
    });
    schema
}

/// For grammars: with lengths that they can hold, and a page's sections in their order.
pub(super) fn for_grammar(mut schema: Value, task: &Task) -> Value {
    visit(&mut schema, &|schema| {
        if let Some(length) = schema.get_mut("maxLength")
            && length.as_u64().is_some_and(|length| length > LONGEST)
        {
            *length = json!(LONGEST);
        }
    });
    if let Task::Page(page) = task
        && let Some(ordered) = in_order(&schema["properties"]["blocks"], page)
    {
        schema["properties"]["blocks"] = ordered;
    }
    schema
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

/// Every schema within a schema. Names of properties are no keywords, whatever they are called.
fn visit(schema: &mut Value, change: &impl Fn(&mut serde_json::Map<String, Value>)) {
    let Value::Object(keywords) = schema else { return };
    change(keywords);
    if let Some(properties) = keywords.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(|property| visit(property, change));
    }
    for keyword in ["items", "anyOf"] {
        match keywords.get_mut(keyword) {
            Some(Value::Array(options)) => options.iter_mut().for_each(|option| visit(option, change)),
            Some(one) => visit(one, change),
            None => {}
        }
    }
}
