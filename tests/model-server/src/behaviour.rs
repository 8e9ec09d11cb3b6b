//! What a call may do, and which calls a rule is about: plain values, in Rust and as JSON.

use serde::{Deserialize, Serialize};

use crate::book::Call;

/// What one call does. `after` counts characters of the reply that are sent before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Sends the whole reply, its usage and its end.
    Behave,
    /// Answers with this status and body instead of a stream.
    Status {
        code: u16,
        #[serde(default)]
        body: String,
        #[serde(default = "json_type")]
        content_type: String,
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// Says that it failed, in the middle of a stream whose status was 200.
    ErrorInStream { body: String },
    /// Takes the request and never answers, not even with a status.
    Mute,
    /// Falls silent.
    Stall { after: usize },
    /// Sends its stream byte by byte, one each so many milliseconds.
    Drip { every_ms: u64 },
    /// Goes on for ever with events that have no text, one each so many milliseconds, with so many bytes of something else.
    Babble { after: usize, every_ms: u64, bytes: usize },
    /// Breaks the connection.
    Cut { after: usize },
    /// Ends the stream politely, without a finish reason.
    End { after: usize },
    /// Ends with this finish reason, whatever is missing.
    Finish { reason: String, after: usize },
    /// Sends exactly this text as its reply.
    Say { text: String },
    /// Prose with markup where JSON was asked for.
    Nonsense,
    /// Good JSON that is not what was asked for.
    WrongSchema,
    /// A reply whose first text has so many bytes.
    Flood { bytes: usize },
    /// The whole reply with this in each text; addresses become exactly this.
    Taint { text: String, address: String },
    /// The whole reply, in pieces of so many bytes that know neither events nor characters.
    Shred { bytes: usize },
    /// The whole reply without the tokens it took.
    NoUsage,
    /// Declines in the field that OpenAI has for it.
    Refuse { text: String },
}

fn json_type() -> String {
    "application/json".to_string()
}

/// Selects calls: those that have everything that is set here. The default selects all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The name of the schema that was asked for.
    pub function: Option<String>,
    /// Text that the prompt contains.
    pub contains: Option<String>,
    /// The caller's id for its job.
    pub job: Option<String>,
    pub model: Option<String>,
    /// The call's number, counted from 1 over the server's life.
    pub call: Option<usize>,
}

/// A behaviour for some calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(default)]
    pub when: When,
    pub behaviour: Behaviour,
    /// How many more calls it applies to; none is no limit.
    #[serde(default)]
    pub times: Option<usize>,
}

impl When {
    pub fn any() -> Self {
        When::default()
    }

    pub fn function(name: &str) -> Self {
        When {
            function: Some(name.to_string()),
            ..When::default()
        }
    }

    pub fn of_job(job: impl std::fmt::Display) -> Self {
        When {
            job: Some(job.to_string()),
            ..When::default()
        }
    }

    pub fn containing(text: &str) -> Self {
        When {
            contains: Some(text.to_string()),
            ..When::default()
        }
    }

    pub fn selects(&self, call: &Call) -> bool {
        let is = |wanted: &Option<String>, given: &str| wanted.as_ref().is_none_or(|wanted| wanted == given);
        is(&self.function, &call.function)
            && is(&self.model, &call.model)
            && is(&self.job, &call.job)
            && self.call.is_none_or(|number| number == call.number)
            && self.contains.as_ref().is_none_or(|text| call.prompt.contains(text))
    }
}

/// The failures that are met in the wild, by name.
impl Behaviour {
    fn status(code: u16, body: &str) -> Self {
        Behaviour::Status {
            code,
            body: body.to_string(),
            content_type: json_type(),
            retry_after: None,
        }
    }

    pub fn rate_limited(retry_after: Option<&str>) -> Self {
        let body =
            r#"{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
        Behaviour::Status {
            code: 429,
            body: body.to_string(),
            content_type: json_type(),
            retry_after: retry_after.map(str::to_string),
        }
    }

    /// A proxy in front of the model is busy, and speaks HTML.
    pub fn html_429() -> Self {
        Behaviour::Status {
            code: 429,
            body: "<html><body><h1>429 Too Many Requests</h1></body></html>".to_string(),
            content_type: "text/html".to_string(),
            retry_after: None,
        }
    }

    pub fn no_quota() -> Self {
        Self::status(
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        )
    }

    pub fn server_error() -> Self {
        Self::status(
            500,
            r#"{"error":{"message":"The server had an error","type":"server_error"}}"#,
        )
    }

    /// llama.cpp's errors carry the status as a number.
    pub fn numeric_code() -> Self {
        Self::status(
            503,
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        )
    }

    /// Some servers have no error object.
    pub fn string_error() -> Self {
        Self::status(400, r#"{"error":"the field `messages` is odd"}"#)
    }

    pub fn context_overflow() -> Self {
        Self::status(
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}"#,
        )
    }

    /// OpenAI's own words for it, with the key that was sent.
    pub fn bad_key(key: &str) -> Self {
        Self::status(
            401,
            &format!(
                r#"{{"error":{{"message":"Incorrect API key provided: {key}.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}}}"#
            ),
        )
    }

    pub fn no_such_model() -> Self {
        Self::status(
            404,
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        )
    }

    /// An error object with status 200 and no stream.
    pub fn error_with_status_200() -> Self {
        Self::status(200, r#"{"error":{"message":"upstream is overloaded","code":502}}"#)
    }

    /// How much of the reply goes out before the misbehaviour; all of it if nothing is said.
    pub(crate) fn after(&self) -> usize {
        match self {
            Behaviour::Stall { after }
            | Behaviour::Babble { after, .. }
            | Behaviour::Cut { after }
            | Behaviour::End { after }
            | Behaviour::Finish { after, .. } => *after,
            Behaviour::ErrorInStream { .. } | Behaviour::Refuse { .. } => 0,
            _ => usize::MAX,
        }
    }
}
