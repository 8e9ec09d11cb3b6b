//! What a writer's failure means for a job: a word for programs, a sentence for people, a cause for the log.

use crate::ai;
use crate::jobs::{Failure, Halt};

impl From<ai::Error> for Failure {
    fn from(error: ai::Error) -> Self {
        use ai::ErrorKind::*;
        let code = match error.kind {
            Auth => "PROVIDER_AUTH",
            Quota => "PROVIDER_QUOTA",
            RateLimited | Overloaded => "PROVIDER_BUSY",
            ContextLength => "CONTEXT_LENGTH",
            ContentFilter => "CONTENT_FILTER",
            Refusal => "REFUSED",
            InvalidRequest | ModelNotFound => "PROVIDER_REJECTED",
            Timeout => "TIMEOUT",
            Network => "NETWORK",
            Interrupted => "INTERRUPTED",
            BadOutput => "BAD_OUTPUT",
            Unavailable => "PROVIDER_BUSY",
        };
        Failure {
            code,
            message: error.sentence(),
            correction: (error.kind == BadOutput).then(|| error.cause.clone()),
            retryable: error.is_retryable(),
            cause: error.cause,
            retry_after: error.retry_after,
        }
    }
}

impl From<ai::Error> for Halt {
    fn from(error: ai::Error) -> Self {
        match error.kind {
            // Nobody was asked, so it was no attempt.
            ai::ErrorKind::Unavailable => Halt::Postponed(error.into()),
            _ => Halt::Failed(error.into()),
        }
    }
}
