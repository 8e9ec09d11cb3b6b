//! T8 and T10: jobs whose holder is gone, and jobs that ran out of time. Any process does it for all.
//!
//! A rescuer is never in a hurry: after its own start, after a failing database and after a late tick it
//! waits one lease, because then everybody's leases may look expired at once.

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::activity::Failure;
use super::engine::Engine;
use super::row::{self, Locked};
use super::settle::{End, settle};
use crate::credits::{self, AccountChange};
use crate::db::sql;
use crate::entities::{JobState, job};
use crate::error::{Error, Result};
use crate::events::{BlueprintBody, JobEvent, Notice, Unit, append};
use crate::ids::Position;

/// Rescues without a checkpoint in between after which a job is given up.
const MAX_CRASHES: i32 = 3;
/// Jobs looked at in one query.
const BATCH: i64 = 200;

/// Whose jobs count as orphans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// Those whose lease ran out.
    Expired,
    /// Every running job that somebody holds: this process just took the only job runner's lock.
    All,
}

#[derive(FromQueryResult)]
struct Seen {
    id: Uuid,
    parent_id: Option<Uuid>,
    run_lease: i64,
    is_late: bool,
}

/// One scan; says how many jobs were taken over or ended.
///
/// A job that cannot be ended is said once a scan and does not keep the others from being rescued.
pub async fn rescue(engine: &Engine, orphans: Orphans) -> Result<usize> {
    let text = "SELECT id, parent_id, run_lease, COALESCE(deadline_at < {now}, $3) AS is_late FROM jobs \
                WHERE id > $4 AND state IN ('queued', 'running') AND (deadline_at < {now} \
                OR (state = 'running' AND lease_owner IS NOT NULL AND (lease_expires_at < {now} OR $1))) \
                ORDER BY id LIMIT $2";
    let connection = engine.db.reader();
    let (mut count, mut after) = (0, Uuid::nil());
    loop {
        let values = [
            (orphans == Orphans::All).into(),
            BATCH.into(),
            false.into(),
            after.into(),
        ];
        let found = Seen::find_by_statement(sql(connection, text, values))
            .all(connection)
            .await?;
        for seen in &found {
            match take_over(engine, seen, orphans).await {
                Ok(is_taken) => count += usize::from(is_taken),
                Err(error) => {
                    tracing::error!(job.id = %seen.id, cause = error.cause(), "a job could not be taken over");
                }
            }
        }
        match found.last() {
            Some(last) if found.len() == BATCH as usize => after = last.id,
            _ => return Ok(count),
        }
    }
}

async fn take_over(engine: &Engine, seen: &Seen, orphans: Orphans) -> Result<bool> {
    let mut unit = engine.unit().await?;
    let Some(locked) = row::lock(&unit, seen.id, seen.parent_id).await? else {
        return Ok(false);
    };
    if !still_applies(&unit, seen, orphans).await? {
        unit.rollback().await?;
        return Ok(false);
    }
    let was_held = locked.job.lease_owner.is_some() && !seen.is_late;
    match decide(&locked.job, seen.is_late) {
        Some((state, failure)) => {
            let crashes = i32::from(was_held);
            let end = End {
                crashes,
                ..End::by_new_writer(state, &locked.job, failure.as_ref())
            };
            settle(&mut unit, engine, locked, end).await?;
        }
        None => requeue(&mut unit, locked).await?,
    }
    unit.commit().await?;
    Ok(true)
}

/// The guard of T8 and T10, checked under the job's lock by the database's own clock.
async fn still_applies(unit: &Unit, seen: &Seen, orphans: Orphans) -> Result<bool> {
    let text = "SELECT id, parent_id, run_lease, $4 AS is_late FROM jobs WHERE id = $1 AND run_lease = $2 AND ( \
                (state = 'running' AND lease_owner IS NOT NULL AND (lease_expires_at < {now} OR $3)) \
                OR ($4 AND state IN ('queued', 'running') AND deadline_at < {now}))";
    let values = [
        seen.id.into(),
        seen.run_lease.into(),
        (orphans == Orphans::All).into(),
        seen.is_late.into(),
    ];
    Ok(Seen::find_by_statement(sql(&unit.tx, text, values))
        .one(&unit.tx)
        .await?
        .is_some())
}

/// In this order: deadline, cancel flag, crashes, attempts; none of them means back to the queue.
fn decide(job: &job::Model, is_late: bool) -> Option<(JobState, Option<Failure>)> {
    if is_late {
        return Some((JobState::Failed, Some(too_late())));
    }
    if job.cancel_requested_at.is_some() {
        return Some((JobState::Cancelled, None));
    }
    if job.crashes + 1 >= MAX_CRASHES {
        let message = "The server stopped three times while it worked on this, so it was given up. \
                       Change the brief or tell the operator before you start again.";
        return Some((JobState::Quarantined, Some(failure("CRASHED", message, false))));
    }
    if attempts_left(job) == 0 {
        let message = "The server stopped while it worked on this, and no attempt is left. Start again.";
        return Some((JobState::Failed, Some(failure("INTERRUPTED", message, true))));
    }
    None
}

/// An attempt that closed a block was worth something and is given back.
fn attempt_after(job: &job::Model) -> i32 {
    job.attempt - i32::from(job.closed_since_claim)
}

fn attempts_left(job: &job::Model) -> i32 {
    (job.max_attempts - attempt_after(job)).max(0)
}

/// The code of a job that ran out of time.
pub(super) const DEADLINE: &str = "DEADLINE";

pub(super) fn too_late() -> Failure {
    failure(
        DEADLINE,
        "This took longer than a job may. Start again; a shorter brief is quicker.",
        true,
    )
}

fn failure(code: &'static str, message: &str, retryable: bool) -> Failure {
    let message = message.to_string();
    Failure {
        code,
        cause: message.clone(),
        message,
        retryable,
        retry_after: None,
        correction: None,
    }
}

async fn requeue(unit: &mut Unit, locked: Locked) -> Result<()> {
    let before = locked.job;
    let text = "UPDATE jobs SET state = 'queued', run_lease = run_lease + 1, lease_owner = NULL, \
                lease_expires_at = NULL, phase = NULL, run_at = {now}, crashes = crashes + 1, attempt = $3, \
                event_lease = run_lease + 1, event_n = 1, version = version + 1 \
                WHERE id = $1 AND state = 'running' AND run_lease = $2 RETURNING *";
    let values = [before.id.into(), before.run_lease.into(), attempt_after(&before).into()];
    let job = row::one(unit, text, values).await?;
    let job = job.ok_or_else(|| Error::internal("a locked job cannot be rescued"))?;
    let reason = "The server that worked on this stopped; the work continues after its last finished block.";
    let event = JobEvent::Retrying {
        reason: reason.to_string(),
        next_attempt_at: Some(job.run_at),
    };
    let durable = Some(append::durable_position(&before));
    append::job_event(unit, job.id, Position::new(job.run_lease, 1), durable, durable, &event).await?;
    if let Some(site) = job.blueprint_id {
        append::blueprint_events(unit, site, vec![(Some(job.id), BlueprintBody::Job(event))]).await?;
    }
    let change = AccountChange {
        account: job.account_id,
        running: -1,
        movements: Vec::new(),
        jobs: vec![job.id],
    };
    credits::apply_covered(unit, change).await?;
    unit.after_commit(Notice::Work);
    let (id, kind, attempt, crashes) = (job.id, job.kind.as_str(), job.attempt, job.crashes);
    unit.log_after_commit(move || {
        tracing::warn!(
            job.id = %id, job.kind = kind, job.attempt = attempt, crashes, "job taken over from a process that stopped"
        );
    });
    Ok(())
}
