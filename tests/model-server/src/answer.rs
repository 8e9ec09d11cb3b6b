//! A reply made from the JSON Schema and the prompt of a request: valid, plain, and the same each time.
//!
//! It knows JSON Schema and a few words of websites (a slug, a colour, a home page), nothing of Sitewright's
//! types: a schema that changes changes the reply.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value, json};

use crate::words::Words;

/// Every message of a request, one after the other.
pub(crate) fn prompt(body: &Value) -> String {
    let messages = body["messages"].as_array().into_iter().flatten();
    let texts = messages.filter_map(|message| message["content"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// The reply. `taint` stands in each text, and `address` in the place of each address.
pub(crate) fn write(body: &Value, prompt: &str, taint: &str, address: Option<&str>) -> Value {
    let format = &body["response_format"];
    let schema = match format["json_schema"]["schema"].is_object() {
        true => &format["json_schema"]["schema"],
        false => &format["schema"],
    };
    let mut hasher = DefaultHasher::new();
    prompt.hash(&mut hasher);
    let mut writer = Writer {
        root: schema,
        prompt,
        words: Words::new(hasher.finish()),
        taint,
        address,
    };
    writer.value(schema, "", 0)
}

struct Writer<'a> {
    root: &'a Value,
    prompt: &'a str,
    words: Words,
    taint: &'a str,
    address: Option<&'a str>,
}

/// Lists are this long where their schema lets us choose.
const LIST: usize = 3;

impl<'a> Writer<'a> {
    /// A value for a schema, under a key, as the nth of its list.
    fn value(&mut self, schema: &'a Value, key: &str, nth: usize) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            let schema = self.root.pointer(name.trim_start_matches('#')).unwrap_or(&Value::Null);
            return self.value(schema, key, nth);
        }
        if !schema["const"].is_null() {
            return schema["const"].clone();
        }
        if let Some(words) = schema["enum"].as_array() {
            return self.word(words, nth);
        }
        if let Some(options) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            let real = options.iter().find(|option| option["type"] != "null");
            return self.value(real.unwrap_or(&Value::Null), key, nth);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().find(|kind| **kind != "null").unwrap_or(&Value::Null),
            kind => kind,
        };
        match kind.as_str() {
            Some("object") => self.object(schema, nth),
            Some("array") => self.array(schema, key),
            Some("integer" | "number") => json!(nth + 1),
            Some("boolean") => json!(nth == 0),
            Some("null") => Value::Null,
            _ => Value::String(self.text(schema, key, nth)),
        }
    }

    fn object(&mut self, schema: &'a Value, nth: usize) -> Value {
        let mut object = Map::new();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            let value = self.value(schema, name, nth);
            object.insert(name.clone(), value);
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &'a Value, key: &str) -> Value {
        if key == "placeholders" {
            return json!([]);
        }
        let bound = |name: &str| schema[name].as_u64().and_then(|n| usize::try_from(n).ok());
        let (least, most) = (bound("minItems").unwrap_or(0), bound("maxItems").unwrap_or(LIST));
        let length = if key == "pages" {
            most
        } else {
            LIST.max(least).min(most)
        };
        if let Some(each) = schema["prefixItems"].as_array() {
            return each
                .iter()
                .enumerate()
                .map(|(nth, schema)| self.value(schema, key, nth))
                .collect();
        }
        let options = schema["items"]["anyOf"].as_array().map_or(&[][..], Vec::as_slice);
        let planned = self.planned(options, length);
        (0..length)
            .map(|nth| match planned.get(nth) {
                Some(schema) => self.value(schema, key, nth),
                None => self.value(&schema["items"], key, nth),
            })
            .collect()
    }

    /// Of elements that name their kind, those that the prompt plans, in its order: an array in it of so many objects
    /// with such kinds. Several pages may have one; the page to write is the least deep.
    fn planned(&self, options: &'a [Value], length: usize) -> Vec<&'a Value> {
        let kind = |option: &'a Value| option["properties"]["kind"]["const"].as_str();
        let kinds: BTreeSet<&str> = options.iter().filter_map(kind).collect();
        if kinds.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for value in values(self.prompt) {
            plans(&value, 0, &mut found);
        }
        let fits = |(_, plan): &&(usize, Vec<String>)| {
            plan.len() == length && plan.iter().map(String::as_str).collect::<BTreeSet<_>>() == kinds
        };
        let plan = found.iter().filter(fits).min_by_key(|(depth, _)| *depth);
        let option = |name: &String| options.iter().find(|option| kind(option) == Some(name));
        plan.into_iter().flat_map(|(_, plan)| plan).filter_map(option).collect()
    }

    /// Lists begin with what sites begin with, then go through the others.
    fn word(&mut self, words: &[Value], nth: usize) -> Value {
        let opening = words.iter().find(|word| **word == "HOME" || **word == "HERO");
        match (opening, nth) {
            (Some(opening), 0) => opening.clone(),
            (Some(opening), _) => {
                let others: Vec<&Value> = words.iter().filter(|word| *word != opening).collect();
                let step = nth - 1 + self.words.number(others.len());
                others[step % others.len()].clone()
            }
            (None, _) => words[nth % words.len()].clone(),
        }
    }

    fn text(&mut self, schema: &Value, key: &str, nth: usize) -> String {
        let address = |safe: &str| self.address.unwrap_or(safe).to_string();
        match key {
            "slug" if nth == 0 => return String::new(),
            "slug" => {
                let title = self.words.title();
                return format!("{}-{nth}", title.to_lowercase().replace(' ', "-"));
            }
            "href" | "url" | "target" => return address("/"),
            // Like the addresses: what needs no repair reaches watchers as it is stored.
            "aspect" => return "16:9".to_string(),
            "email" => return "hello@example.com".to_string(),
            "background" => return "#ffffff".to_string(),
            "surface" => return "#f5f4f0".to_string(),
            "text"
                if schema["description"]
                    .as_str()
                    .is_some_and(|text| text.contains("#rrggbb")) =>
            {
                return "#1d1d1f".to_string();
            }
            "primary" => return "#1f4e79".to_string(),
            "accent" => return "#7a3b1d".to_string(),
            "heading" | "body"
                if schema["description"]
                    .as_str()
                    .is_some_and(|text| text.contains("amily")) =>
            {
                return "Inter".to_string();
            }
            _ => {}
        }
        let most = most(schema);
        let text = match key {
            "text" | "body" | "markdown" | "answer" | "quote" | "description" | "content" | "subheadline" | "intro" => {
                self.words.sentences(3)
            }
            _ => self.words.title(),
        };
        let text = match self.taint.is_empty() {
            true => text,
            false => format!("{} {text}", self.taint),
        };
        text.chars().take(most).collect::<String>().trim_end().to_string()
    }
}

/// The JSON values in a text, the outermost only.
fn values(text: &str) -> Vec<Value> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(start) = text[at..].find(['{', '[']).map(|start| at + start) {
        let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        at = match stream.next() {
            Some(Ok(value)) => {
                found.push(value);
                start + stream.byte_offset()
            }
            _ => start + 1,
        };
    }
    found
}

/// Arrays of objects that name a kind, each with its depth.
fn plans(value: &Value, depth: usize, found: &mut Vec<(usize, Vec<String>)>) {
    if let Value::Array(items) = value {
        let kinds: Option<Vec<String>> = items
            .iter()
            .map(|item| Some(item["kind"].as_str()?.to_string()))
            .collect();
        found.extend(kinds.filter(|kinds| !kinds.is_empty()).map(|kinds| (depth, kinds)));
    }
    let inside: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    };
    for value in inside {
        plans(value, depth + 1, found);
    }
}

/// The bound that a schema or its description states.
fn most(schema: &Value) -> usize {
    if let Some(length) = schema["maxLength"].as_u64() {
        return usize::try_from(length).unwrap_or(usize::MAX);
    }
    let said = schema["description"].as_str().unwrap_or_default();
    let behind = said.split("at most ").nth(1).unwrap_or_default();
    let (number, rest) = behind.split_once(' ').unwrap_or_default();
    match number.parse() {
        Ok(number) if rest.starts_with("character") => number,
        _ => usize::MAX,
    }
}
