//! The one door: every transport prepares a request, then executes it or subscribes with it.
//!
//! What must hold for every request is here: the document is parsed once and weighed before anything walks it, a panic
//! costs one operation and not the connection, and every error leaves with a code and the request's id.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Value, Variables};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};

use super::context::Session;
use super::error::{Code, masked};
use super::schema::{Schema, schema};
use super::weigh::{refuse_twins, weigh};
use crate::app::App;
use crate::auth::Caller;

/// What a transport needs.
#[derive(Clone)]
pub struct Api {
    pub app: App,
    schema: Schema,
}

impl Api {
    pub fn new(app: App) -> Self {
        Api {
            schema: schema(app.clone()),
            app,
        }
    }
}

/// Why a request was not executed: the errors of the request as a whole, at least one.
pub struct Refused(Vec<ServerError>);

impl From<ServerError> for Refused {
    fn from(error: ServerError) -> Self {
        Refused(vec![error])
    }
}

impl From<Vec<ServerError>> for Refused {
    fn from(errors: Vec<ServerError>) -> Self {
        Refused(errors)
    }
}

/// A request whose document has been read and whose operation is known.
pub struct Prepared {
    request: Request,
    kind: OperationType,
    /// The operation's name, for logs.
    pub name: Option<String>,
}

impl Prepared {
    pub fn is_mutation(&self) -> bool {
        self.kind == OperationType::Mutation
    }

    pub fn is_subscription(&self) -> bool {
        self.kind == OperationType::Subscription
    }
}

/// Reads the document and picks the operation. A request that is refused here has not begun to run.
pub fn prepare(_api: &Api, request: Request) -> Result<Prepared, Refused> {
    read(request).map_err(Refused::from)
}

fn read(mut request: Request) -> Result<Prepared, ServerError> {
    let document = parse_query(&request.query).map_err(|cause| unreadable(cause.into()))?;
    let (operation, name) = pick(&document, request.operation_name.as_deref())?;
    let kind = operation.ty;
    weigh(&document)?;
    if kind == OperationType::Mutation {
        refuse_twins(&document, &operation.selection_set.node)?;
    }
    require_variables(operation, &request.variables)?;
    request.set_parsed_query(document);
    Ok(Prepared { request, kind, name })
}

/// The parser's drawing of the place, cut down to what was expected there; the place itself is in `locations`.
fn unreadable(drawn: ServerError) -> ServerError {
    let expected = drawn
        .message
        .rsplit("= ")
        .next()
        .unwrap_or_default()
        .trim()
        .trim_end_matches('.');
    let mut error = Code::ParseFailed.server_error(format!("The document cannot be read: {expected}."));
    error.locations = drawn.locations;
    error
}

/// What a refusal for a missing variable carries: its code alone does not tell it from a field's error.
struct WithoutVariable;

/// A variable that must have a value has one. The executor notices only where it is used, when some fields have run.
fn require_variables(operation: &OperationDefinition, given: &Variables) -> Result<(), ServerError> {
    let missing = operation.variable_definitions.iter().find(|definition| {
        let (must, value) = (&definition.node, given.get(&definition.node.name.node));
        let is_needed = !must.var_type.node.nullable && (must.default_value.is_none() || value.is_some());
        is_needed && value.is_none_or(|value| *value == Value::Null)
    });
    let Some(missing) = missing else {
        return Ok(());
    };
    let (name, ty) = (&missing.node.name.node, &missing.node.var_type.node);
    let mut error = Code::BadUserInput.server_error(format!("The variable ${name} of type {ty} needs a value."));
    error.locations = vec![missing.pos];
    error.source = Some(Arc::new(WithoutVariable));
    Err(error)
}

type Picked<'a> = (&'a OperationDefinition, Option<String>);

fn pick<'a>(document: &'a ExecutableDocument, asked: Option<&str>) -> Result<Picked<'a>, ServerError> {
    let refuse = |message: String| Err(Code::OperationResolution.server_error(message));
    match (&document.operations, asked) {
        (DocumentOperations::Single(operation), None) => Ok((&operation.node, None)),
        (DocumentOperations::Single(_), Some(name)) => refuse(format!(
            "There is no operation {name} in the document: its only one has no name."
        )),
        (DocumentOperations::Multiple(operations), Some(name)) => match operations.get(name) {
            Some(operation) => Ok((&operation.node, Some(name.to_string()))),
            None => refuse(format!("There is no operation {name} in the document.")),
        },
        (DocumentOperations::Multiple(operations), None) => match operations.iter().next() {
            Some((name, operation)) if operations.len() == 1 => Ok((&operation.node, Some(name.to_string()))),
            _ => refuse("Say with `operationName` which of the document's operations to run.".into()),
        },
    }
}

/// Runs a query or a mutation.
pub async fn execute(api: &Api, caller: Caller, request_id: &str, prepared: Prepared) -> Response {
    if prepared.kind == OperationType::Subscription {
        let message =
            "Subscriptions run over a WebSocket: connect to /graphql with the subprotocol graphql-transport-ws.";
        return refused(Code::OperationResolution.server_error(message), request_id);
    }
    let request = with_session(prepared, caller);
    let response = match AssertUnwindSafe(api.schema.execute(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => panicked(panic),
    };
    finish(response, request_id)
}

/// Runs an operation of any kind as a stream of responses: one for a query or a mutation, one an event for a
/// subscription. It ends when the subscription does.
pub fn subscribe(api: &Api, caller: Caller, request_id: &str, prepared: Prepared) -> BoxStream<'static, Response> {
    let request_id = request_id.to_string();
    let operation = prepared.name.as_deref().unwrap_or_default();
    let span = tracing::info_span!("operation", request_id, operation, account = %caller.account);
    let request = with_session(prepared, caller);
    let mut stream = AssertUnwindSafe(api.schema.execute_stream(request)).catch_unwind();
    // The task of a socket runs many operations: each is polled within its own span.
    let within = futures::stream::poll_fn(move |cx| span.in_scope(|| stream.poll_next_unpin(cx)));
    within
        .map(move |response| finish(response.unwrap_or_else(panicked), &request_id))
        .boxed()
}

fn with_session(prepared: Prepared, caller: Caller) -> Request {
    let remembers = !prepared.is_mutation();
    prepared.request.data(Session { caller, remembers })
}

/// The response to a request that was not executed.
pub fn refused(why: impl Into<Refused>, request_id: &str) -> Response {
    finish(Response::from_errors(why.into().0), request_id)
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let cause = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(cause, "a resolver panicked");
    Response::from_errors(vec![masked()])
}

/// Gives every error a code and the request's id.
fn finish(mut response: Response, request_id: &str) -> Response {
    for error in &mut response.errors {
        let has_code = error
            .extensions
            .as_ref()
            .is_some_and(|values| values.get("code").is_some());
        // What has no code was refused by the executor itself: an argument or a variable of the wrong shape.
        let code = (!has_code).then_some(Code::BadUserInput);
        let values = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if let Some(code) = code {
            values.set("code", code.as_str());
        }
        values.set("requestId", request_id);
    }
    response
}

/// Whether the request as a whole was refused, so that its answer has no `data`.
pub fn is_request_error(response: &Response) -> bool {
    let refusing = [
        Code::BadRequest,
        Code::ParseFailed,
        Code::ValidationFailed,
        Code::TooComplex,
        Code::OperationResolution,
    ];
    let is_refusal = |error: &ServerError| {
        if error.source::<WithoutVariable>().is_some() {
            return true;
        }
        let code = error.extensions.as_ref().and_then(|values| values.get("code"));
        matches!(code, Some(Value::String(code)) if refusing.iter().any(|refusing| refusing.as_str() == code))
    };
    response.data == Value::Null && response.errors.iter().any(is_refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(error: &ServerError) -> String {
        let values = error.extensions.clone().unwrap_or_default();
        values.get("code").map(|code| code.to_string()).unwrap_or_default()
    }

    fn prepared(query: &str, name: Option<&str>) -> Result<Prepared, ServerError> {
        let mut request = Request::new(query);
        request.operation_name = name.map(str::to_string);
        read(request)
    }

    #[test]
    fn the_operation_is_known_before_anything_runs() {
        assert!(!prepared("{ viewer { role } }", None).unwrap().is_mutation());
        let two = "query A { viewer { role } } mutation B { cancelJob(input: {jobId: 1}) { replayed } }";
        let picked = prepared(two, Some("B")).unwrap();
        assert!(picked.is_mutation() && picked.name.as_deref() == Some("B"));
        for (query, name) in [(two, None), (two, Some("C")), ("{ a }", Some("A"))] {
            let error = prepared(query, name).err().unwrap();
            assert_eq!(code(&error), "\"OPERATION_RESOLUTION_FAILURE\"");
        }
        let error = prepared("{ viewer", None).err().unwrap();
        assert_eq!(code(&error), "\"GRAPHQL_PARSE_FAILED\"");
        assert!(!error.locations.is_empty());
    }

    #[test]
    fn a_mutation_does_not_run_the_same_field_twice() {
        let one = "cancelJob(input: {jobId: 1}) { replayed }";
        let spread = format!("mutation {{ {one} ...M }} fragment M on Mutation {{ ... {{ {one} }} }}");
        for query in [format!("mutation {{ {one} {one} }}"), spread] {
            let error = prepared(&query, None).err().unwrap();
            assert_eq!(code(&error), "\"GRAPHQL_VALIDATION_FAILED\"", "{query}");
        }
        assert!(prepared(&format!("mutation {{ {one} b: {one} }}"), None).is_ok());
        assert!(prepared("{ viewer { role } viewer { role } }", None).is_ok());
    }

    #[test]
    fn a_variable_that_must_have_a_value_is_asked_for_before_anything_runs() {
        let with = |query: &str, variables: serde_json::Value| {
            let request = Request::new(query).variables(Variables::from_json(variables));
            read(request).err()
        };
        let (must, has, may) = ("($a: ID!)", "($a: ID! = 1)", "($a: ID)");
        let query = |declared: &str| format!("query{declared} {{ node(id: $a) {{ id }} }}");
        let null = serde_json::json!({ "a": null });
        for (declared, given) in [(must, serde_json::json!({})), (must, null.clone()), (has, null.clone())] {
            let error = with(&query(declared), given).unwrap();
            assert_eq!(code(&error), "\"BAD_USER_INPUT\"");
            assert!(error.message.contains("$a"));
            assert!(is_request_error(&refused(error, "r1")));
        }
        for (declared, given) in [
            (must, serde_json::json!({ "a": "1" })),
            (has, serde_json::json!({})),
            (may, null),
        ] {
            assert!(with(&query(declared), given).is_none(), "{declared}");
        }
    }

    #[test]
    fn every_error_leaves_with_a_code_and_the_requests_id() {
        let errors = vec![ServerError::new("Invalid value", None), masked()];
        let response = finish(Response::from_errors(errors), "r1");
        let codes: Vec<_> = response.errors.iter().map(code).collect();
        assert_eq!(codes, ["\"BAD_USER_INPUT\"", "\"INTERNAL_SERVER_ERROR\""]);
        for error in &response.errors {
            let id = error.extensions.as_ref().and_then(|values| values.get("requestId"));
            assert_eq!(id, Some(&Value::from("r1")));
        }
        assert!(!is_request_error(&response));
    }
}
