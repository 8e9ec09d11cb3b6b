//! The messages of `graphql-transport-ws`: what a client may say, and how it is told what came of it.
//!
//! A message that is none has a reason, which goes into the close frame: one sentence.

use std::fmt::Write as _;

use async_graphql::{Request, ServerError, Variables};
use serde_json::{Map, Value};

/// Enough for every way of numbering operations; each event repeats it.
const ID_LIMIT: usize = 128;

/// What a client says.
#[derive(Debug)]
pub enum Said {
    Init(Option<Map<String, Value>>),
    Ping,
    Pong,
    Subscribe { id: String, request: Box<Request> },
    Complete { id: String },
}

/// What is wrong with it.
pub type Malformed = &'static str;

impl Said {
    pub fn read(text: &str) -> Result<Said, Malformed> {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return Err("A message is a JSON object");
        };
        let Value::Object(mut message) = message else {
            return Err("A message is a JSON object");
        };
        let payload = message.remove("payload");
        match message.get("type").and_then(Value::as_str) {
            Some("connection_init") => Ok(Said::Init(object(
                payload,
                "The payload of connection_init is an object",
            )?)),
            Some("ping") => object(payload, "The payload of ping is an object").map(|_| Said::Ping),
            Some("pong") => object(payload, "The payload of pong is an object").map(|_| Said::Pong),
            Some("subscribe") => Ok(Said::Subscribe {
                id: id(&mut message)?,
                request: Box::new(request(payload)?),
            }),
            Some("complete") => Ok(Said::Complete { id: id(&mut message)? }),
            Some(_) => Err("The type of a message is connection_init, ping, pong, subscribe or complete"),
            None => Err("A message has a type"),
        }
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, Malformed> {
    match message.remove("id") {
        Some(Value::String(id)) if id.is_empty() => Err("The id of an operation is not empty"),
        Some(Value::String(id)) if id.len() > ID_LIMIT => Err("The id of an operation has at most 128 bytes"),
        Some(Value::String(id)) => Ok(id),
        _ => Err("The message needs the id of an operation, a string"),
    }
}

fn object(value: Option<Value>, otherwise: Malformed) -> Result<Option<Map<String, Value>>, Malformed> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(otherwise),
    }
}

fn request(payload: Option<Value>) -> Result<Request, Malformed> {
    let Some(Value::Object(mut payload)) = payload else {
        return Err("The payload of subscribe is an object with a query");
    };
    let Some(Value::String(query)) = payload.remove("query") else {
        return Err("The payload of subscribe has a query, a string");
    };
    let mut request = Request::new(query);
    request.operation_name = match payload.remove("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
        Some(_) => return Err("The operationName of a payload is a string"),
    };
    if let Some(variables) = object(payload.remove("variables"), "The variables of a payload are an object")? {
        request.variables = Variables::from_json(Value::Object(variables));
    }
    let extensions = object(
        payload.remove("extensions"),
        "The extensions of a payload are an object",
    )?;
    for (name, value) in extensions.into_iter().flatten() {
        if let Ok(value) = async_graphql::Value::from_json(value) {
            request.extensions.0.insert(name, value);
        }
    }
    Ok(request)
}

pub const ACK: &str = r#"{"type":"connection_ack"}"#;
pub const PONG: &str = r#"{"type":"pong"}"#;

/// The part of the messages about one operation that names it.
#[derive(Debug)]
pub struct Name(Box<str>);

impl Name {
    pub fn new(id: &str) -> Self {
        Name(Value::from(id).to_string().into())
    }

    pub fn next(&self, payload: &str) -> String {
        self.about("next", Some(payload))
    }

    pub fn error(&self, errors: &[ServerError]) -> String {
        let errors = serde_json::to_string(errors).unwrap_or_else(|_| "[]".to_string());
        self.about("error", Some(&errors))
    }

    pub fn complete(&self) -> String {
        self.about("complete", None)
    }

    fn about(&self, kind: &str, payload: Option<&str>) -> String {
        let payload_len = payload.map_or(0, str::len);
        let mut text = String::with_capacity(self.0.len() + payload_len + 48);
        // Writing to a string does not fail.
        let _ = write!(text, r#"{{"id":{},"type":"{kind}""#, self.0);
        if let Some(payload) = payload {
            let _ = write!(text, r#","payload":{payload}"#);
        }
        text.push('}');
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn reason(message: &Value) -> &'static str {
        Said::read(&message.to_string()).expect_err("it is malformed")
    }

    #[test]
    fn a_message_that_is_none_is_refused_in_a_sentence() {
        for (message, words) in [
            (json!([]), "JSON object"),
            (json!({}), "has a type"),
            (json!({ "type": "next" }), "connection_init"),
            (json!({ "type": 1 }), "has a type"),
            (json!({ "type": "ping", "payload": 1 }), "payload of ping"),
            (json!({ "type": "connection_init", "payload": [] }), "connection_init"),
            (json!({ "type": "complete" }), "the id"),
            (json!({ "type": "complete", "id": 1 }), "the id"),
            (json!({ "type": "subscribe", "id": "" }), "not empty"),
            (json!({ "type": "subscribe", "id": "x".repeat(129) }), "128 bytes"),
            (json!({ "type": "subscribe", "id": "a" }), "an object with a query"),
            (json!({ "type": "subscribe", "id": "a", "payload": {} }), "a query"),
            (
                json!({ "type": "subscribe", "id": "a", "payload": { "query": "q", "variables": [] } }),
                "variables",
            ),
            (
                json!({ "type": "subscribe", "id": "a", "payload": { "query": "q", "operationName": 1 } }),
                "operationName",
            ),
            (
                json!({ "type": "subscribe", "id": "a", "payload": { "query": "q", "extensions": "" } }),
                "extensions",
            ),
        ] {
            assert!(reason(&message).contains(words), "{message}: {}", reason(&message));
        }
        for text in ["", "nonsense", "{", "\u{0}", &"[".repeat(100_000)] {
            assert!(Said::read(text).is_err());
        }
    }

    #[test]
    fn what_a_message_leaves_out_may_also_be_null() {
        let said = json!({ "type": "subscribe", "id": "a", "payload": {
            "query": "{ a }", "operationName": null, "variables": null, "extensions": null } });
        let Ok(Said::Subscribe { id, request }) = Said::read(&said.to_string()) else {
            panic!("it is a subscribe")
        };
        assert_eq!((id.as_str(), request.query.as_str()), ("a", "{ a }"));
        assert!(request.operation_name.is_none() && request.variables.is_empty());
        let init = json!({ "type": "connection_init", "payload": null });
        assert!(matches!(Said::read(&init.to_string()), Ok(Said::Init(None))));
    }

    #[test]
    fn an_id_comes_back_as_it_was_whatever_is_in_it() {
        for id in ["1", "a\"b\\c", "\u{1}\n😀"] {
            let next: Value = serde_json::from_str(&Name::new(id).next(r#"{"data":1}"#)).unwrap();
            assert_eq!(next, json!({ "id": id, "type": "next", "payload": { "data": 1 } }));
            let complete: Value = serde_json::from_str(&Name::new(id).complete()).unwrap();
            assert_eq!(complete, json!({ "id": id, "type": "complete" }));
        }
        let error = Name::new("1").error(&[ServerError::new("No.", None)]);
        let error: Value = serde_json::from_str(&error).unwrap();
        assert_eq!(
            (&error["type"], &error["payload"][0]["message"]),
            (&json!("error"), &json!("No."))
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key(), inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    fn key() -> impl Strategy<Value = String> {
        prop_oneof!["(type|id|payload|query|variables|operationName|extensions)", ".{0,6}"]
    }

    proptest! {
        #[test]
        fn any_text_is_a_message_or_a_reason_that_fits_a_close_frame(text in ".{0,200}") {
            if let Err(reason) = Said::read(&text) {
                prop_assert!(reason.len() <= 123);
            }
        }

        #[test]
        fn any_object_of_the_protocols_words_is_read_or_refused(
            kind in prop_oneof!["(connection_init|ping|pong|subscribe|complete|next)", ".{0,6}"],
            id in value(), payload in value(),
        ) {
            let message = json!({ "type": kind, "id": id, "payload": payload });
            match Said::read(&message.to_string()) {
                Ok(Said::Subscribe { id, request }) => {
                    prop_assert_eq!(&Value::from(id), &message["id"]);
                    prop_assert_eq!(&Value::from(request.query), &message["payload"]["query"]);
                }
                Ok(Said::Complete { id }) => prop_assert_eq!(&Value::from(id), &message["id"]),
                Ok(_) => {}
                Err(reason) => prop_assert!(reason.len() <= 123),
            }
        }
    }
}
