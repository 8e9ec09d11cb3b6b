//! A derived schema as a closed set of shapes, so that reading is one `match`.
//!
//! Two marks go beyond JSON Schema: `x-form` says what a text is, `x-empty` that it may be empty.

use serde_json::Value;

/// What may stand at one place of a reply.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Text(Text),
    /// One of a few words; without a default, another word is a problem.
    Choice {
        words: Vec<String>,
        default: Option<String>,
    },
    Flag,
    List {
        item: Box<Shape>,
        min: usize,
        max: usize,
    },
    Object(Object),
    /// Something that no struct of ours contains; read as null.
    Unknown,
}

#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub form: Form,
    pub max: usize,
    pub nullable: bool,
    /// Whether nothing at all is a fine answer.
    pub may_be_empty: bool,
    /// What stands in for a missing text.
    pub default: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub fields: Vec<(String, Shape)>,
    pub nullable: bool,
}

/// What a text is, which decides how it is cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Line,
    /// Markdown or an address: line breaks stay.
    Lines,
    Link,
    Picture,
    Aspect,
    Colour,
    Font,
}

impl Form {
    fn of(schema: &Value) -> Form {
        match schema.get("x-form").and_then(Value::as_str) {
            Some("lines") => Form::Lines,
            Some("link") => Form::Link,
            Some("picture") => Form::Picture,
            Some("aspect") => Form::Aspect,
            Some("colour") => Form::Colour,
            Some("font") => Form::Font,
            _ => Form::Line,
        }
    }

    /// What a text of this form looks like, for grammars: anchored, and without classes that they do not know. Narrower
    /// than what is read.
    fn pattern(self) -> Option<&'static str> {
        match self {
            Form::Line | Form::Lines => None,
            Form::Link => Some("^(/[a-z0-9-]{0,60}|(mailto:|tel:|https://)[A-Za-z0-9@.+/_-]{1,80})$"),
            Form::Picture => Some("^https://[A-Za-z0-9./_-]{1,80}$"),
            Form::Aspect => Some("^[1-9][0-9]?:[1-9][0-9]?$"),
            Form::Colour => Some("^#[0-9a-f]{6}$"),
            Form::Font => Some("^[A-Z][A-Za-z0-9 ]{0,30}$"),
        }
    }
}

impl Shape {
    pub fn of(schema: &Value) -> Shape {
        if let Some(words) = words(schema) {
            let default = schema.get("default").and_then(Value::as_str).map(str::to_owned);
            return Shape::Choice {
                words: words.into_iter().map(|(word, _)| word).collect(),
                default,
            };
        }
        if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
            let mut shape = options
                .iter()
                .find(|option| !has_type(option, "null"))
                .map_or(Shape::Unknown, Shape::of);
            if let Shape::Object(object) = &mut shape {
                object.nullable = true;
            }
            return shape;
        }
        if has_type(schema, "string") {
            Shape::Text(Text::of(schema))
        } else if has_type(schema, "boolean") {
            Shape::Flag
        } else if has_type(schema, "array") {
            Shape::List {
                item: Box::new(schema.get("items").map_or(Shape::Unknown, Shape::of)),
                min: count(schema, "minItems").unwrap_or(0),
                max: count(schema, "maxItems").unwrap_or(usize::MAX),
            }
        } else if has_type(schema, "object") {
            let properties = schema.get("properties").and_then(Value::as_object);
            let fields = properties.into_iter().flatten();
            Shape::Object(Object {
                fields: fields.map(|(name, schema)| (name.clone(), Shape::of(schema))).collect(),
                nullable: has_type(schema, "null"),
            })
        } else {
            Shape::Unknown
        }
    }
}

impl Text {
    fn of(schema: &Value) -> Text {
        let default = schema
            .get("default")
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty());
        Text {
            form: Form::of(schema),
            max: count(schema, "maxLength").unwrap_or(usize::MAX),
            nullable: has_type(schema, "null"),
            may_be_empty: schema.get("x-empty").and_then(Value::as_bool).unwrap_or(false),
            default: default.map(str::to_owned),
        }
    }
}

/// The pattern of a text that has a form.
pub(crate) fn pattern(schema: &Value) -> Option<&'static str> {
    Form::of(schema).pattern()
}

/// The words of a closed set with their descriptions, in order; `None` for everything else.
pub(crate) fn words(schema: &Value) -> Option<Vec<(String, String)>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return Some(
            words
                .iter()
                .filter_map(Value::as_str)
                .map(|word| (word.to_owned(), String::new()))
                .collect(),
        );
    }
    let options = schema.get("oneOf").and_then(Value::as_array)?;
    let mut found = Vec::new();
    for option in options {
        let description = option.get("description").and_then(Value::as_str).unwrap_or_default();
        if let Some(word) = option.get("const").and_then(Value::as_str) {
            found.push((word.to_owned(), description.to_owned()));
        } else {
            found.extend(words(option)?);
        }
    }
    Some(found)
}

/// Whether the schema allows this type, alone or among others.
pub(crate) fn has_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

fn count(schema: &Value, keyword: &str) -> Option<usize> {
    schema.get(keyword)?.as_u64()?.try_into().ok()
}
