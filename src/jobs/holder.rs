//! Holding a job: run its activity, watch its clock, and let go in the one right way.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use uuid::Uuid;

use super::activity::{Done, Failure, Halt};
use super::end::{Outcome, conclude, of_stop};
use super::engine::{Engine, EngineConfig, Held};
use super::stop::{Stop, Why};
use super::work::Work;
use crate::entities::job;
use crate::error::{Error, Result};

/// Runs a claimed job to whatever end it comes to. Never panics and never leaves the job held.
///
/// The job counts as held from this call on, not from the first poll of what it returns.
pub fn hold(engine: Engine, job: job::Model) -> impl Future<Output = ()> + Send {
    let stop = Stop::default();
    let is_suspect = job.crashes >= super::claim::SUSPECT_CRASHES;
    let entry = Held {
        lease: job.run_lease,
        stop: stop.clone(),
        is_suspect,
        task: (&job).into(),
    };
    let before = engine.held.lock().insert(job.id, entry);
    engine.changed.notify_one();
    // This process lost the job and has it again: the run under the older lease must end now.
    if let Some(before) = before {
        before.stop.ask(Why::LostLease);
    }
    run_to_end(engine, job, stop)
}

#[tracing::instrument(name = "job", skip_all, fields(
    job.id = %job.id, job.kind = job.kind.as_str(), job.attempt = job.attempt, duration_ms
))]
async fn run_to_end(engine: Engine, job: job::Model, stop: Stop) {
    let started = std::time::Instant::now();
    let (id, lease) = (job.id, job.run_lease);
    tracing::info!("job claimed");
    let _place = Place {
        engine: engine.clone(),
        id,
        lease,
    };
    let mut work = Work::new(engine, job, stop.clone());
    let alarm = alarm(&work, stop);
    let result = AssertUnwindSafe(run(&mut work)).catch_unwind().await;
    alarm.abort();
    let concluded = match result {
        Ok(result) => conclude_run(&mut work, result).await,
        Err(panic) => {
            let cause = panic_message(&*panic);
            tracing::error!(cause, "a job panicked");
            conclude(&mut work, failed(Failure::internal(cause))).await.map(|_| ())
        }
    };
    if let Err(error) = concluded {
        // The lease runs out and a rescuer takes over: nothing is lost, but somebody must know.
        tracing::error!(cause = error.cause(), "a job could not be concluded");
    }
    tracing::Span::current().record("duration_ms", u64::try_from(started.elapsed().as_millis()).unwrap_or(0));
}

/// The job's place among the held ones; given back however the task ends, a panic included.
struct Place {
    engine: Engine,
    id: Uuid,
    lease: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.engine.held.lock();
        // A later claim of the same job by this process has its own entry.
        if held.get(&self.id).is_some_and(|held| held.lease == self.lease) {
            held.remove(&self.id);
            self.engine.changed.notify_one();
        }
    }
}

async fn run(work: &mut Work) -> Result<Done, Halt> {
    let activity = work.engine.activity(work.job.kind)?;
    activity.run(work).await
}

async fn conclude_run(work: &mut Work, result: Result<Done, Halt>) -> Result<()> {
    let outcome = match result {
        Ok(Done::Result {
            result,
            content,
            events,
            last,
        }) => Outcome::Succeeded {
            result,
            content,
            events,
            last,
        },
        Ok(Done::FanOut { content, children }) => Outcome::FanOut { content, children },
        Err(Halt::Stopped) => match of_stop(work.stop.why()) {
            Some(outcome) => outcome,
            None => return lost(),
        },
        Err(Halt::Failed(failure)) => failed(failure),
        Err(Halt::Postponed(failure)) => Outcome::Postponed(failure),
        Err(Halt::Error(Error::LostLease)) => return lost(),
        Err(Halt::Error(error)) => failed(Failure::internal(error.cause())),
    };
    conclude(work, outcome).await.map(|_| ())
}

fn lost() -> Result<()> {
    tracing::warn!("the job's lease was lost; nothing more is written");
    Ok(())
}

fn failed(failure: Failure) -> Outcome {
    if failure.retryable {
        Outcome::Retry(failure)
    } else {
        Outcome::Failed(failure)
    }
}

/// How long a job that was just claimed may still run.
pub(super) fn time_left(job: &job::Model, config: &EngineConfig) -> Duration {
    match (job.deadline_at, job.lease_expires_at) {
        // Both come from the database's clock, so their distance needs no clock of ours.
        (Some(deadline), Some(expires)) => {
            let lease = chrono::Duration::from_std(config.lease).unwrap_or_default();
            (deadline - expires + lease).to_std().unwrap_or_default()
        }
        _ => config.deadline,
    }
}

/// Asks the job to stop at its deadline.
fn alarm(work: &Work, stop: Stop) -> tokio::task::JoinHandle<()> {
    let deadline = work.deadline;
    tokio::spawn(async move {
        tokio::time::sleep_until(deadline).await;
        stop.ask(Why::Deadline);
    })
}

pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_string())
}
