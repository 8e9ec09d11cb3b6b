//! The values of variables, coerced to the types that the operation declares before anything runs.

use apollo_compiler::ExecutableDocument;
use apollo_compiler::executable::Operation;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::JsonMap;
use async_graphql::{ServerError, Variables};

use super::convert::{Places, to_json};
use super::cures::{Cure, is_on};
use super::inputs::Inputs;
use super::meant::with_suggestion;
use super::read::sentence;
use crate::graphql::error::Code;

/// The values with which the operation runs: defaults filled in, variables without a value left out.
pub fn coerce(
    inputs: Inputs<'_>,
    document: &ExecutableDocument,
    operation: &Operation,
    given: &Variables,
) -> Result<JsonMap, ServerError> {
    if operation.variables.is_empty() {
        return Ok(JsonMap::new());
    }
    let mut values = JsonMap::new();
    for definition in &operation.variables {
        if let Some(value) = given.get(definition.name.as_str()) {
            values.insert(definition.name.as_str(), to_json(value));
        }
    }
    let coerced = match coerce_variable_values(inputs.schema, operation, &values) {
        Ok(coerced) => coerced.into_inner(),
        Err(_) if !is_on(Cure::Required) => return Ok(values),
        Err(error) => {
            let message = with_suggestion(inputs.schema, error.message().to_string());
            let message = format!("The variables do not fit: {message}");
            let mut refusal = Code::BadUserInput.server_error(sentence(&message));
            let place = error.location().map(|span| Places(&document.sources).of(Some(span)));
            refusal.locations = place.into_iter().collect();
            return Err(refusal);
        }
    };
    inputs.check_variables(operation, &coerced)?;
    Ok(coerced)
}
