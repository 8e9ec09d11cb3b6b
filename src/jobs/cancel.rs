//! T7 and T7': a person stops a job. What waits ends at once; what runs is told, and ends within a step.
//!
//! Cancelling a fanned-out parent is one transaction: the flag, then every child by id.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::engine::Engine;
use super::row::{self, Locked};
use super::settle::{End, settle};
use crate::credits::{self, AccountChange};
use crate::entities::{JobState, job};
use crate::error::{Error, Refusal, Result};
use crate::events::{Notice, Unit};

/// Asks for an end. A job that has ended is returned as it is: cancelling twice is no error.
pub async fn cancel(engine: &Engine, account: Uuid, id: Uuid) -> Result<job::Model> {
    let mut unit = engine.unit().await?;
    let query = job::Entity::find_by_id(id).filter(job::Column::AccountId.eq(account));
    let Some(seen) = query.one(&unit.tx).await? else {
        return Err(Refusal::not_found(&["input", "jobId"], "job").into());
    };
    let locked = row::lock(&unit, id, seen.parent_id).await?;
    let locked = locked.ok_or_else(|| Error::internal("a job row vanished"))?;
    let job = match locked.job.state {
        JobState::Queued => end_queued(&mut unit, engine, locked).await?,
        JobState::Running if locked.job.cancel_requested_at.is_some() => locked.job,
        JobState::Running if locked.job.fanned_out => cancel_children(&mut unit, engine, locked.job).await?,
        JobState::Running => flag(&mut unit, &locked.job).await?,
        _ => locked.job,
    };
    unit.commit().await?;
    Ok(job)
}

/// T7: nobody runs it, so this transaction is the new writer.
async fn end_queued(unit: &mut Unit, engine: &Engine, locked: Locked) -> Result<job::Model> {
    let end = End::by_new_writer(JobState::Cancelled, &locked.job, None);
    settle(unit, engine, locked, end).await
}

/// T7': the holder learns it by hint, or at its next beat or checkpoint; a success is forbidden from now on.
async fn flag(unit: &mut Unit, job: &job::Model) -> Result<job::Model> {
    let flagged = set_flag_only(unit, job).await?;
    let change = AccountChange {
        account: job.account_id,
        jobs: vec![job.id],
        ..AccountChange::default()
    };
    credits::apply_covered(unit, change).await?;
    unit.after_commit(Notice::Cancel { job: job.id });
    Ok(flagged)
}

async fn cancel_children(unit: &mut Unit, engine: &Engine, parent: job::Model) -> Result<job::Model> {
    let parent = set_flag_only(unit, &parent).await?;
    let ids: Vec<Uuid> = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::ParentId.eq(parent.id))
        .filter(job::Column::FinishedAt.is_null())
        .order_by_asc(job::Column::Id)
        .into_tuple()
        .all(&unit.tx)
        .await?;
    let mut open = Vec::with_capacity(ids.len());
    for id in ids {
        // Read again under the lock: a child may have ended while we waited for it.
        open.extend(
            row::lock_one(unit, id)
                .await?
                .filter(|child| !child.state.is_terminal()),
        );
    }
    for child in &open {
        if child.state == JobState::Running && child.cancel_requested_at.is_none() {
            set_flag_only(unit, child).await?;
            unit.after_commit(Notice::Cancel { job: child.id });
        }
    }
    let flagged = open
        .iter()
        .filter(|child| child.state == JobState::Running)
        .map(|child| child.id);
    let jobs: Vec<Uuid> = std::iter::once(parent.id).chain(flagged).collect();
    let change = AccountChange {
        account: parent.account_id,
        jobs,
        ..AccountChange::default()
    };
    // The first that ends locks the site, under which the pages of all of them are; then comes the account. Those that are
    // only flagged lock neither, so they come last.
    for child in open.into_iter().filter(|child| child.state == JobState::Queued) {
        let parent = row::lock_one(unit, parent.id).await?;
        end_queued(unit, engine, Locked { parent, job: child }).await?;
    }
    credits::apply_covered(unit, change).await?;
    let parent = row::lock_one(unit, parent.id).await?;
    parent.ok_or_else(|| Error::internal("a locked parent vanished"))
}

async fn set_flag_only(unit: &Unit, job: &job::Model) -> Result<job::Model> {
    let text = "UPDATE jobs SET cancel_requested_at = {now}, version = version + 1 \
                WHERE id = $1 AND state = 'running' RETURNING *";
    let flagged = row::one(unit, text, [job.id.into()]).await?;
    flagged.ok_or_else(|| Error::internal("a locked running job cannot be flagged"))
}
