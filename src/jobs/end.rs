//! T5 and T9: how a holder lets go of its job, under its fence; the ends themselves are in `finish`.
//!
//! A database that fails in the middle is asked again for as long as the lease may be ours; a commit
//! whose reply was lost is recognised by the events it wrote.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::activity::{Checkpoint, Child, Failure, Halt};
use super::engine::ms;
use super::fan_out::fan_out;
use super::finish;
use super::postpone::postpone;
use super::row::{self, Locked};
use super::stop::Why;
use super::work::Work;
use crate::credits::{self, AccountChange};
use crate::entities::{JobState, job};
use crate::error::{Error, Result};
use crate::events::{BlueprintBody, JobEvent, Unit, append};

use sea_orm::EntityTrait;

/// What the holder decided.
#[derive(Clone)]
pub(super) enum Outcome {
    Succeeded {
        result: serde_json::Value,
        content: serde_json::Value,
        events: Vec<JobEvent>,
        last: Option<Checkpoint>,
    },
    FanOut {
        content: serde_json::Value,
        children: Vec<Child>,
    },
    Failed(Failure),
    Retry(Failure),
    /// Nobody could be asked: back to the queue until somebody can, and no attempt is consumed.
    Postponed(Failure),
    Cancelled,
    /// The process goes away: the next one continues, and no attempt is consumed.
    GivenBack,
}

impl Outcome {
    /// The same without the checkpoint that was to be made with it.
    fn without_last(&self) -> Outcome {
        let mut outcome = self.clone();
        if let Outcome::Succeeded { last, .. } = &mut outcome {
            *last = None;
        }
        outcome
    }
}

/// Patience with a failing database. An outage costs none of it: every write is fenced, so whether the
/// job is still ours is for its row to say. Failures of a database that answers are counted.
pub(super) struct Attempt {
    answered: u32,
}

/// Failures that a database which answers may give to one statement.
const PATIENCE: u32 = 25;

pub(super) enum Next {
    Again,
    /// The write that failed had been committed; this is the row as it stands.
    Committed(Box<job::Model>),
}

impl Attempt {
    pub fn new() -> Self {
        Attempt { answered: 0 }
    }

    /// What to do after `error`; gives up when the job is another's or the process ends.
    pub async fn after(&mut self, work: &Work, error: Error) -> Result<Next, Halt> {
        let Error::Database(cause) = error else {
            return Err(Halt::Error(error));
        };
        tracing::warn!(job.id = %work.job.id, %cause, "the database failed under a running job; asking again");
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let db = &work.engine.db;
            let look = async { Ok(job::Entity::find_by_id(work.job.id).one(db.reader()).await?) };
            let Ok(row) = db.unless_away(look).await else {
                // A job may be told to stop for another reason before the process is.
                let is_leaving = matches!(work.stop.why(), Some(Why::Shutdown | Why::LostLease));
                match is_leaving || work.engine.is_out_of_grace() {
                    true => return Err(Halt::Error(Error::LostLease)),
                    false => continue,
                }
            };
            let (ours, known) = (work.job.run_lease, append::durable_position(&work.job));
            return match row.map(|row| (append::durable_position(&row), row)) {
                Some((at, row)) if at.lease == ours && at > known => Ok(Next::Committed(Box::new(row))),
                Some((_, row)) if row.run_lease == ours && row.state == JobState::Running => {
                    self.answered += 1;
                    match self.answered > PATIENCE {
                        true => Err(Halt::Error(Error::internal(format!("the database refuses: {cause}")))),
                        false => Ok(Next::Again),
                    }
                }
                _ => Err(Halt::Error(Error::LostLease)),
            };
        }
    }
}

/// Carries an outcome out; gives nothing back when another writer has the job.
pub(super) async fn conclude(work: &mut Work, outcome: Outcome) -> Result<Option<job::Model>> {
    let mut outcome = Arc::new(outcome);
    let mut attempt = Attempt::new();
    loop {
        let trying = async {
            match &*outcome {
                Outcome::Retry(failure) => retry(work, failure).await,
                Outcome::Postponed(failure) => postpone(work, failure).await,
                Outcome::GivenBack => give_back(work).await,
                Outcome::FanOut { content, children } => fan_out(work, content, children).await,
                _ => finish::finish(work, outcome.clone()).await,
            }
        };
        match work.engine.db.unless_away(trying).await {
            Ok(Tried::Done(job)) => return Ok(Some(*job)),
            // A cancel came first, whatever was to be.
            Ok(Tried::Cancelled) => outcome = Arc::new(Outcome::Cancelled),
            Ok(Tried::Kept) => {
                tracing::info!("a block that a person locked or edited meanwhile was left alone");
                outcome = Arc::new(outcome.without_last());
            }
            Ok(Tried::Spent) => {
                outcome = Arc::new(match &*outcome {
                    Outcome::Retry(failure) | Outcome::Postponed(failure) => Outcome::Failed(failure.clone()),
                    _ => Outcome::Cancelled,
                });
            }
            Err(Error::LostLease) => return Ok(None),
            Err(error) => match attempt.after(work, error).await {
                Ok(Next::Again) => {}
                Ok(Next::Committed(job)) => return Ok(Some(*job)),
                Err(Halt::Error(Error::LostLease)) => return Ok(None),
                Err(Halt::Error(error)) => match &*outcome {
                    // What was made cannot be stored as it is: made anew it may be, and if not, the job fails for a reason.
                    Outcome::Succeeded { .. } | Outcome::FanOut { .. } => {
                        outcome = Arc::new(Outcome::Retry(Failure::internal(error.cause())));
                        attempt = Attempt::new();
                    }
                    _ => return Err(error),
                },
                Err(_) => return Ok(None),
            },
        }
    }
}

/// What came of a transition whose lease was still ours.
pub(super) enum Tried {
    Done(Box<job::Model>),
    /// Its guard did not hold: the job is to be cancelled.
    Cancelled,
    /// A person keeps the block that its last checkpoint closes.
    Kept,
    /// Its guard did not hold: no attempt, or no time to wait, is left.
    Spent,
}

/// A transaction with the job locked under its fence; an error when it is ours no more.
pub(super) async fn lock_own(work: &Work) -> Result<(Unit, Locked)> {
    let unit = work.engine.unit().await?;
    match row::lock(&unit, work.job.id, work.job.parent_id).await? {
        Some(locked) if locked.job.state == JobState::Running && locked.job.run_lease == work.job.run_lease => {
            Ok((unit, locked))
        }
        _ => {
            // At once: a claim skips a row that is locked, and whoever lost the job must not keep it from the next.
            unit.rollback().await?;
            Err(Error::LostLease)
        }
    }
}

/// T5: back to the queue with a wait.
async fn retry(work: &Work, failure: &Failure) -> Result<Tried> {
    let config = work.engine.config();
    let wait = backoff(
        work.job.attempt,
        config.retry_base,
        config.retry_cap,
        failure.retry_after,
    );
    let text = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_expires_at = NULL, phase = NULL, \
                run_at = {now+$4}, correction = $5, event_lease = $2, event_n = $3, version = version + 1, \
                prompt_tokens = $6, completion_tokens = $7, model = $8 \
                WHERE id = $1 AND state = 'running' AND run_lease = $2 AND attempt < max_attempts \
                AND cancel_requested_at IS NULL RETURNING *";
    let values = vec![
        work.job.id.into(),
        work.job.run_lease.into(),
        (work.n + 1).into(),
        ms(wait).into(),
        failure.correction.clone().into(),
        work.job.prompt_tokens.into(),
        work.job.completion_tokens.into(),
        work.job.model.clone().into(),
    ];
    let job = requeue(work, text, values, &failure.message).await?;
    if let Tried::Done(job) = &job {
        tracing::warn!(
            job.id = %job.id, job.kind = job.kind.as_str(), job.attempt = job.attempt, code = failure.code,
            cause = failure.cause, wait_ms = ms(wait), "job retried"
        );
    }
    Ok(job)
}

/// T9: back to the queue at once, as if this attempt had not been.
async fn give_back(work: &Work) -> Result<Tried> {
    let text = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_expires_at = NULL, phase = NULL, \
                run_at = {now}, attempt = attempt - 1, event_lease = $2, event_n = $3, version = version + 1, \
                prompt_tokens = $4, completion_tokens = $5, model = $6 \
                WHERE id = $1 AND state = 'running' AND run_lease = $2 AND cancel_requested_at IS NULL RETURNING *";
    let values = vec![
        work.job.id.into(),
        work.job.run_lease.into(),
        (work.n + 1).into(),
        work.job.prompt_tokens.into(),
        work.job.completion_tokens.into(),
        work.job.model.clone().into(),
    ];
    requeue(
        work,
        text,
        values,
        "The server restarts; the work continues where it stands.",
    )
    .await
}

pub(super) async fn requeue(work: &Work, text: &str, values: Vec<sea_orm::Value>, reason: &str) -> Result<Tried> {
    let mut unit = work.engine.unit().await?;
    let Some(job) = row::one(&unit, text, values).await? else {
        // The statement may have locked the row before its guard failed; the parent's lock comes first.
        unit.rollback().await?;
        let (unit, locked) = lock_own(work).await?;
        unit.rollback().await?;
        let is_cancelled = locked.job.cancel_requested_at.is_some();
        return Ok(if is_cancelled { Tried::Cancelled } else { Tried::Spent });
    };
    let event = JobEvent::Retrying {
        reason: reason.to_string(),
        next_attempt_at: Some(job.run_at),
    };
    let (before, at) = (append::durable_position(&work.job), append::durable_position(&job));
    append::job_event(&mut unit, job.id, at, Some(before), Some(work.item), &event).await?;
    if let Some(site) = job.blueprint_id {
        append::blueprint_events(&mut unit, site, vec![(Some(job.id), BlueprintBody::Job(event))]).await?;
    }
    let change = AccountChange {
        account: job.account_id,
        running: -1,
        movements: Vec::new(),
        jobs: vec![job.id],
    };
    credits::apply_covered(&mut unit, change).await?;
    unit.after_commit(crate::events::Notice::Work);
    unit.commit().await?;
    Ok(Tried::Done(Box::new(job)))
}

/// Full jitter under a doubling ceiling; what a provider asks for, up to two minutes, comes before it: a 0
/// must not use up every attempt at once.
fn backoff(attempt: i32, base: Duration, cap: Duration, asked: Option<Duration>) -> Duration {
    let doublings = u32::try_from(attempt - 1).unwrap_or(0).min(16);
    let ceiling = base.saturating_mul(1 << doublings).min(cap);
    let jitter = rand::rng().random_range(0..=u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX));
    asked.unwrap_or_default().min(Duration::from_secs(120)) + Duration::from_millis(jitter)
}

/// What a stopped run becomes.
pub(super) fn of_stop(why: Option<Why>) -> Option<Outcome> {
    match why {
        Some(Why::Cancelled) => Some(Outcome::Cancelled),
        Some(Why::Shutdown) => Some(Outcome::GivenBack),
        Some(Why::Deadline) => Some(Outcome::Failed(super::rescue::too_late())),
        Some(Why::LostLease) | None => None,
    }
}
