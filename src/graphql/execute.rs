//! The one door: every transport prepares a request, then executes it or subscribes with it.
//!
//! What must hold for every request is here: the document is parsed once and weighed before anything walks it, a panic
//! costs one operation and not the connection, and every error leaves with a code and the request's id.

use std::any::TypeId;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{ErrorExtensionValues, Request, Response, ServerError, Variables};
use futures::FutureExt;

use super::answers::{Answers, Finished, Slot, is_for_everybody};
use super::audited;
use super::context::Session;
use super::error::{Code, masked, outage, told_panic};
use super::fanout::Fanout;
use super::persisted::Persisted;
use super::scalars;
use super::schema::{Schema, schema, sdl};
use super::strict::{Ready, Strict};
use crate::app::App;
use crate::auth::Caller;
use crate::error::{Error, Refusal, Result};
use crate::options;

/// What a transport needs.
#[derive(Clone)]
pub struct Api {
    pub app: App,
    pub(super) schema: Schema,
    strict: Arc<Strict>,
    persisted: Arc<Persisted>,
    answers: Arc<Answers>,
    pub(super) fanout: Arc<Fanout>,
}

impl Api {
    /// Fails when the configured manifest of trusted documents cannot be used.
    pub fn new(app: App) -> Result<Self> {
        let config = &app.config.graphql;
        let strict = Strict::new(&sdl(), config.clone())
            .map_err(|why| Error::internal(format!("the schema is not valid: {why}")))?;
        let strict = strict.with_scalars(scalars::check);
        let persisted = Persisted::new(config, |text| strict.check(text))
            .map_err(|why| Refusal::invalid(&["graphql", "trusted_documents"], "INVALID", why))?;
        let schema = schema(app.clone());
        Ok(Api {
            answers: Arc::new(Answers::new()),
            fanout: Arc::default(),
            schema,
            strict: Arc::new(strict),
            persisted: Arc::new(persisted),
            app,
        })
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

/// A request whose document is valid, whose variables fit, and whose operation is known.
pub struct Prepared {
    pub(super) ready: Ready,
    /// Where the answer may be kept, if everybody is told the same.
    slot: Option<Slot>,
}

impl Prepared {
    pub fn is_mutation(&self) -> bool {
        self.ready.kind == OperationType::Mutation
    }

    pub fn is_subscription(&self) -> bool {
        self.ready.kind == OperationType::Subscription
    }

    /// The names of the fields at its root.
    pub fn roots(&self) -> &[String] {
        &self.ready.roots
    }

    /// Refuses a caller who may not ask it.
    pub(super) fn check(&self, caller: &Caller) -> std::result::Result<(), ServerError> {
        self.ready.asked.check(caller)
    }

    /// What it costs a budget, in fields.
    pub fn cost(&self) -> u64 {
        self.ready.cost
    }

    /// The operation's name, for logs.
    pub fn name(&self) -> Option<&str> {
        self.ready.name.as_deref()
    }
}

/// Reads the document, picks the operation, validates, and coerces the variables. What is refused here has not begun
/// to run.
pub fn prepare(api: &Api, request: Request) -> std::result::Result<Prepared, Refused> {
    guarded(|| {
        let named = api.persisted.read(request)?;
        let ready = api.strict.ready(named.request)?;
        api.persisted.keep(named.new);
        Ok(Prepared { ready, slot: None })
    })
}

fn guarded<T>(work: impl FnOnce() -> std::result::Result<T, Vec<ServerError>>) -> std::result::Result<T, Refused> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(Refused),
        Err(panic) => {
            told_panic(&*panic);
            Err(Refused(vec![masked()]))
        }
    }
}

/// What becomes of a request that has one answer.
pub enum Begun {
    /// It was answered before.
    Known(Arc<Finished>),
    Ready(Box<Prepared>),
}

/// Finds the answer that is kept for a request, or prepares it.
pub fn begin(api: &Api, caller: &Caller, request: Request) -> std::result::Result<Begun, Refused> {
    let (named, checked) = guarded(|| {
        let named = api.persisted.read(request)?;
        let checked = api.strict.read(&named.request)?;
        Ok((named, checked))
    })?;
    let mut slot = None;
    if is_for_everybody(&checked) {
        let version = options::version(&api.app.db);
        let known = api.answers.get(&named.request, caller, version);
        // One that may not be given is refused where everything is.
        if let Some(finished) = known.filter(|finished| finished.asked.check(caller).is_ok()) {
            // A document that comes with its hash is kept again: it may have been forgotten meanwhile.
            api.persisted.keep(named.new);
            return Ok(Begun::Known(finished));
        }
        slot = Answers::slot(&named.request, caller, version);
    }
    let ready = guarded(|| api.strict.fit(&checked, named.request))?;
    api.persisted.keep(named.new);
    Ok(Begun::Ready(Box::new(Prepared { ready, slot })))
}

/// The answer to a query or a mutation.
pub enum Answered {
    Finished(Arc<Finished>),
    Response(Box<Response>),
}

/// Runs a query or a mutation, and keeps its answer if everybody is told the same.
pub async fn answer(api: &Api, caller: Caller, request_id: &str, mut prepared: Prepared) -> Answered {
    let slot = prepared.slot.take();
    let kept = slot.map(|slot| slot.of(&prepared.ready));
    let response = execute(api, caller, request_id, prepared).await;
    match kept.and_then(|slot| api.answers.keep(slot, &response)) {
        Some(finished) => Answered::Finished(finished),
        None => Answered::Response(Box::new(response)),
    }
}

/// Runs a query or a mutation.
pub async fn execute(api: &Api, caller: Caller, request_id: &str, prepared: Prepared) -> Response {
    if prepared.is_subscription() {
        let message = "Subscriptions need a stream: open a WebSocket at /graphql with the subprotocol \
            graphql-transport-ws, or accept text/event-stream or multipart/mixed;subscriptionSpec=1.0.";
        return refused(Code::OperationResolution.server_error(message), request_id);
    }
    if let Err(why) = prepared.check(&caller) {
        note_denied(api, caller, request_id, &prepared).await;
        return refused(why, request_id);
    }
    let request = with_session(prepared, caller, request_id);
    let run = AssertUnwindSafe(api.schema.execute(request)).catch_unwind();
    match api.app.db.unless_away(run.map(Ok)).await {
        Ok(Ok(response)) => finish(response, request_id),
        Ok(Err(panic)) => finish(panicked(&*panic), request_id),
        Err(error) => {
            let (code, message) = outage(error);
            finish(Response::from_errors(vec![code.server_error(message)]), request_id)
        }
    }
}

/// The trail holds who asked for a change without the right to it; a database that is away changes nothing of the answer.
async fn note_denied(api: &Api, caller: Caller, request_id: &str, prepared: &Prepared) {
    if !prepared.is_mutation() {
        return;
    }
    let fields = prepared.roots().iter().filter(|name| !name.starts_with("__"));
    let names: Vec<String> = fields.cloned().collect();
    let session = session(prepared, caller, request_id);
    let db = &api.app.db;
    let noted = audited::denied(db, &session, &names, Code::Forbidden).map(Ok);
    // What failed is in the log.
    let _ = db.unless_away(noted).await;
}

/// Where a subscription goes on, whatever its document says.
pub(super) struct ResumeAt(pub String);

/// The request of a client that says beside its document what it has seen: the three event streams go on behind it.
pub fn resume_at(request: Request, cursor: &str) -> Request {
    request.data(ResumeAt(cursor.to_string()))
}

/// The address that a client has.
struct SeenFrom(IpAddr);

/// The request of a client at this address, which the audit trail names.
pub fn seen_from(request: Request, address: IpAddr) -> Request {
    request.data(SeenFrom(address))
}

pub(super) fn with_session(prepared: Prepared, caller: Caller, request_id: &str) -> Request {
    let session = session(&prepared, caller, request_id);
    prepared.ready.request.data(session)
}

pub(super) fn session(prepared: &Prepared, caller: Caller, request_id: &str) -> Session {
    let request = &prepared.ready.request;
    let seen_from = request.data.get(&TypeId::of::<SeenFrom>());
    let address = seen_from.and_then(|seen| seen.downcast_ref::<SeenFrom>());
    let remembers = !prepared.is_mutation();
    let variables = if remembers {
        Variables::default()
    } else {
        request.variables.clone()
    };
    Session {
        caller,
        request_id: request_id.to_string(),
        address: address.map(|SeenFrom(address)| *address),
        variables,
        remembers,
    }
}

/// What an error of the request as a whole carries: its code alone does not tell it from a field's error.
struct OfTheRequest;

/// The response to a request that was not executed.
pub fn refused(why: impl Into<Refused>, request_id: &str) -> Response {
    let mut errors = why.into().0;
    for error in &mut errors {
        error.source = Some(Arc::new(OfTheRequest));
    }
    finish(Response::from_errors(errors), request_id)
}

pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    told_panic(panic);
    Response::from_errors(vec![masked()])
}

/// Gives every error a code and the request's id.
pub(super) fn finish(mut response: Response, request_id: &str) -> Response {
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

/// Whether the request was refused by a bug of ours.
pub fn is_fault(response: &Response) -> bool {
    let is_internal = |error: &ServerError| {
        let code = error.extensions.as_ref().and_then(|values| values.get("code"));
        code == Some(&Code::Internal.as_str().into())
    };
    is_request_error(response) && response.errors.iter().any(is_internal)
}

/// Whether the request as a whole was refused, so that its answer has no `data`.
pub fn is_request_error(response: &Response) -> bool {
    response
        .errors
        .iter()
        .any(|error| error.source::<OfTheRequest>().is_some())
}

#[cfg(test)]
mod tests {
    use async_graphql::Value;

    use super::*;

    fn code(error: &ServerError) -> String {
        let values = error.extensions.clone().unwrap_or_default();
        values.get("code").map(|code| code.to_string()).unwrap_or_default()
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
        assert!(is_request_error(&refused(Code::BadUserInput.server_error("No."), "r1")));
    }
}
