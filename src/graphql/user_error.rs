//! Expected failures as data: what a mutation answers when it does not do what was asked.
//!
//! Every payload has `userErrors` of one interface, so that one selection covers types yet to come.

use async_graphql::{Context, Enum, Interface, Result, SimpleObject};
use uuid::Uuid;

use super::audited::{self, Touched};
use super::context::Reach;
use super::jobs::GenerationJob;
use crate::audit;
use crate::error::{Error, Refusal, Why};

/// Which kind of expected failure it is; each has its own type.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum UserErrorCode {
    /// A value of the input breaks a rule: correct the field at `path`. See ValidationError.
    Validation,
    /// There is no such thing, or it is not yours. See NotFoundError.
    NotFound,
    /// It changed since you read it: read it again. See ConflictError.
    Conflict,
    /// The available credits do not cover the price. See InsufficientCreditsError.
    InsufficientCredits,
    /// A job is at work on it: wait for it or cancel it. See AlreadyRunningError.
    AlreadyRunning,
    /// A cap of the account is reached: wait until there is room. See LimitExceededError.
    LimitExceeded,
    /// The idempotency key was used for another request: take a new key. See IdempotencyKeyReusedError.
    IdempotencyKeyReused,
}

/// Why a mutation did not do what was asked. Nothing was written.
#[derive(Interface)]
#[graphql(
    field(name = "code", ty = "UserErrorCode", desc = "The kind of failure, for programs."),
    field(
        name = "message",
        ty = "String",
        desc = "A sentence for people that says what to do next, in English."
    ),
    field(
        name = "path",
        ty = "Option<Vec<String>>",
        desc = "The input field concerned, from the outside in, beginning with `input`; list entries by their number from 0."
    )
)]
pub enum UserError {
    Validation(ValidationError),
    NotFound(NotFoundError),
    Conflict(ConflictError),
    InsufficientCredits(InsufficientCreditsError),
    AlreadyRunning(AlreadyRunningError),
    LimitExceeded(LimitExceededError),
    IdempotencyKeyReused(IdempotencyKeyReusedError),
}

/// Declares one concrete error type with the three common fields and its own.
macro_rules! user_error_type {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The kind of failure, for programs.
            #[graphql(owned)]
            code: UserErrorCode,
            /// A sentence for people that says what to do next, in English.
            #[graphql(owned)]
            message: String,
            /// The input field concerned, from the outside in, beginning with `input`; list entries by their number from 0.
            #[graphql(owned)]
            path: Option<Vec<String>>,
            $($(#[$field_doc])* #[graphql(owned)] $field: $ty,)*
        }
    };
}

user_error_type! {
    /// A value of the input breaks a rule. Correct the field at `path` and send it again.
    ValidationError {
        /// The broken rule as a stable word, such as `REQUIRED` or `TOO_LONG`.
        constraint: String,
    }
}
user_error_type! {
    /// There is no such thing, or it belongs to another account. Check the id, or reload the list.
    NotFoundError {}
}
user_error_type! {
    /// The thing changed since it was read. Read it again, apply the change anew and send its present version.
    ConflictError {
        /// The version it has now.
        current_version: i64,
    }
}
user_error_type! {
    /// The available credits do not cover the price. Add `shortfall` credits or start less.
    InsufficientCreditsError {
        /// The price of what was asked, in credits.
        required: i64,
        /// What the account can spend now, in credits.
        available: i64,
        /// `required` minus `available`, in credits.
        shortfall: i64,
    }
}
user_error_type! {
    /// A job is at work on the same thing. Watch it, wait for it, or cancel it.
    AlreadyRunningError {
        /// The job that is at work.
        job: GenerationJob,
    }
}
user_error_type! {
    /// A cap of the account is reached. Wait until some of its jobs have ended.
    LimitExceededError {
        /// The cap.
        limit: i64,
    }
}
user_error_type! {
    /// The idempotency key was used for a different request. Take a new key for a new request.
    IdempotencyKeyReusedError {
        /// The jobs that the key started.
        jobs: Vec<GenerationJob>,
    }
}

/// Splits an outcome into what was made and why not; anything but a refusal stays an error.
///
/// Every mutation comes through here, which is how the audit trail knows what it touched and why it was refused.
pub async fn settle<T: Touched>(
    ctx: &Context<'_>,
    outcome: crate::error::Result<T>,
) -> Result<(Option<T>, Vec<UserError>)> {
    match outcome {
        Ok(value) => {
            audited::note(&value);
            audit::note_done();
            Ok((Some(value), Vec::new()))
        }
        Err(Error::Refused(refusals)) => {
            let mut errors = Vec::with_capacity(refusals.len());
            for refusal in refusals {
                errors.push(wire(ctx, refusal).await?);
            }
            Ok((None, errors))
        }
        Err(other) => Err(other.into()),
    }
}

async fn wire(ctx: &Context<'_>, refusal: Refusal) -> Result<UserError> {
    audit::note_refusal(word(&refusal.why));
    let path = Some(input_path(&refusal.path));
    let message = refusal.message;
    Ok(match refusal.why {
        Why::Invalid { constraint } => {
            let code = UserErrorCode::Validation;
            ValidationError {
                code,
                message,
                path,
                constraint,
            }
            .into()
        }
        Why::NotFound => NotFoundError {
            code: UserErrorCode::NotFound,
            message,
            path,
        }
        .into(),
        Why::Conflict { current_version } => {
            let code = UserErrorCode::Conflict;
            ConflictError {
                code,
                message,
                path,
                current_version,
            }
            .into()
        }
        Why::InsufficientCredits { required, available } => {
            let code = UserErrorCode::InsufficientCredits;
            let shortfall = (required - available).max(0);
            InsufficientCreditsError {
                code,
                message,
                path,
                required,
                available,
                shortfall,
            }
            .into()
        }
        Why::AlreadyRunning { job } => {
            let code = UserErrorCode::AlreadyRunning;
            AlreadyRunningError {
                code,
                message,
                path,
                job: the_job(ctx, job).await?,
            }
            .into()
        }
        Why::LimitExceeded { limit } => {
            let code = UserErrorCode::LimitExceeded;
            LimitExceededError {
                code,
                message,
                path,
                limit,
            }
            .into()
        }
        Why::KeyReused { jobs } => {
            let code = UserErrorCode::IdempotencyKeyReused;
            let jobs = ctx.loaders().jobs(jobs).await?;
            IdempotencyKeyReusedError {
                code,
                message,
                path,
                jobs,
            }
            .into()
        }
    })
}

/// The error's code, as `UserErrorCode` spells it.
fn word(why: &Why) -> &'static str {
    match why {
        Why::Invalid { .. } => "VALIDATION",
        Why::NotFound => "NOT_FOUND",
        Why::Conflict { .. } => "CONFLICT",
        Why::InsufficientCredits { .. } => "INSUFFICIENT_CREDITS",
        Why::AlreadyRunning { .. } => "ALREADY_RUNNING",
        Why::LimitExceeded { .. } => "LIMIT_EXCEEDED",
        Why::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
    }
}

async fn the_job(ctx: &Context<'_>, id: Uuid) -> Result<GenerationJob> {
    let job = ctx.loaders().job(id).await?;
    job.ok_or_else(|| Error::internal(format!("the running job {id} does not exist")).into())
}

/// The path of an input field as clients see it, beginning with `input`.
pub fn input_path(path: &[String]) -> Vec<String> {
    let head = (path.first().map(String::as_str) != Some("input")).then(|| "input".to_string());
    head.into_iter().chain(path.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_with_input_exactly_once() {
        let path = |parts: &[&str]| parts.iter().map(|part| part.to_string()).collect::<Vec<_>>();
        assert_eq!(input_path(&[]), path(&["input"]));
        assert_eq!(
            input_path(&path(&["brief", "summary"])),
            path(&["input", "brief", "summary"])
        );
        assert_eq!(input_path(&path(&["input", "pageId"])), path(&["input", "pageId"]));
    }
}
