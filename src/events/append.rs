//! Writing durable events: rows of the caller's transaction, announced after its commit.
//!
//! Each dense stream takes its numbers under the lock of the row it belongs to, so the order of the
//! numbers is the order of the commits and a reader never sees a number before the one below it.

use std::sync::Arc;

use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;

use super::bus::Notice;
use super::event::{BlueprintBody, Item, ItemBody, JobEvent};
use super::unit::Unit;
use crate::db::{now, rows};
use crate::entities::{account_event, blueprint_event, job, job_event};
use crate::error::Result;
use crate::ids::Position;

/// An event and its place in its job's stream.
pub struct JobEntry<'a> {
    pub job: Uuid,
    pub at: Position,
    /// The event before it in the database.
    pub durable: Option<Position>,
    /// The item before it in the live stream; another one when text was written in between.
    pub item: Option<Position>,
    pub event: &'a JobEvent,
}

/// Appends one event to a job's stream. The caller stores `at` in the job's row.
pub async fn job_event(
    unit: &mut Unit,
    job: Uuid,
    at: Position,
    durable: Option<Position>,
    item: Option<Position>,
    event: &JobEvent,
) -> Result<()> {
    let entry = JobEntry {
        job,
        at,
        durable,
        item,
        event,
    };
    job_events(unit, &[entry]).await
}

/// The same for several events at once: a checkpoint has two or three, and each statement is a trip to the database.
pub async fn job_events(unit: &mut Unit, entries: &[JobEntry<'_>]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let (mut models, time) = (Vec::with_capacity(entries.len()), now());
    for entry in entries {
        models.push(job_event::ActiveModel {
            job_id: Set(entry.job),
            lease: Set(entry.at.lease),
            n: Set(entry.at.n),
            prev_lease: Set(entry.durable.map(|position| position.lease)),
            prev_n: Set(entry.durable.map(|position| position.n)),
            kind: Set(entry.event.kind().to_string()),
            payload: Set(serde_json::to_value(entry.event)?),
            at: Set(time),
        });
    }
    job_event::Entity::insert_many(models)
        .exec_without_returning(&unit.tx)
        .await?;
    for entry in entries {
        let item = Item {
            at: entry.at,
            prev: entry.item,
            time,
            body: ItemBody::Event(entry.event.clone()),
        };
        unit.after_commit(Notice::Item {
            job: entry.job,
            item: Arc::new(item),
        });
    }
    Ok(())
}

/// Where the job's row says its stream ends.
pub fn durable_position(job: &job::Model) -> Position {
    Position::new(job.event_lease, job.event_n)
}

/// Appends to a site's stream, taking the blueprint's lock. A deleted site has no stream: nothing happens.
pub async fn blueprint_events(
    unit: &mut Unit,
    blueprint: Uuid,
    events: &[(Option<Uuid>, BlueprintBody)],
) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let count = events.len() as i64;
    let text = "UPDATE blueprints SET event_seq = event_seq + $2 WHERE id = $1 RETURNING event_seq";
    let Some(row) = rows(&unit.tx, text, [blueprint.into(), count.into()]).await?.pop() else {
        return Ok(());
    };
    let head: i64 = row.try_get("", "event_seq")?;
    let (mut models, time) = (Vec::with_capacity(events.len()), now());
    for (index, (job_id, body)) in events.iter().enumerate() {
        models.push(blueprint_event::ActiveModel {
            blueprint_id: Set(blueprint),
            seq: Set(head - count + 1 + index as i64),
            kind: Set(body.kind().to_string()),
            job_id: Set(*job_id),
            payload: Set(serde_json::to_value(body)?),
            at: Set(time),
        });
    }
    blueprint_event::Entity::insert_many(models)
        .exec_without_returning(&unit.tx)
        .await?;
    unit.after_commit(Notice::Blueprint {
        id: blueprint,
        seq: head,
    });
    Ok(())
}

/// Stores events whose numbers were taken by the caller's own update of the account row.
pub async fn account_events(
    unit: &mut Unit,
    account: Uuid,
    head: i64,
    events: &[(&'static str, Option<Uuid>, Option<Uuid>)],
) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let (first, time) = (head - events.len() as i64 + 1, now());
    let models = events
        .iter()
        .enumerate()
        .map(|(index, (kind, job_id, entry_id))| account_event::ActiveModel {
            account_id: Set(account),
            seq: Set(first + index as i64),
            kind: Set(kind.to_string()),
            job_id: Set(*job_id),
            entry_id: Set(*entry_id),
            at: Set(time),
        });
    account_event::Entity::insert_many(models)
        .exec_without_returning(&unit.tx)
        .await?;
    unit.after_commit(Notice::Account { id: account, seq: head });
    Ok(())
}
