//! Answers in JSON: GraphQL responses in the media type that was asked for, and refusals of the transport.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::Extension;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;

use super::trace::RequestId;
use crate::graphql::{Code, is_request_error, refused};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const GRAPHQL: HeaderValue = HeaderValue::from_static("application/graphql-response+json; charset=utf-8");

/// A response to a request that was not executed has no `data`.
#[derive(Serialize)]
struct WithoutData<'a> {
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: &'a BTreeMap<String, Value>,
}

/// A GraphQL response. In `application/graphql-response+json` a refused request is a 400; in plain JSON every answer
/// that is GraphQL is a 200, because its clients look nowhere else.
pub fn graphql(headers: &HeaderMap, response: &GraphqlResponse) -> Response {
    let is_refused = is_request_error(response);
    let is_exact = headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("application/graphql-response+json"))
    });
    let status = if is_exact && is_refused {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    let media_type = if is_exact { GRAPHQL } else { JSON };
    body(status, media_type, response, is_refused)
}

/// A request that never became GraphQL.
pub fn refuse(status: StatusCode, code: Code, message: &str, id: &RequestId) -> Response {
    let response = refused(code.server_error(message), &id.0);
    body(status, JSON, &response, true)
}

fn body(status: StatusCode, media_type: HeaderValue, response: &GraphqlResponse, is_refused: bool) -> Response {
    let bytes = if is_refused {
        let GraphqlResponse { errors, extensions, .. } = response;
        serde_json::to_vec(&WithoutData { errors, extensions })
    } else {
        serde_json::to_vec(response)
    };
    match bytes {
        Ok(bytes) => (status, [(CONTENT_TYPE, media_type)], bytes).into_response(),
        Err(cause) => {
            tracing::error!(%cause, "a response could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub async fn no_such_path(Extension(id): Extension<RequestId>) -> Response {
    let message = "There is nothing here. The API is at /graphql, its explorer at /graphiql.";
    refuse(StatusCode::NOT_FOUND, Code::NotFound, message, &id)
}
