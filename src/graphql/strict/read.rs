//! From text to a valid document: parsing, the limits, and the validation of the specification by apollo-compiler
//! against our own schema.

use apollo_compiler::ast::{self, Definition, OperationDefinition};
use apollo_compiler::parser::Parser;
use apollo_compiler::response::GraphQLError;
use apollo_compiler::validation::{DiagnosticData, DiagnosticList, Valid, WithErrors};
use apollo_compiler::{ExecutableDocument, Node, Schema};
use async_graphql::parser::Error;
use async_graphql::{Pos, ServerError};

use super::cures::{Cure, is_on};
use super::meant::with_suggestion;
use super::tokens;
use super::weigh::{too_much, weigh};
use crate::config::Graphql;
use crate::graphql::error::Code;

/// Selections, values and list types within each other, as the parser sees them.
const NESTING: usize = 200;
/// A tab of an explorer holds many operations, of which one runs: the whole text may be this many times as long.
const OPERATIONS_IN_A_TAB: usize = 4;
/// What the parser calls signs, and what is written for them.
const SIGNS: [(&str, &str); 12] = [
    ("L_CURLY", "`{`"),
    ("R_CURLY", "`}`"),
    ("L_PAREN", "`(`"),
    ("R_PAREN", "`)`"),
    ("L_BRACK", "`[`"),
    ("R_BRACK", "`]`"),
    ("COLON", "`:`"),
    ("BANG", "`!`"),
    ("PIPE", "`|`"),
    ("EQ", "`=`"),
    ("NAME", "a name"),
    ("EOF", "the end of the text"),
];
/// What is told of a document with many mistakes.
const TOLD: usize = 10;

/// Reads the text, refuses what asks for too much, and validates the rest.
pub fn read(
    schema: &Valid<Schema>,
    text: &str,
    asked: Option<&str>,
    limits: &Graphql,
) -> Result<Valid<ExecutableDocument>, Vec<ServerError>> {
    if text.len() > limits.max_bytes {
        return Err(vec![too_much("bytes", text.len(), limits.max_bytes)]);
    }
    let most = limits.max_tokens.saturating_mul(OPERATIONS_IN_A_TAB);
    let tokens = tokens::count(text, most);
    if tokens > most {
        return Err(vec![too_much("tokens", tokens, most)]);
    }
    let document = parse(text)?;
    let operation = pick(&document, asked).map_err(|error| vec![error])?;
    weigh(text, &document, operation, limits).map_err(|error| vec![error])?;
    validate(schema, &document)
}

/// Two parsers read the text: the compiler's forgives an argument without a value and leaves it out.
fn parse(text: &str) -> Result<ast::Document, Vec<ServerError>> {
    let parsed = Parser::new()
        .recursion_limit(NESTING)
        .parse_ast(text, "document.graphql");
    let document = parsed.map_err(|WithErrors { errors, .. }| vec![unreadable(&errors)])?;
    let is_operation = |definition: &Definition| matches!(definition, Definition::OperationDefinition(_));
    if !document.definitions.iter().any(is_operation) {
        // As the reference implementation has it, which finds that nothing uses the fragments; the second parser would
        // call it a mistake of syntax.
        let message = "There is no operation in the document. Add a query, a mutation or a subscription.";
        return Err(vec![Code::ValidationFailed.server_error(message)]);
    }
    match async_graphql::parser::parse_query(text) {
        Ok(_) => Ok(document),
        Err(Error::RecursionLimitExceeded) => Err(vec![too_deep()]),
        Err(cause) => {
            let drawn = ServerError::from(cause);
            // Its drawing of the place is cut down to what was expected there.
            let expected = drawn.message.rsplit("= ").next().unwrap_or_default().trim();
            let expected = expected.trim_end_matches('.');
            let mut error = Code::ParseFailed.server_error(format!("The document cannot be read: {expected}."));
            error.locations = drawn.locations;
            Err(vec![error])
        }
    }
}

fn unreadable(errors: &DiagnosticList) -> ServerError {
    let Some(first) = errors.iter().next() else {
        return Code::ParseFailed.server_error("The document cannot be read.");
    };
    let told = first.to_json();
    if told.message.contains("limit") {
        return at(too_deep(), &told);
    }
    let why = told.message.trim_start_matches("syntax error: ").trim_end_matches('.');
    let sign_of = |word: &str| {
        let known = SIGNS.iter().find(|(name, _)| word.trim_end_matches(',') == *name);
        known.map_or(word.to_string(), |(name, sign)| word.replace(name, sign))
    };
    let why = why.split(' ').map(sign_of).collect::<Vec<_>>().join(" ");
    let error = Code::ParseFailed.server_error(format!("The document cannot be read: {why}."));
    at(error, &told)
}

fn too_deep() -> ServerError {
    Code::TooComplex.server_error("The document nests too deeply. Ask for less at once.")
}

/// The names of the operations in a document; an operation without one is alone.
pub fn names(text: &str) -> Result<Vec<Option<String>>, Vec<ServerError>> {
    let document = parse(text)?;
    let operations = document.definitions.iter().filter_map(|definition| match definition {
        Definition::OperationDefinition(operation) => Some(operation.name.as_ref().map(|name| name.to_string())),
        _ => None,
    });
    Ok(operations.collect())
}

/// The operation to run: the one that was asked for by name, or the only one.
fn pick<'a>(document: &'a ast::Document, asked: Option<&str>) -> Result<&'a Node<OperationDefinition>, ServerError> {
    let mut operations = document.definitions.iter().filter_map(|definition| match definition {
        Definition::OperationDefinition(operation) => Some(operation),
        _ => None,
    });
    let refuse = |message: String| Err(Code::OperationResolution.server_error(message));
    let Some(name) = asked else {
        return match (operations.next(), operations.next()) {
            (Some(only), None) => Ok(only),
            _ => refuse("Say with `operationName` which of the document's operations to run.".into()),
        };
    };
    let is_asked = |operation: &&Node<OperationDefinition>| operation.name.as_ref().is_some_and(|own| own == name);
    match operations.find(is_asked) {
        Some(operation) => Ok(operation),
        None => refuse(format!(
            "There is no operation {name} in the document. Check `operationName`."
        )),
    }
}

fn validate(schema: &Valid<Schema>, document: &ast::Document) -> Result<Valid<ExecutableDocument>, Vec<ServerError>> {
    match document.to_executable_validate(schema) {
        Ok(document) => Ok(document),
        Err(WithErrors { partial, errors }) => {
            let errors = told(schema, &errors);
            if errors.is_empty() {
                return Ok(Valid::assume_valid(partial));
            }
            Err(errors)
        }
    }
}

/// What is wrong, one error each.
fn told(schema: &Schema, errors: &DiagnosticList) -> Vec<ServerError> {
    let name = |found: &apollo_compiler::diagnostic::Diagnostic<'_, DiagnosticData>| found.error.unstable_error_name();
    let has_unknown_field = errors.iter().any(|found| name(&found) == Some("UndefinedField"));
    let is_told = |name: &str| match name {
        // Judged by the response keys of the root when they are known (`collect`): here a field that is selected twice
        // counts as two.
        "SubscriptionUsesMultipleFields" => false,
        // An unknown field was left out before its parent was found to select nothing.
        "MissingSubselection" => !has_unknown_field,
        _ => is_on(Cure::Conflicts) || !name.starts_with("Conflicting"),
    };
    let told = errors.iter().filter(|found| name(found).is_none_or(is_told)).take(TOLD);
    told.map(|found| {
        let json = found.to_json();
        let message = found.error.unstable_compat_message();
        let message = with_suggestion(schema, message.unwrap_or_else(|| json.message.clone()));
        let message = sentence(&message);
        at(Code::ValidationFailed.server_error(message), &json)
    })
    .collect()
}

pub fn sentence(message: &str) -> String {
    let mut letters = message.trim_end_matches('.').chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let end = if message.ends_with('?') { "" } else { "." };
    format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
}

fn at(mut error: ServerError, told: &GraphQLError) -> ServerError {
    let place = |place: &apollo_compiler::parser::LineColumn| Pos {
        line: place.line,
        column: place.column,
    };
    error.locations = told.locations.iter().map(place).collect();
    error
}
