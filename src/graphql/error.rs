//! How an error leaves the server: a code and a sentence for the client, the cause once for the log.
//!
//! `crate::error::Error` becomes a GraphQL error only here, so that no `?` can carry SQL to a client.
//! Expected failures of mutations are not errors at all: see `user_error`.

use std::time::Duration;

use async_graphql::{Error as GraphqlError, ErrorExtensionValues, ServerError};
use sea_orm::{DbErr, SqlxError};

use crate::error::{Error, Refusal, Why, driver, is_outage, is_outage_code};

/// What `extensions.code` of a top-level error can be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Code {
    BadRequest,
    ParseFailed,
    ValidationFailed,
    TooComplex,
    OperationResolution,
    BadUserInput,
    Unauthenticated,
    Forbidden,
    NotFound,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
    RateLimited,
    Unavailable,
    Internal,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadRequest => "BAD_REQUEST",
            Code::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Code::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Code::TooComplex => "QUERY_TOO_COMPLEX",
            Code::OperationResolution => "OPERATION_RESOLUTION_FAILURE",
            Code::BadUserInput => "BAD_USER_INPUT",
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::Forbidden => "FORBIDDEN",
            Code::NotFound => "NOT_FOUND",
            Code::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Code::PersistedQueryNotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Code::RateLimited => "RATE_LIMITED",
            Code::Unavailable => "SERVICE_UNAVAILABLE",
            Code::Internal => "INTERNAL_SERVER_ERROR",
        }
    }

    /// An error for a resolver to return.
    pub fn error(self, message: impl Into<String>) -> GraphqlError {
        let mut error = GraphqlError::new(message);
        error.extensions = Some(self.extensions());
        error
    }

    /// An error of the request as a whole.
    pub fn server_error(self, message: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(message, None);
        error.extensions = Some(self.extensions());
        error
    }

    fn extensions(self) -> ErrorExtensionValues {
        let mut values = ErrorExtensionValues::default();
        values.set("code", self.as_str());
        values
    }
}

/// The one sentence behind which every bug hides.
pub const MASKED: &str = "Something went wrong on our side. Try again; if it stays, report the request id.";
const OUTAGE: &str = "The database cannot be reached at the moment. Try again in a few seconds.";
const BUSY: &str = "The database is too busy at the moment. Try again in a few seconds.";
const FULL: &str = "The server's disk is full. Try again once its operator has made room.";

/// The answer to somebody who has to wait.
pub fn rate_limited(message: impl Into<String>, wait: Duration) -> ServerError {
    let mut error = Code::RateLimited.server_error(message);
    if let Some(values) = &mut error.extensions {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        values.set("retryAfterMs", wait.max(1));
    }
    error
}

/// The answer to a bug.
pub fn masked() -> ServerError {
    Code::Internal.server_error(MASKED)
}

/// Logs the words of a panic, which nobody else sees.
pub fn told_panic(panic: &(dyn std::any::Any + Send)) {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let cause = text.or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(cause = cause.unwrap_or("no message"), "a request panicked");
}

impl From<Error> for GraphqlError {
    /// Logs the cause, which is not seen again.
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusals) => refused(&refusals),
            other => {
                let (code, sentence) = outage(other);
                code.error(sentence)
            }
        }
    }
}

/// An error that is ours, as a code and a sentence. Logs the cause.
pub fn outage(error: Error) -> (Code, &'static str) {
    let sentence = match &error {
        Error::Database(cause) => temporary(cause),
        _ => None,
    };
    match sentence {
        Some(sentence) => {
            tracing::error!(cause = error.cause(), "the database fails");
            (Code::Unavailable, sentence)
        }
        None => {
            tracing::error!(cause = error.cause(), "a request failed");
            (Code::Internal, MASKED)
        }
    }
}

/// A refusal where there is no payload to put it in: a query, or the start of a subscription.
fn refused(refusals: &[Refusal]) -> GraphqlError {
    let Some(first) = refusals.first() else {
        return Code::Internal.error(MASKED);
    };
    let code = if first.why == Why::NotFound {
        Code::NotFound
    } else {
        Code::BadUserInput
    };
    let mut error = code.error(&first.message);
    if let Some(extensions) = &mut error.extensions {
        extensions.set("path", super::user_error::input_path(&first.path));
    }
    error
}

/// What is said when the database itself is the trouble, rather than what it was asked.
fn temporary(cause: &DbErr) -> Option<&'static str> {
    match driver(cause) {
        _ if is_outage(cause) => Some(OUTAGE),
        Some(SqlxError::Database(cause)) => of_code(&cause.code()?),
        _ => None,
    }
}

/// SQLSTATE has five characters; SQLite's codes are numbers, with what happened in the last byte.
fn of_code(code: &str) -> Option<&'static str> {
    match code {
        _ if is_outage_code(code) => Some(OUTAGE),
        // A lock, a statement or a deadlock took too long, or there are too many connections.
        "55P03" | "57014" | "40P01" | "40001" | "53300" => Some(BUSY),
        "53100" => Some(FULL),
        _ => match code.parse::<u32>().ok().filter(|_| code.len() < 5)? & 0xff {
            5 | 6 => Some(BUSY),
            13 => Some(FULL),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::RuntimeErr;

    use super::*;

    fn code(error: &GraphqlError) -> Option<String> {
        let value = error.extensions.as_ref()?.get("code")?.clone();
        value.into_json().ok()?.as_str().map(str::to_string)
    }

    #[test]
    fn a_cause_never_reaches_the_client() {
        let secret = "SELECT * FROM accounts";
        for error in [
            Error::internal(secret),
            DbErr::Custom(secret.into()).into(),
            Error::LostLease,
        ] {
            let shown = GraphqlError::from(error);
            assert_eq!(shown.message, MASKED);
            assert_eq!(code(&shown).as_deref(), Some("INTERNAL_SERVER_ERROR"));
        }
        let lost = Error::from(DbErr::Conn(RuntimeErr::Internal("gone".into())));
        let shown = GraphqlError::from(lost);
        assert_eq!(code(&shown).as_deref(), Some("SERVICE_UNAVAILABLE"));
        assert!(!shown.message.contains("gone"));
    }

    #[test]
    fn what_passes_is_told_from_what_is_a_bug() {
        let sentences = [
            ("57P01", OUTAGE),
            ("08006", OUTAGE),
            ("55P03", BUSY),
            ("53100", FULL),
            ("13", FULL),
        ];
        for (code, sentence) in sentences {
            assert_eq!(of_code(code), Some(sentence), "{code}");
        }
        // 517 is SQLITE_BUSY_SNAPSHOT.
        assert_eq!(of_code("517"), Some(BUSY));
        for bug in ["23505", "42601", "1", "19", "2067"] {
            assert_eq!(of_code(bug), None, "{bug}");
        }
    }

    #[test]
    fn a_refused_query_says_why() {
        let shown = GraphqlError::from(Error::from(Refusal::not_found(&["pageId"], "page")));
        assert_eq!(code(&shown).as_deref(), Some("NOT_FOUND"));
        let refusal = Refusal::invalid(&["first"], "MAX", "Ask for fewer.");
        let shown = GraphqlError::from(Error::from(refusal));
        assert_eq!(code(&shown).as_deref(), Some("BAD_USER_INPUT"));
        assert_eq!(shown.message, "Ask for fewer.");
    }
}
