//! How an error leaves the server: a code and a sentence for the client, the cause once for the log.
//!
//! `crate::error::Error` becomes a GraphQL error only here, so that no `?` can carry SQL to a client.
//! Expected failures of mutations are not errors at all: see `user_error`.

use std::time::Duration;

use async_graphql::{Error as GraphqlError, ErrorExtensionValues, ServerError};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::error::{Error, Refusal, Why};

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
            Error::Database(cause) if is_outage(&cause) => {
                tracing::error!(%cause, "the database cannot be reached");
                Code::Unavailable.error(OUTAGE)
            }
            other => {
                tracing::error!(cause = other.cause(), "a request failed");
                Code::Internal.error(MASKED)
            }
        }
    }
}

/// An error before there is a resolver, as a code and a sentence. Logs the cause.
pub fn outage(error: Error) -> (Code, &'static str) {
    match &error {
        Error::Database(cause) if is_outage(cause) => {
            tracing::error!(%cause, "the database cannot be reached");
            (Code::Unavailable, OUTAGE)
        }
        _ => {
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

/// Whether the database itself is the trouble, rather than what it was asked.
pub fn is_outage(cause: &DbErr) -> bool {
    match cause {
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => match &**cause {
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed => true,
            // Postgres is being stopped, has crashed or is not ready yet; or it broke the connection off.
            SqlxError::Database(cause) => cause
                .code()
                .is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
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
            Error::Database(DbErr::Custom(secret.into())),
            Error::LostLease,
        ] {
            let shown = GraphqlError::from(error);
            assert_eq!(shown.message, MASKED);
            assert_eq!(code(&shown).as_deref(), Some("INTERNAL_SERVER_ERROR"));
        }
        let lost = Error::Database(DbErr::Conn(RuntimeErr::Internal("gone".into())));
        let shown = GraphqlError::from(lost);
        assert_eq!(code(&shown).as_deref(), Some("SERVICE_UNAVAILABLE"));
        assert!(!shown.message.contains("gone"));
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
