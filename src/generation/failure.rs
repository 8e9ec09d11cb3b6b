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
        };
        Failure {
            code,
            message: error.kind.sentence().to_string(),
            correction: (error.kind == BadOutput).then(|| error.cause.clone()),
            cause: error.cause,
            retryable: error.kind.is_retryable(),
            retry_after: error.retry_after,
        }
    }
}

impl From<ai::Error> for Halt {
    fn from(error: ai::Error) -> Self {
        Halt::Failed(error.into())
    }
}
