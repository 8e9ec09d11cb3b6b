//! `/graphql`: POST for everything, GET for what changes nothing, streams for those who ask, and the upgrade to a
//! WebSocket.

use async_graphql::Request;
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::UPGRADE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use tracing::Span;

use super::client_address::ClientAddress;
use super::request::{Asked, Parameters, Unreadable, check_media_type, of_body, of_parameters, read_body};
use super::trace::{Asked as Known, RequestId};
use super::{Web, answer, gate, identity, socket, streamed};
use crate::auth::Caller;
use crate::graphql::{
    self, Answered, Begun, Code, Finished, Prepared, begin, execute, outage, prepare, refused, seen_from,
};

pub async fn post(
    State(web): State<Web>,
    Extension(id): Extension<RequestId>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let read = async {
        check_media_type(&headers)?;
        check_acceptable(&headers)?;
        of_body(&read_body(body).await?, web.api.app.config.graphql.max_batch)
    };
    match read.await {
        Ok(Asked::One(request)) => run(&web, &id, from, &headers, *request, None).await,
        Ok(Asked::Batch(requests)) => run_batch(&web, &id, from, &headers, requests).await,
        Err((status, message)) => answer::refuse(status, Code::BadRequest, &message, &id),
    }
}

pub async fn get(
    State(web): State<Web>,
    Extension(id): Extension<RequestId>,
    Extension(from): Extension<ClientAddress>,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
    upgrade: Option<Extension<OnUpgrade>>,
) -> Response {
    if headers.contains_key(UPGRADE) {
        return socket::accept(web, id, from, &headers, upgrade.map(|Extension(upgrade)| upgrade));
    }
    let read = || -> Result<(Request, Option<String>), Unreadable> {
        let Query(mut parameters) = parameters.map_err(|rejection| {
            let message = format!("The query string cannot be read: {rejection}.");
            (StatusCode::BAD_REQUEST, message)
        })?;
        check_acceptable(&headers)?;
        let watch = parameters.watch.take();
        Ok((of_parameters(parameters)?, watch))
    };
    match read() {
        Ok((request, watch)) => run(&web, &id, from, &headers, request, Some(watch.as_deref())).await,
        Err((status, message)) => answer::refuse(status, Code::BadRequest, &message, &id),
    }
}

/// `address` is the watch token in the address of a GET, which cannot change anything; none is a POST.
async fn run(
    web: &Web,
    id: &RequestId,
    from: ClientAddress,
    headers: &HeaderMap,
    request: Request,
    address: Option<Option<&str>>,
) -> Response {
    let caller = match who(web, id, from, headers, address.flatten()).await {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let request = seen_from(streamed::resumed(headers, request), from.0);
    let begun = match streamed::asked(headers, false) {
        // A stream's answers are written as its form wants them.
        Some(_) => prepare(&web.api, request).map(|prepared| Begun::Ready(Box::new(prepared))),
        None => begin(&web.api, &caller, request),
    };
    let prepared = match begun {
        Ok(Begun::Known(finished)) => return known(web, id, headers, &caller, &finished),
        Ok(Begun::Ready(prepared)) => *prepared,
        Err(why) => {
            if let Err(too_much) = web.gate.spend_on_refusal(&caller) {
                return too_much.response(id);
            }
            return match streamed::asked(headers, false) {
                Some(form) => streamed::refuse(web, form, id, why),
                None => answer::graphql(headers, &refused(why, &id.0)),
            };
        }
    };
    note(&caller, &prepared);
    if prepared.is_mutation() && address.is_some() {
        let message = "A GET cannot change anything: send mutations as POST.";
        return answer::not_allowed(message, "POST", id);
    }
    let place = match web.gate.admit(&caller, &prepared) {
        Ok(place) => place,
        Err(too_much) => return too_much.response(id),
    };
    if let Some(form) = streamed::asked(headers, prepared.is_subscription()) {
        return streamed::respond(web, form, caller, id, prepared, place);
    }
    match graphql::answer(&web.api, caller, &id.0, prepared).await {
        Answered::Finished(finished) => answer::finished(headers, &finished),
        Answered::Response(response) => answer::graphql(headers, &response),
    }
}

/// Gives an answer that was made before, for the same price.
fn known(web: &Web, id: &RequestId, headers: &HeaderMap, caller: &Caller, finished: &Finished) -> Response {
    let mut response = match web.gate.spend(caller, finished.cost) {
        Ok(()) => answer::finished(headers, finished),
        Err(too_much) => too_much.response(id),
    };
    // To put this into the span, which nothing else needs, would cost more than the answer.
    response.extensions_mut().insert(Known {
        account: caller.account,
        operation: finished.name.clone(),
    });
    response
}

/// One after the other: a batch may change things, and its order is the client's. Its budget is charged for all of it, or
/// nothing of it runs.
async fn run_batch(
    web: &Web,
    id: &RequestId,
    from: ClientAddress,
    headers: &HeaderMap,
    requests: Vec<Request>,
) -> Response {
    let caller = match who(web, id, from, headers, None).await {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let prepared = requests
        .into_iter()
        .map(|request| prepare(&web.api, seen_from(request, from.0)));
    let prepared: Vec<_> = prepared.collect();
    if let Err(too_much) = web.gate.spend(&caller, prepared.iter().map(gate::cost).sum()) {
        return too_much.response(id);
    }
    let mut responses = Vec::with_capacity(prepared.len());
    for prepared in prepared {
        responses.push(match prepared {
            Ok(prepared) => execute(&web.api, caller.clone(), &id.0, prepared).await,
            Err(why) => refused(why, &id.0),
        });
    }
    answer::batch(headers, &responses)
}

fn check_acceptable(headers: &HeaderMap) -> Result<(), Unreadable> {
    if answer::is_acceptable(headers) {
        return Ok(());
    }
    let message = "Accept application/graphql-response+json or application/json: this server writes nothing else.";
    Err((StatusCode::NOT_ACCEPTABLE, message.to_string()))
}

/// The caller, or the answer to somebody who has no good key.
async fn who(
    web: &Web,
    id: &RequestId,
    from: ClientAddress,
    headers: &HeaderMap,
    watch: Option<&str>,
) -> Result<Caller, Box<Response>> {
    match identity::of_request(web, from, headers, watch).await {
        Ok(Ok(caller)) => Ok(caller),
        Ok(Err(denied)) => Err(Box::new(identity::refusal(denied, id))),
        Err(error) => {
            let (code, message) = outage(error);
            Err(Box::new(answer::refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                code,
                message,
                id,
            )))
        }
    }
}

fn note(caller: &Caller, prepared: &Prepared) {
    let span = Span::current();
    span.record("account", tracing::field::display(caller.account));
    if let Some(name) = prepared.name() {
        span.record("operation", name);
    }
}
