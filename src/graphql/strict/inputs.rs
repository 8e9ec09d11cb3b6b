//! What the compiler does not check of the values that a client gives: inputs marked `@oneOf` take exactly one of their
//! fields, and not null; scalars of our own have rules of their own.

use apollo_compiler::ast::{Argument, Type, Value};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{ExtendedType, InputObjectType, InputValueDefinition};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Node, Schema};
use async_graphql::{ServerError, Value as ConstValue};

use super::convert::{Places, from_json, literal};
use super::read::sentence;
use crate::graphql::error::Code;

/// Whether a value is one of the scalar with this name; the words say what it should be.
pub type Scalars = fn(&str, &ConstValue) -> Result<(), String>;

/// What inputs are checked against.
#[derive(Copy, Clone)]
pub struct Inputs<'a> {
    pub schema: &'a Valid<Schema>,
    pub scalars: Scalars,
}

/// The kinds of input that have something to check.
enum Kind<'a> {
    Object(&'a InputObjectType),
    Scalar(&'a str),
}

impl<'a> Inputs<'a> {
    fn kind(&self, ty: &'a Type) -> Option<Kind<'a>> {
        match self.schema.types.get(ty.inner_named_type()) {
            Some(ExtendedType::InputObject(input)) => Some(Kind::Object(input)),
            Some(ExtendedType::Scalar(scalar)) if !scalar.is_built_in() => Some(Kind::Scalar(ty.inner_named_type())),
            _ => None,
        }
    }

    /// Checks the coerced values of an operation's variables.
    pub fn check_variables(&self, operation: &'a Operation, values: &JsonMap) -> Result<(), ServerError> {
        for definition in &operation.variables {
            if let Some(value) = values.get(definition.name.as_str()) {
                self.check_value(&definition.ty, value).map_err(|why| {
                    let message = format!("The variable ${} does not fit: {why}", definition.name);
                    Code::BadUserInput.server_error(message)
                })?;
            }
        }
        Ok(())
    }

    fn check_value(&self, ty: &'a Type, value: &JsonValue) -> Result<(), String> {
        let Some(kind) = self.kind(ty).filter(|_| !value.is_null()) else {
            return Ok(());
        };
        match (kind, value) {
            (_, JsonValue::Array(items)) if ty.is_list() => {
                items.iter().try_for_each(|item| self.check_value(ty.item_type(), item))
            }
            (Kind::Scalar(name), value) => (self.scalars)(name, &from_json(value)).map_err(|why| sentence(&why)),
            (Kind::Object(input), JsonValue::Object(fields)) => {
                if is_one_of(input) && (fields.len() != 1 || fields.values().any(JsonValue::is_null)) {
                    return Err(must(input));
                }
                fields
                    .iter()
                    .try_for_each(|(name, value)| match input.fields.get(name.as_str()) {
                        Some(field) => self.check_value(&field.ty, value),
                        None => Ok(()),
                    })
            }
            _ => Ok(()),
        }
    }

    /// Checks what stands in the document itself.
    pub fn check_document(self, document: &'a ExecutableDocument) -> Result<(), ServerError> {
        let check = Literals { inputs: self, document };
        for operation in document.operations.iter() {
            for variable in &operation.variables {
                if let Some(value) = &variable.default_value {
                    check.value(&variable.ty, value, Some(operation))?;
                }
            }
            check.selections(&operation.selection_set, Some(operation))?;
        }
        let mut fragments = document.fragments.values();
        fragments.try_for_each(|fragment| check.selections(&fragment.selection_set, None))
    }
}

fn is_one_of(input: &InputObjectType) -> bool {
    input.directives.has("oneOf")
}

fn must(input: &InputObjectType) -> String {
    format!(
        "{} takes exactly one of its fields, and not null. Give one and leave the others out.",
        input.name
    )
}

struct Literals<'a> {
    inputs: Inputs<'a>,
    document: &'a ExecutableDocument,
}

impl<'a> Literals<'a> {
    fn selections(&self, set: &'a SelectionSet, operation: Option<&Node<Operation>>) -> Result<(), ServerError> {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.definition.arguments, &field.arguments, operation)?;
                    self.selections(&field.selection_set, operation)?;
                }
                Selection::InlineFragment(inline) => self.selections(&inline.selection_set, operation)?,
                Selection::FragmentSpread(_) => {}
            }
        }
        Ok(())
    }

    fn arguments(
        &self,
        definitions: &'a [Node<InputValueDefinition>],
        arguments: &[Node<Argument>],
        operation: Option<&Node<Operation>>,
    ) -> Result<(), ServerError> {
        for argument in arguments {
            let definition = definitions.iter().find(|definition| definition.name == argument.name);
            if let Some(definition) = definition {
                self.value(&definition.ty, &argument.value, operation)?;
            }
        }
        Ok(())
    }

    fn value(&self, ty: &'a Type, value: &Node<Value>, operation: Option<&Node<Operation>>) -> Result<(), ServerError> {
        let Some(kind) = self.inputs.kind(ty) else {
            return Ok(());
        };
        match (kind, &**value) {
            (_, Value::Null | Value::Variable(_)) => Ok(()),
            (_, Value::List(items)) if ty.is_list() => {
                let mut items = items.iter();
                items.try_for_each(|item| self.value(ty.item_type(), item, operation))
            }
            (Kind::Scalar(name), given) => match literal(given).into_const() {
                Some(given) => {
                    let checked = (self.inputs.scalars)(name, &given);
                    checked.map_err(|why| self.refuse(sentence(&why), value.location()))
                }
                // A variable within it has a type of its own.
                None => Ok(()),
            },
            (Kind::Object(input), Value::Object(fields)) => {
                let may_be_null = |value: &Node<Value>| match &**value {
                    Value::Null => true,
                    Value::Variable(name) => operation.is_some_and(|operation| {
                        let mut own = operation.variables.iter();
                        own.any(|own| own.name == *name && !own.ty.is_non_null())
                    }),
                    _ => false,
                };
                if is_one_of(input) && (fields.len() != 1 || fields.iter().any(|(_, value)| may_be_null(value))) {
                    return Err(self.refuse(must(input), value.location()));
                }
                fields
                    .iter()
                    .try_for_each(|(name, value)| match input.fields.get(name) {
                        Some(field) => self.value(&field.ty, value, operation),
                        None => Ok(()),
                    })
            }
            _ => Ok(()),
        }
    }

    fn refuse(&self, message: String, place: Option<SourceSpan>) -> ServerError {
        let mut error = Code::ValidationFailed.server_error(message);
        error.locations = vec![Places(&self.document.sources).of(place)];
        error
    }
}
