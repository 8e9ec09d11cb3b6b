//! How a writer fails, in words that decide what happens next: try again, wait, or tell a person.

use std::time::Duration;

/// A failed call. `message` is for the person who started the job; `cause` is for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind:?}: {cause}")]
pub struct Error {
    pub kind: ErrorKind,
    /// What went wrong, for the log only: it may hold a provider's words.
    pub cause: String,
    /// What the provider asked us to wait, if it did; with [`ErrorKind::Unavailable`], how long nobody is asked.
    pub retry_after: Option<Duration>,
    /// Whether another writer answers instead: then even a bad key is worth another attempt.
    pub fallback: Fallback,
}

/// Who is asked next when a writer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// The same one again, if anybody.
    None,
    /// Another one, at once.
    Now,
    /// Another one, when the pause is over for which it is left alone.
    Later,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    Auth,
    Quota,
    RateLimited,
    ContextLength,
    ContentFilter,
    Refusal,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    Timeout,
    Network,
    /// The stream ended without a finish reason.
    Interrupted,
    /// The reply could not be read as what was asked for.
    BadOutput,
    /// Nobody was asked: every writer failed again and again and is left alone for a while.
    Unavailable,
}

impl Error {
    pub fn new(kind: ErrorKind, cause: impl Into<String>) -> Self {
        Error {
            kind,
            cause: cause.into(),
            retry_after: None,
            fallback: Fallback::None,
        }
    }

    /// Whether the same job may succeed in another attempt.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable() || self.fallback != Fallback::None
    }

    /// What happened and what is next, for the person who started the job.
    pub fn sentence(&self) -> String {
        let said = self.kind.said();
        match self.fallback {
            Fallback::None => self.kind.sentence().to_string(),
            Fallback::Now => format!("{said} Another writing service is asked now."),
            Fallback::Later => format!("{said} The work goes on when another writing service is back."),
        }
    }
}

impl ErrorKind {
    /// Whether the same call may succeed later.
    pub fn is_retryable(self) -> bool {
        use ErrorKind::*;
        matches!(
            self,
            RateLimited | Overloaded | Timeout | Network | Interrupted | BadOutput | Unavailable
        )
    }

    /// The sentence for the person who started the job.
    pub fn sentence(self) -> &'static str {
        use ErrorKind::*;
        match self {
            Auth => "The writing service refused the server's key. Ask the operator to check it.",
            Quota => "The writing service has no quota left. Ask the operator to top it up.",
            RateLimited => "The writing service is busy. Start again in a few minutes.",
            ContextLength => "The brief is too long for the writing service. Shorten the summary and start again.",
            ContentFilter => {
                "The writing service blocked the text as unsafe. Change the brief's wording and start again."
            }
            Refusal => "The writing service declined to write this. Change the brief's wording and start again.",
            InvalidRequest => "The writing service did not accept the request. Ask the operator to look at the log.",
            ModelNotFound => "The configured model does not exist. Ask the operator to check it.",
            Overloaded => "The writing service is overloaded. Start again in a few minutes.",
            Timeout => "The writing service took too long. Start again.",
            Network => "The writing service could not be reached. Start again in a few minutes.",
            Interrupted => "The writing service stopped in the middle. Start again.",
            BadOutput => "The writing service answered with something unreadable. Start again.",
            Unavailable => "The writing service is unavailable. Start again later.",
        }
    }

    /// The first half of it: what happened.
    fn said(self) -> &'static str {
        self.sentence().split_inclusive('.').next().unwrap_or_default()
    }

    /// A stable word, for records.
    pub fn as_str(self) -> &'static str {
        use ErrorKind::*;
        match self {
            Auth => "auth",
            Quota => "quota",
            RateLimited => "rate_limited",
            ContextLength => "context_length",
            ContentFilter => "content_filter",
            Refusal => "refusal",
            InvalidRequest => "invalid_request",
            ModelNotFound => "model_not_found",
            Overloaded => "overloaded",
            Timeout => "timeout",
            Network => "network",
            Interrupted => "interrupted",
            BadOutput => "bad_output",
            Unavailable => "unavailable",
        }
    }
}
