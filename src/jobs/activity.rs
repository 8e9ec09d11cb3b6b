//! What the engine asks of the code that knows what a job makes.
//!
//! The engine never calls down into the domain by name: each kind is registered, runs its jobs, and
//! closes the content of a job in the transaction that ends it.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::step::Step;
use super::work::Work;
use crate::entities::{JobKind, job};
use crate::error::{Error, Result};
use crate::events::{JobEvent, Unit};

#[async_trait]
pub trait Activity: Send + Sync {
    /// Does the job. It checkpoints through `work` and gives up when `work` says so.
    async fn run(&self, work: &mut Work) -> Result<Done, Halt>;

    /// Stores what checkpoints of jobs of this kind carry, each as it was given to [`Work::checkpoint_with`] or, with the end
    /// of a job, in [`Done::Result`]. The caller holds the locks of the jobs and of their blueprints; pages and blocks may be locked here, in that order.
    ///
    /// Says of each whether it was stored: a block that a person locked or edited meanwhile is left alone, and then
    /// nothing of this is committed. When `keeps` is [`Keeps::AllBut`], what closes a block is left out.
    async fn store(&self, _unit: &mut Unit, _contents: &[&Content], _keeps: Keeps) -> Result<Vec<bool>> {
        Err(Error::internal("jobs of this kind store nothing in a checkpoint"))
    }

    /// Writes what the ends of jobs of this kind mean for their sites. The caller holds the locks of the jobs and of
    /// their blueprints; pages and blocks may be locked here, in that order.
    async fn close(&self, unit: &mut Unit, endings: &[Ending<'_>]) -> Result<()>;

    /// Writes the content of a fan-out, with the same locks held, and gives each child its baseline.
    async fn plant(&self, _unit: &mut Unit, _job: &job::Model, _content: &Value) -> Result<Vec<(Uuid, Value)>> {
        Err(Error::internal("this kind of job has no children"))
    }
}

/// What one checkpoint stores, of a type that the activity knows.
pub type Content = Arc<dyn Any + Send + Sync>;

/// How much of a content is to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    All,
    /// All but the block that closed: a person keeps that.
    AllBut,
}

/// What a finished run hands to the engine.
pub enum Done {
    /// The result kept on the job, the content that [`Activity::close`] is to apply, and what is to be
    /// announced of it before the terminal event. A `last` checkpoint, which opens nothing, is made in the transaction that
    /// ends the job: without it where a person keeps the block that it closes, and not at all where a cancel came first.
    Result {
        result: Value,
        content: Value,
        events: Vec<JobEvent>,
        last: Option<Checkpoint>,
    },
    /// The job becomes the parent of page jobs.
    FanOut { content: Value, children: Vec<Child> },
}

/// What a job reports and what it stores with that, see [`Activity::store`].
#[derive(Clone)]
pub struct Checkpoint {
    pub step: Step,
    pub content: Content,
}

/// A page job that a fan-out starts.
#[derive(Clone)]
pub struct Child {
    pub page: Uuid,
    pub input: Value,
}

/// What belongs to each kind, in the order of arrival: an activity is asked once for all that is its.
pub(super) fn by_kind<T>(all: impl IntoIterator<Item = (JobKind, T)>) -> Vec<(JobKind, Vec<T>)> {
    let mut kinds: Vec<(JobKind, Vec<T>)> = Vec::new();
    for (kind, one) in all {
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) => known.push(one),
            None => kinds.push((kind, vec![one])),
        }
    }
    kinds
}

/// How a job ended, for [`Activity::close`].
#[derive(Clone, Copy)]
pub struct Ending<'a> {
    /// As it is now, with the state that it ended in.
    pub job: &'a job::Model,
    /// What a successful run handed over.
    pub content: Option<&'a Value>,
}

/// Why a run did not finish.
pub enum Halt {
    Failed(Failure),
    /// Whoever would do it cannot be asked for a while (`Failure::retry_after`): the job waits, uncharged and without
    /// having used an attempt.
    Postponed(Failure),
    /// `work` was told to stop; it knows why.
    Stopped,
    /// The database failed, the lease was lost, or a bug showed.
    Error(Error),
}

/// A failure that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable word, such as `BAD_OUTPUT`; the GraphQL enum `JobFailureCode` has them all.
    pub code: &'static str,
    /// What happened and what to do next.
    pub message: String,
    /// For the log.
    pub cause: String,
    pub retryable: bool,
    pub retry_after: Option<std::time::Duration>,
    /// What to tell the writer when it is asked again.
    pub correction: Option<String>,
}

impl Failure {
    pub fn internal(cause: impl Into<String>) -> Self {
        Failure {
            code: "INTERNAL",
            message: "The server failed while it worked on this. Start again; if it happens again, tell the operator."
                .to_string(),
            cause: cause.into(),
            retryable: true,
            retry_after: None,
            correction: None,
        }
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Halt::Error(error)
    }
}

impl From<sea_orm::DbErr> for Halt {
    fn from(error: sea_orm::DbErr) -> Self {
        Halt::Error(error.into())
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Halt::Failed(failure)
    }
}
