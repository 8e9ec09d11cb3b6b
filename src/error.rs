//! How the server says no: a refusal is data for the person who asked, everything else is ours.
//!
//! `Error` has no `Display` on purpose: a `?` in a resolver must not be able to carry SQL to a client.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, RuntimeErr, SqlxError};
use uuid::Uuid;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Clone)]
pub enum Error {
    /// What was asked cannot be done; nothing was written. Never empty.
    Refused(Vec<Refusal>),
    /// The holder of a job lost it: another writer has the next lease.
    LostLease,
    /// The database failed; the cause is for the log. One failure may be that of several.
    Database(Arc<DbErr>),
    /// A bug, or data that contradicts itself; the cause is for the log.
    Internal(String),
}

/// One reason, with the path of the input field it concerns and a sentence that says what to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub path: Vec<String>,
    pub message: String,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// A value breaks a rule; the constraint is a stable word such as `TOO_LONG`.
    Invalid {
        constraint: String,
    },
    /// There is no such thing, or it is not yours.
    NotFound,
    /// The thing changed since it was read.
    Conflict {
        current_version: i64,
    },
    InsufficientCredits {
        required: i64,
        available: i64,
    },
    /// One is running already.
    AlreadyRunning {
        job: Uuid,
    },
    LimitExceeded {
        limit: i64,
    },
    /// The idempotency key was used for a different request.
    KeyReused {
        jobs: Vec<Uuid>,
    },
}

impl Refusal {
    pub fn new(path: &[&str], message: impl Into<String>, why: Why) -> Self {
        Refusal {
            path: path.iter().map(|part| part.to_string()).collect(),
            message: message.into(),
            why,
        }
    }

    pub fn not_found(path: &[&str], what: &str) -> Self {
        Refusal::new(
            path,
            format!("There is no such {what}. Check the id, or reload the list."),
            Why::NotFound,
        )
    }

    pub fn invalid(path: &[&str], constraint: &str, message: impl Into<String>) -> Self {
        Refusal::new(
            path,
            message,
            Why::Invalid {
                constraint: constraint.to_string(),
            },
        )
    }
}

impl Error {
    pub fn internal(cause: impl Into<String>) -> Self {
        Error::Internal(cause.into())
    }

    /// Whether the database answered that these values cannot be stored: Postgres's classes 22 and 23, or a broken
    /// constraint.
    pub fn is_about_values(&self) -> bool {
        let Error::Database(cause) = self else { return false };
        let Some(SqlxError::Database(cause)) = driver(cause) else {
            return false;
        };
        let code = cause.code().unwrap_or_default();
        let is_class = code.len() == 5 && (code.starts_with("22") || code.starts_with("23"));
        is_class || cause.is_unique_violation() || cause.is_foreign_key_violation() || cause.is_check_violation()
    }

    /// Whether the database is away: whoever asks it next is told the same.
    pub fn is_outage(&self) -> bool {
        matches!(self, Error::Database(cause) if is_outage(cause))
    }

    /// The cause for the log; never shown to a client.
    pub fn cause(&self) -> String {
        match self {
            Error::Refused(refusals) => refusals
                .iter()
                .map(|refusal| refusal.message.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            Error::LostLease => "the job's lease was lost".to_string(),
            Error::Database(cause) => cause.to_string(),
            Error::Internal(cause) => cause.clone(),
        }
    }
}

impl From<DbErr> for Error {
    fn from(cause: DbErr) -> Self {
        Error::Database(Arc::new(cause))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(vec![refusal])
    }
}

impl From<serde_json::Error> for Error {
    fn from(cause: serde_json::Error) -> Self {
        Error::Internal(format!("stored JSON could not be read: {cause}"))
    }
}

/// An instant as the databases keep it: UTC, microseconds, so that both hold the same value.
pub type Instant = DateTime<Utc>;

/// Whether the database is not there, rather than of another opinion.
pub fn is_outage(cause: &DbErr) -> bool {
    if let DbErr::Conn(_) | DbErr::ConnectionAcquire(_) = cause {
        return true;
    }
    match driver(cause) {
        Some(
            SqlxError::Io(_)
            | SqlxError::Tls(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed,
        ) => true,
        Some(SqlxError::Database(cause)) => cause.code().is_some_and(|code| is_outage_code(&code)),
        _ => false,
    }
}

/// It is being stopped, has crashed or is not ready yet; or it broke the connection off. SQLSTATE has five characters;
/// SQLite's codes are numbers.
pub fn is_outage_code(code: &str) -> bool {
    code.len() == 5 && (code.starts_with("57P") || code.starts_with("08"))
}

/// What the driver said.
pub fn driver(cause: &DbErr) -> Option<&SqlxError> {
    match cause {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => Some(cause),
        _ => None,
    }
}
