//! Answers in JSON: GraphQL responses in the media type that was asked for, and refusals of the transport.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::Extension;
use axum::body::Body;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;

use super::trace::RequestId;
use crate::graphql::{Code, Finished, is_fault, is_request_error, refused};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const GRAPHQL: HeaderValue = HeaderValue::from_static("application/graphql-response+json; charset=utf-8");

/// A response to a request that was not executed has no `data`.
#[derive(Serialize)]
struct WithoutData<'a> {
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

/// The two forms of an answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Every answer that is GraphQL is a 200, because clients of this form look nowhere else.
    Plain,
    /// `application/graphql-response+json`: the status says whether the request was refused.
    Exact,
}

/// Whether the client can read anything that this server writes; streams are answers too.
pub fn is_acceptable(headers: &HeaderMap) -> bool {
    form(headers).is_some()
        || ["text/event-stream", "multipart/mixed"]
            .iter()
            .any(|ty| wanted(headers, ty).is_some())
}

/// The form that a client asks for. Without a wish, and for clients that take anything, it is plain JSON.
fn form(headers: &HeaderMap) -> Option<Form> {
    if !headers.contains_key(ACCEPT) {
        return Some(Form::Plain);
    }
    let exact = wanted(headers, "application/graphql-response+json");
    let any = |name: &str| wanted(headers, name);
    // The most particular wish counts, also when it says never.
    let plain = any("application/json")
        .or(any("application/*"))
        .or(any("*/*"))
        .unwrap_or(0.0);
    match exact {
        Some(weight) if weight > 0.0 && weight >= plain => Some(Form::Exact),
        _ if plain > 0.0 => Some(Form::Plain),
        _ => None,
    }
}

/// Whether the client shows documents to a person, as a browser does where an address is opened.
pub fn is_document_wanted(headers: &HeaderMap) -> bool {
    let json = wanted(headers, "application/json").unwrap_or(0.0);
    wanted(headers, "text/html").is_some_and(|weight| weight > 0.0 && weight >= json)
}

/// The weight that an Accept header gives to a media type that it names.
fn wanted(headers: &HeaderMap, name: &str) -> Option<f32> {
    weight_in(headers, &ACCEPT, name)
}

fn weight_in(headers: &HeaderMap, list: &HeaderName, name: &str) -> Option<f32> {
    let values = headers.get_all(list).iter().filter_map(|value| value.to_str().ok());
    for wish in values.flat_map(|value| value.split(',')) {
        let mut parts = wish.split(';').map(str::trim);
        if parts.next().is_some_and(|ty| ty.eq_ignore_ascii_case(name)) {
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            return Some(weight.and_then(|weight| weight.trim().parse().ok()).unwrap_or(1.0));
        }
    }
    None
}

/// The status and the media type of a GraphQL response.
fn shape(headers: &HeaderMap, response: &GraphqlResponse) -> (StatusCode, HeaderValue) {
    match form(headers) {
        Some(Form::Exact) if is_fault(response) => (StatusCode::INTERNAL_SERVER_ERROR, GRAPHQL),
        Some(Form::Exact) if is_request_error(response) => (StatusCode::BAD_REQUEST, GRAPHQL),
        Some(Form::Exact) => (StatusCode::OK, GRAPHQL),
        _ => (StatusCode::OK, JSON),
    }
}

/// A GraphQL response, in the form that was asked for.
pub fn graphql(headers: &HeaderMap, response: &GraphqlResponse) -> Response {
    let (status, media_type) = shape(headers, response);
    body(status, media_type, response, is_request_error(response))
}

/// Answers at least this long are compressed for those who can read that.
pub const WORTH_COMPRESSING: u16 = 1024;

/// An answer that is kept as the bytes that it is, compressed where the compressing layer would have done it.
pub fn finished(headers: &HeaderMap, finished: &Finished) -> Response {
    let media_type = match form(headers) {
        Some(Form::Exact) => GRAPHQL,
        _ => JSON,
    };
    let is_long = finished.plain.len() >= usize::from(WORTH_COMPRESSING);
    let packed = (is_long && takes_gzip(headers)).then(|| finished.packed()).flatten();
    let mut response = Response::new(Body::from(packed.clone().unwrap_or_else(|| finished.plain.clone())));
    let set = response.headers_mut();
    set.insert(CONTENT_TYPE, media_type);
    if packed.is_some() {
        set.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        set.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// Whether the client reads gzip, and does not like plain bytes better.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight = |name| weight_in(headers, &ACCEPT_ENCODING, name);
    let gzip = weight("gzip").unwrap_or(0.0);
    gzip > 0.0 && gzip >= weight("identity").unwrap_or(0.0)
}

/// The responses to a batch, in its order. Each tells its own outcome, so the status is always good.
pub fn batch(headers: &HeaderMap, responses: &[GraphqlResponse]) -> Response {
    let media_type = if form(headers) == Some(Form::Exact) {
        GRAPHQL
    } else {
        JSON
    };
    let each = responses
        .iter()
        .map(|response| text(response, is_request_error(response)));
    match each.collect::<Result<Vec<_>, _>>() {
        Ok(each) => {
            let all = [b"[".as_slice(), &each.join(&b","[..]), b"]"].concat();
            (StatusCode::OK, [(CONTENT_TYPE, media_type)], all).into_response()
        }
        Err(cause) => unwritable(&cause),
    }
}

/// What a refusal says, beside its JSON, for whoever shows it to a person instead.
#[derive(Clone)]
pub struct Sentence(pub String);

/// A request that never became GraphQL.
pub fn refuse(status: StatusCode, code: Code, message: &str, id: &RequestId) -> Response {
    refuse_with(status, code.server_error(message), id)
}

/// The same with an error that says more than its code.
pub fn refuse_with(status: StatusCode, error: ServerError, id: &RequestId) -> Response {
    let sentence = Sentence(error.message.clone());
    let mut response = body(status, JSON, &refused(error, &id.0), true);
    response.extensions_mut().insert(sentence);
    response
}

fn body(status: StatusCode, media_type: HeaderValue, response: &GraphqlResponse, is_refused: bool) -> Response {
    match text(response, is_refused) {
        Ok(bytes) => (status, [(CONTENT_TYPE, media_type)], bytes).into_response(),
        Err(cause) => unwritable(&cause),
    }
}

fn text(response: &GraphqlResponse, is_refused: bool) -> Result<Vec<u8>, serde_json::Error> {
    if is_refused {
        let GraphqlResponse { errors, extensions, .. } = response;
        return serde_json::to_vec(&WithoutData { errors, extensions });
    }
    serde_json::to_vec(response)
}

fn unwritable(cause: &serde_json::Error) -> Response {
    tracing::error!(%cause, "a response could not be written");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

pub async fn no_such_method(Extension(id): Extension<RequestId>) -> Response {
    let message = "Send queries and mutations as POST, or queries as GET.";
    not_allowed(message, "GET, POST", &id)
}

/// A method that this path, or this operation, does not take.
pub fn not_allowed(message: &str, allowed: &'static str, id: &RequestId) -> Response {
    let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, Code::BadRequest, message, id);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

pub async fn no_such_path(Extension(id): Extension<RequestId>) -> Response {
    let message = "There is nothing here. The API is at /graphql, its explorer at /graphiql.";
    refuse(StatusCode::NOT_FOUND, Code::NotFound, message, &id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(accept: &[&str]) -> (Option<Form>, bool) {
        let mut headers = HeaderMap::new();
        for accept in accept {
            headers.append(ACCEPT, accept.parse().unwrap());
        }
        (form(&headers), is_acceptable(&headers))
    }

    #[test]
    fn the_client_chooses_the_form() {
        let exact = "application/graphql-response+json";
        for (accept, expected) in [
            (vec![], Form::Plain),
            (vec!["*/*"], Form::Plain),
            (vec!["application/*"], Form::Plain),
            (vec!["text/html, */*;q=0.1"], Form::Plain),
            (vec!["application/json"], Form::Plain),
            (vec![exact], Form::Exact),
            (vec!["Application/GraphQL-Response+JSON; charset=utf-8"], Form::Exact),
            (vec!["application/graphql-response+json, application/json"], Form::Exact),
            (vec!["application/json", exact], Form::Exact),
            (
                vec!["application/graphql-response+json;q=0.5, application/json"],
                Form::Plain,
            ),
            (vec!["application/graphql-response+json;q=0, */*"], Form::Plain),
            (
                vec!["multipart/mixed;subscriptionSpec=1.0, application/json"],
                Form::Plain,
            ),
        ] {
            assert_eq!(asked(&accept), (Some(expected), true), "{accept:?}");
        }
        for accept in ["text/html", "application/json;q=0", "application/json; q=0, image/*"] {
            assert_eq!(asked(&[accept]), (None, false), "{accept}");
        }
        assert_eq!(asked(&["text/event-stream"]), (None, true));
    }
}
