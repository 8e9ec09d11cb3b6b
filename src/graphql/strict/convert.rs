//! Between the two libraries: values, names and places of apollo-compiler as async-graphql has them, and back.

use apollo_compiler::ast::Value as Literal;
use apollo_compiler::parser::{SourceMap, SourceSpan};
use apollo_compiler::response::{JsonMap, JsonValue};
use async_graphql::parser::types::{BaseType, Type};
use async_graphql::{Name, Number, Pos, Positioned, Value as ConstValue, Variables};
use async_graphql_value::Value;

/// Finds lines and columns.
pub struct Places<'a>(pub &'a SourceMap);

impl Places<'_> {
    pub fn of(&self, span: Option<SourceSpan>) -> Pos {
        let found = span.and_then(|span| span.line_column(self.0));
        found.map_or(Pos::default(), |found| Pos {
            line: found.line,
            column: found.column,
        })
    }
}

pub fn name(name: &str, pos: Pos) -> Positioned<Name> {
    Positioned::new(Name::new(name), pos)
}

pub fn literal(value: &Literal) -> Value {
    match value {
        Literal::Null => Value::Null,
        Literal::Enum(name) => Value::Enum(Name::new(name)),
        Literal::Variable(name) => Value::Variable(Name::new(name)),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Int(digits) => number(digits.as_str()),
        Literal::Float(digits) => number(digits.as_str()),
        Literal::List(items) => Value::List(items.iter().map(|item| literal(item)).collect()),
        Literal::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| (Name::new(key), literal(value)))
                .collect(),
        ),
    }
}

/// A number too large for any type stays the text that it is: the type that reads it says so.
fn number(digits: &str) -> Value {
    match digits.parse::<Number>() {
        Ok(number) => Value::Number(number),
        Err(_) => Value::String(digits.to_string()),
    }
}

pub fn ty(ty: &apollo_compiler::ast::Type) -> Type {
    let base = if ty.is_list() {
        BaseType::List(Box::new(self::ty(ty.item_type())))
    } else {
        BaseType::Named(Name::new(ty.inner_named_type()))
    };
    Type {
        base,
        nullable: !ty.is_non_null(),
    }
}

/// A client's value as the compiler reads it. A whole number is one however it was written.
pub fn to_json(value: &ConstValue) -> JsonValue {
    match value {
        ConstValue::Null | ConstValue::Binary(_) => JsonValue::Null,
        ConstValue::Number(number) => JsonValue::Number(whole(number)),
        ConstValue::String(text) => JsonValue::from(text.as_str()),
        ConstValue::Boolean(value) => JsonValue::Bool(*value),
        ConstValue::Enum(name) => JsonValue::from(name.as_str()),
        ConstValue::List(items) => items.iter().map(to_json).collect(),
        ConstValue::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.as_str(), to_json(value)))
            .collect(),
    }
}

/// Beyond this, not every whole number is one of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(number: &Number) -> Number {
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT => Number::from(value as i64),
        _ => number.clone(),
    }
}

pub fn from_json(value: &JsonValue) -> ConstValue {
    match value {
        JsonValue::Null => ConstValue::Null,
        JsonValue::Bool(value) => ConstValue::Boolean(*value),
        JsonValue::Number(number) => ConstValue::Number(number.clone()),
        JsonValue::String(text) => ConstValue::String(text.as_str().to_string()),
        JsonValue::Array(items) => ConstValue::List(items.iter().map(from_json).collect()),
        JsonValue::Object(fields) => ConstValue::Object(
            fields
                .iter()
                .map(|(key, value)| (Name::new(key.as_str()), from_json(value)))
                .collect(),
        ),
    }
}

pub fn variables(values: &JsonMap) -> Variables {
    let fields = values.iter();
    let fields = fields.map(|(key, value)| (Name::new(key.as_str()), from_json(value)));
    Variables::from_value(ConstValue::Object(fields.collect()))
}
