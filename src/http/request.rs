//! Reading a GraphQL request from a body or from a query string.

use async_graphql::{Request, Variables};
use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use futures::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::graphql::{DOCUMENT_ID, PERSISTED_QUERY};

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
    document_id: Option<String>,
}

/// The parameters of a GET; variables and extensions are JSON as text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
    document_id: Option<String>,
    /// A watch token: an `EventSource` can send no header.
    pub watch: Option<String>,
}

/// What a body asks for.
pub enum Asked {
    One(Box<Request>),
    Batch(Vec<Request>),
}

/// Only `application/json` in UTF-8, as it is: a page of another site can send every other type without asking first.
pub fn check_media_type(headers: &HeaderMap) -> Result<(), Unreadable> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let mut parts = text(CONTENT_TYPE).split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|ty| ty.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    let encoding = text(CONTENT_ENCODING);
    let is_as_it_is = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    let message = match (is_json && is_utf8, is_as_it_is) {
        (true, true) => return Ok(()),
        (false, _) => "Send the request as JSON in UTF-8, with the header `Content-Type: application/json`.",
        (true, false) => "Send the request without a `Content-Encoding`.",
    };
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

/// One request, or as many as a batch may hold.
pub fn of_body(body: &[u8], max_batch: usize) -> Result<Asked, Unreadable> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        return request(json(body)?).map(|request| Asked::One(Box::new(request)));
    }
    let batch: Vec<Parts> = json(body)?;
    match batch.len() {
        0 => bad("The batch is empty: send at least one request in it."),
        many if many > max_batch => bad(&format!(
            "The batch holds {many} requests, and {max_batch} are allowed. Send fewer at once."
        )),
        _ => batch
            .into_iter()
            .map(request)
            .collect::<Result<_, _>>()
            .map(Asked::Batch),
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|cause| {
        let message = format!(
            "Send a JSON object with `query` and, if needed, `operationName`, `variables` and `extensions` ({cause})."
        );
        (StatusCode::BAD_REQUEST, message)
    })
}

pub fn of_parameters(parameters: Parameters) -> Result<Request, Unreadable> {
    request(Parts {
        query: parameters.query,
        operation_name: parameters.operation_name,
        variables: object("variables", parameters.variables)?,
        extensions: object("extensions", parameters.extensions)?,
        document_id: parameters.document_id,
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
    let query = parts.query.filter(|query| !query.trim().is_empty());
    let extensions = parts.extensions.unwrap_or_default();
    // A document that the server knows is named instead of sent.
    let is_named = parts.document_id.is_some() || extensions.contains_key(PERSISTED_QUERY);
    if query.is_none() && !is_named {
        return bad("There is no `query`: send a GraphQL document.");
    }
    let mut request = Request::new(query.unwrap_or_default());
    request.operation_name = parts.operation_name.filter(|name| !name.is_empty());
    if let Some(variables) = parts.variables {
        request = request.variables(Variables::from_json(Value::Object(variables)));
    }
    let value = |(name, value)| Some((name, async_graphql::Value::from_json(value).ok()?));
    let mut extensions: async_graphql::Extensions =
        async_graphql::Extensions(extensions.into_iter().filter_map(value).collect());
    if let Some(id) = parts.document_id {
        extensions.0.insert(DOCUMENT_ID.to_string(), id.into());
    }
    request.extensions = extensions;
    Ok(request)
}

fn bad<T>(message: &str) -> Result<T, Unreadable> {
    Err((StatusCode::BAD_REQUEST, message.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        let (status, message) = of_body(body.as_bytes(), 2).err().unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST);
        message
    }

    #[test]
    fn a_body_is_one_object_with_a_query() {
        let body = br#"{"query":"{ a }","operationName":null,"variables":{"x":1}}"#;
        let Ok(Asked::One(request)) = of_body(body, 2) else {
            panic!("one request")
        };
        assert_eq!((request.query.as_str(), request.operation_name), ("{ a }", None));
        assert!(refusal("{}").contains("`query`"));
        assert!(refusal("{\"query\":1}").contains("JSON object"));
        assert!(refusal("nonsense").contains("JSON object"));
        assert!(refusal(r#"{"query":"{ a }","variables":[]}"#).contains("JSON object"));
        let named = br#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}"#;
        assert!(of_body(named, 2).is_ok() && of_body(br#"{"documentId":"x"}"#, 2).is_ok());
    }

    #[test]
    fn a_batch_holds_a_few_requests() {
        let body = |count: usize| format!(" [{}]", vec![r#"{"query":"{ a }"}"#; count].join(","));
        for count in [1, 2] {
            let asked = of_body(body(count).as_bytes(), 2);
            assert!(matches!(asked, Ok(Asked::Batch(all)) if all.len() == count));
        }
        assert!(refusal(&body(0)).contains("empty"));
        assert!(refusal(&body(3)).contains("3 requests, and 2"));
        assert!(refusal("[{}]").contains("`query`") && refusal("[1]").contains("JSON object"));
    }

    #[test]
    fn only_json_is_read() {
        let verdict = |media_type: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
            check_media_type(&headers).is_ok()
        };
        assert!(verdict("application/json") && verdict("Application/JSON; charset=utf-8"));
        assert!(!verdict("application/json; charset=latin1") && !verdict("multipart/form-data; boundary=x"));
        assert!(!verdict("text/plain") && !verdict("application/jsonp") && !verdict(""));
        assert!(check_media_type(&HeaderMap::new()).is_err());
    }
}
