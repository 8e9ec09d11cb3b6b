//! Inputs marked `@oneOf` take exactly one of their fields, and not null. The compiler does not know the mark yet.

use apollo_compiler::ast::{Argument, Type, Value};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::parser::SourceSpan;
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::{ExtendedType, InputObjectType, InputValueDefinition};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Node, Schema};
use async_graphql::ServerError;

use super::convert::Places;
use crate::graphql::error::Code;

fn input<'a>(schema: &'a Valid<Schema>, ty: &Type) -> Option<&'a InputObjectType> {
    match schema.types.get(ty.inner_named_type()) {
        Some(ExtendedType::InputObject(input)) => Some(input),
        _ => None,
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

/// Checks the coerced values of an operation's variables.
pub fn check_variables(schema: &Valid<Schema>, operation: &Operation, values: &JsonMap) -> Result<(), ServerError> {
    for definition in &operation.variables {
        if let Some(value) = values.get(definition.name.as_str()) {
            check_value(schema, &definition.ty, value)?;
        }
    }
    Ok(())
}

fn check_value(schema: &Valid<Schema>, ty: &Type, value: &JsonValue) -> Result<(), ServerError> {
    let Some(input) = input(schema, ty) else {
        return Ok(());
    };
    match value {
        JsonValue::Array(items) => items.iter().try_for_each(|item| check_value(schema, ty, item)),
        JsonValue::Object(fields) => {
            if is_one_of(input) && (fields.len() != 1 || fields.values().any(JsonValue::is_null)) {
                return Err(Code::BadUserInput.server_error(must(input)));
            }
            fields
                .iter()
                .try_for_each(|(name, value)| match input.fields.get(name.as_str()) {
                    Some(field) => check_value(schema, &field.ty, value),
                    None => Ok(()),
                })
        }
        _ => Ok(()),
    }
}

/// Checks what stands in the document itself.
pub fn check_document(schema: &Valid<Schema>, document: &ExecutableDocument) -> Result<(), ServerError> {
    let check = Literals { schema, document };
    for operation in document.operations.iter() {
        for variable in &operation.variables {
            if let Some(value) = &variable.default_value {
                check.value(&variable.ty, value, Some(operation))?;
            }
        }
        check.selections(&operation.selection_set, Some(operation))?;
    }
    document
        .fragments
        .values()
        .try_for_each(|fragment| check.selections(&fragment.selection_set, None))
}

struct Literals<'a> {
    schema: &'a Valid<Schema>,
    document: &'a ExecutableDocument,
}

impl Literals<'_> {
    fn selections(&self, set: &SelectionSet, operation: Option<&Node<Operation>>) -> Result<(), ServerError> {
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
        definitions: &[Node<InputValueDefinition>],
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

    fn value(&self, ty: &Type, value: &Node<Value>, operation: Option<&Node<Operation>>) -> Result<(), ServerError> {
        let Some(input) = input(self.schema, ty) else {
            return Ok(());
        };
        match &**value {
            Value::List(items) => items.iter().try_for_each(|item| self.value(ty, item, operation)),
            Value::Object(fields) => {
                let may_be_null = |value: &Node<Value>| match &**value {
                    Value::Null => true,
                    Value::Variable(name) => operation.is_some_and(|operation| {
                        let mut own = operation.variables.iter();
                        own.any(|own| own.name == *name && !own.ty.is_non_null())
                    }),
                    _ => false,
                };
                if is_one_of(input) && (fields.len() != 1 || fields.iter().any(|(_, value)| may_be_null(value))) {
                    return Err(self.refuse(input, value.location()));
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

    fn refuse(&self, input: &InputObjectType, place: Option<SourceSpan>) -> ServerError {
        let mut error = Code::ValidationFailed.server_error(must(input));
        error.locations = vec![Places(&self.document.sources).of(place)];
        error
    }
}
