//! Reading a GraphQL request from a body or from a query string.

use async_graphql::{Request, Variables};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use futures::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The largest body of a request, in bytes.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// How far a body that is too large is read on.
const DISCARD_LIMIT: usize = 4 * BODY_LIMIT;

/// Why it is none: a status and a sentence.
pub type Unreadable = (StatusCode, String);

/// What both forms have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    extensions: Option<Map<String, Value>>,
}

/// The parameters of a GET; the last two are JSON as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// Only `application/json`: a page of another site can send every other type without asking first.
pub fn check_media_type(headers: &HeaderMap) -> Result<(), Unreadable> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = given.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "Send the request as JSON, with the header `Content-Type: application/json`.";
    Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_string()))
}

/// The body, if it is no larger than it may be. A larger one is read on for a while and thrown away: a client that is
/// still sending when the connection closes would not see the answer.
pub async fn read_body(body: Body) -> Result<Vec<u8>, Unreadable> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut received) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else {
            return bad("The body of the request could not be read. Send it again.");
        };
        received += chunk.len();
        if received <= BODY_LIMIT {
            bytes.extend_from_slice(&chunk);
        } else if received > DISCARD_LIMIT {
            break;
        }
    }
    if received <= BODY_LIMIT {
        return Ok(bytes);
    }
    Err((
        StatusCode::PAYLOAD_TOO_LARGE,
        "The request is larger than 2 MiB. Shorten it.".to_string(),
    ))
}

pub fn of_body(body: &[u8]) -> Result<Request, Unreadable> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return bad("Batches are not supported: send one request at a time, as a JSON object.");
    }
    match serde_json::from_slice::<Parts>(body) {
        Ok(parts) => request(parts),
        Err(cause) => bad(&format!(
            "Send a JSON object with `query` and, if needed, `operationName`, `variables` and `extensions` \
             ({cause})."
        )),
    }
}

pub fn of_parameters(parameters: Parameters) -> Result<Request, Unreadable> {
    request(Parts {
        query: parameters.query,
        operation_name: parameters.operation_name,
        variables: object("variables", parameters.variables)?,
        extensions: object("extensions", parameters.extensions)?,
    })
}

fn object<T: DeserializeOwned>(name: &str, text: Option<String>) -> Result<Option<T>, Unreadable> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match serde_json::from_str(&text) {
        Ok(value) => Ok(value),
        Err(cause) => bad(&format!("`{name}` must be a JSON object ({cause}).")),
    }
}

fn request(parts: Parts) -> Result<Request, Unreadable> {
    let Some(query) = parts.query.filter(|query| !query.trim().is_empty()) else {
        return bad("There is no `query`: send a GraphQL document.");
    };
    let mut request = Request::new(query);
    request.operation_name = parts.operation_name.filter(|name| !name.is_empty());
    if let Some(variables) = parts.variables {
        request = request.variables(Variables::from_json(Value::Object(variables)));
    }
    if let Some(extensions) = parts.extensions {
        let value = |(name, value)| Some((name, async_graphql::Value::from_json(value).ok()?));
        request.extensions = async_graphql::Extensions(extensions.into_iter().filter_map(value).collect());
    }
    Ok(request)
}

fn bad<T>(message: &str) -> Result<T, Unreadable> {
    Err((StatusCode::BAD_REQUEST, message.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        let (status, message) = of_body(body.as_bytes()).err().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        message
    }

    #[test]
    fn a_body_is_one_object_with_a_query() {
        let request = of_body(br#"{"query":"{ a }","operationName":null,"variables":{"x":1}}"#);
        let request = request.ok().unwrap();
        assert_eq!((request.query.as_str(), request.operation_name), ("{ a }", None));
        assert!(refusal(" [{}]").contains("Batches"));
        assert!(refusal("{}").contains("`query`"));
        assert!(refusal("{\"query\":1}").contains("JSON object"));
        assert!(refusal("nonsense").contains("JSON object"));
        assert!(refusal(r#"{"query":"{ a }","variables":[]}"#).contains("JSON object"));
    }

    #[test]
    fn only_json_is_read() {
        let verdict = |media_type: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
            check_media_type(&headers).is_ok()
        };
        assert!(verdict("application/json") && verdict("Application/JSON; charset=utf-8"));
        assert!(!verdict("text/plain") && !verdict("application/jsonp") && !verdict(""));
        assert!(check_media_type(&HeaderMap::new()).is_err());
    }
}
