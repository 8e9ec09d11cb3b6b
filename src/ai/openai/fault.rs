//! What a failure means: from a status and a body of any shape to one of our kinds.
//!
//! Servers agree on little but the status: error objects, bare strings, numbers as codes, HTML from a proxy, and
//! errors with status 200 all occur. A provider's words go to the log, cut short and without the key.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use crate::ai::{Error, ErrorKind};
use crate::error::Instant;

/// As much of a provider's words as a log needs.
const LONGEST: usize = 400;

/// What a provider said about its failure.
#[derive(Debug, Default)]
struct Said {
    code: String,
    kind: String,
    message: String,
}

/// A reply that is no stream.
pub(super) fn of_reply(status: u16, headers: &HeaderMap, body: &str, now: Instant, key: &str) -> Error {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let said = parsed.as_ref().map_or_else(|| of_text(body), of_value);
    let status = match status {
        // The code is the status that the reply should have had.
        200..300 => said.status(),
        status => status,
    };
    Error {
        retry_after: retry_after(headers, now),
        ..error(status, &said, key)
    }
}

/// An error in the middle of a stream.
pub(super) fn of_event(error: &Value, key: &str) -> Error {
    let said = of_object(error);
    self::error(said.status(), &said, key)
}

impl Said {
    /// The status that goes with the words of an answer which claimed success.
    fn status(&self) -> u16 {
        let number = self.code.parse().ok().filter(|code| (400..600).contains(code));
        let words = format!("{} {}", self.code, self.kind).to_lowercase();
        let any = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
        number.unwrap_or_else(|| match () {
            () if any(&["context_length", "exceed_context_size"]) => 400,
            () if any(&["invalid_api_key", "authentication_error"]) => 401,
            () if any(&["model_not_found"]) => 404,
            () if any(&["rate_limit_exceeded", "rate_limit_error"]) => 429,
            () => 502,
        })
    }
}

fn error(status: u16, said: &Said, key: &str) -> Error {
    let code = match said.code.is_empty() {
        true => &said.kind,
        false => &said.code,
    };
    let (code, words) = (printable(code, key), printable(&said.message, key));
    Error::new(kind(status, said), format!("status {status}, {code}: {words}"))
}

fn of_value(value: &Value) -> Said {
    match value.get("error") {
        Some(error) => of_object(error),
        None => of_object(value),
    }
}

fn of_object(error: &Value) -> Said {
    let word = |name: &str| match &error[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let message = match error {
        Value::String(text) => text.clone(),
        _ => Some(word("message"))
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| word("detail")),
    };
    Said {
        code: word("code"),
        kind: word("type"),
        message,
    }
}

fn of_text(body: &str) -> Said {
    Said {
        message: body.to_string(),
        ..Said::default()
    }
}

fn kind(status: u16, said: &Said) -> ErrorKind {
    use ErrorKind::*;
    let words = format!("{} {} {}", said.code, said.kind, said.message).to_lowercase();
    let any = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
    match status {
        _ if any(&[
            "insufficient_quota",
            "exceeded your current quota",
            "billing_hard_limit",
        ]) =>
        {
            Quota
        }
        429 => RateLimited,
        _ if any(&[
            "content_filter",
            "content_policy",
            "content management policy",
            "flagged by moderation",
        ]) =>
        {
            ContentFilter
        }
        401 | 403 => Auth,
        402 => Quota,
        400 | 413 | 422 if any(CONTEXT) => ContextLength,
        400 | 404 | 422 if any(&["model_not_found", "does not exist", "model not found", "unknown model"]) => {
            ModelNotFound
        }
        404 if said.message.to_lowercase().contains("model") => ModelNotFound,
        408 | 504 => Timeout,
        409 | 425 | 500.. => Overloaded,
        _ => InvalidRequest,
    }
}

/// How servers say that a prompt is too long.
const CONTEXT: &[&str] = &[
    "context_length",
    "exceed_context_size",
    "context size",
    "context length",
    "context window",
    "maximum context",
    "too many tokens",
    "prompt is too long",
];

/// Seconds, a date, or OpenAI's own milliseconds.
fn retry_after(headers: &HeaderMap, now: Instant) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| {
        text(name)?
            .parse::<f64>()
            .ok()
            .filter(|number| (0.0..1e9).contains(number))
    };
    if let Some(ms) = number("retry-after-ms") {
        return Some(Duration::from_secs_f64(ms / 1000.0));
    }
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs_f64(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text("retry-after")?).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

/// The key goes first: half of it, left by the cut, would not be recognised any more.
fn printable(text: &str, key: &str) -> String {
    let text = match key.is_empty() {
        true => text.to_string(),
        false => text.replace(key, "(key)"),
    };
    let text = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    text.take(LONGEST).collect::<String>().trim().to_string()
}
