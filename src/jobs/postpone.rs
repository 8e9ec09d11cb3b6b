//! T5 by an open breaker: a job whose writer cannot be asked waits until it can. That was no attempt, and the wait is
//! not taken off the time that the job has to run.

use super::activity::Failure;
use super::end::{Tried, requeue};
use super::engine::ms;
use super::work::Work;
use crate::db::now;
use crate::error::Result;

/// What watchers are told while the job waits.
const REASON: &str = "The writing service is unavailable; the work goes on when it is back.";

pub(super) async fn postpone(work: &Work, failure: &Failure) -> Result<Tried> {
    let (job, config) = (&work.job, work.engine.config());
    let wait = failure.retry_after.unwrap_or(config.retry_cap);
    let distance = chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::MAX);
    let patience = chrono::Duration::from_std(config.max_wait).unwrap_or(chrono::Duration::MAX);
    if (now() - job.queued_at)
        .checked_add(&distance)
        .is_none_or(|waited| waited > patience)
    {
        return Ok(Tried::Spent);
    }
    let deadline = job.deadline_at.map(|deadline| deadline + distance);
    let text = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_expires_at = NULL, phase = NULL, \
                run_at = {now+$4}, deadline_at = $5, attempt = attempt - 1, waits_for = 'provider', \
                event_lease = $2, event_n = $3, version = version + 1, \
                prompt_tokens = $6, completion_tokens = $7, model = $8 \
                WHERE id = $1 AND state = 'running' AND run_lease = $2 AND cancel_requested_at IS NULL RETURNING *";
    let values = vec![
        job.id.into(),
        job.run_lease.into(),
        (work.n + 1).into(),
        ms(wait).into(),
        deadline.into(),
        job.prompt_tokens.into(),
        job.completion_tokens.into(),
        job.model.clone().into(),
    ];
    let tried = requeue(work, text, values, REASON).await?;
    if let Tried::Done(job) = &tried {
        tracing::info!(job.id = %job.id, cause = failure.cause, wait_ms = ms(wait), "job postponed");
    }
    Ok(tried)
}
