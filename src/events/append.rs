//! Writing durable events: rows of the caller's transaction, announced after its commit.
//!
//! Each dense stream takes its numbers under the lock of the row it belongs to, so the order of the
//! numbers is the order of the commits and a reader never sees a number before the one below it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;

use super::bus::Notice;
use super::event::{BlueprintBody, Item, ItemBody, JobEvent};
use super::unit::Unit;
use crate::db::{marks, now, rows};
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

/// Events that follow each other on a job's stream from `at` on, each with its place and with what stands before it.
pub fn in_line<'a>(
    job: Uuid,
    mut at: Position,
    mut durable: Position,
    mut item: Position,
    events: impl IntoIterator<Item = &'a JobEvent>,
) -> impl Iterator<Item = JobEntry<'a>> {
    events.into_iter().map(move |event| {
        let entry = JobEntry {
            job,
            at,
            durable: Some(durable),
            item: Some(item),
            event,
        };
        (durable, item, at) = (at, at, Position::new(at.lease, at.n + 1));
        entry
    })
}

/// Where the job's row says its stream ends.
pub fn durable_position(job: &job::Model) -> Position {
    Position::new(job.event_lease, job.event_n)
}

/// Events of sites, each with the job that it is of.
pub type SiteEvents = BTreeMap<Uuid, Vec<(Option<Uuid>, BlueprintBody)>>;

/// Appends to a site's stream, taking the blueprint's lock. A deleted site has no stream: nothing happens.
pub async fn blueprint_events(
    unit: &mut Unit,
    blueprint: Uuid,
    events: Vec<(Option<Uuid>, BlueprintBody)>,
) -> Result<()> {
    site_events(unit, SiteEvents::from([(blueprint, events)])).await
}

/// The same for several sites, locked in the order of their ids. The statements are as many for two sites as for two
/// hundred: whoever waits for one of them waits for all of this.
pub async fn site_events(unit: &mut Unit, sites: SiteEvents) -> Result<()> {
    site_events_with(unit, sites, "").await.map(|_| ())
}

/// The same with a change of the sites' own rows, which costs no statement more: `also` follows the `SET` and may name
/// the present moment as `$2`. Says how many of the sites there are.
///
/// It must not ask about other rows: a statement that had to wait for the lock sees those as they were before.
pub async fn site_events_with(unit: &mut Unit, mut sites: SiteEvents, also: &str) -> Result<usize> {
    sites.retain(|_, events| !events.is_empty());
    if sites.len() > 1 {
        let marks = marks(1, sites.len());
        let text = format!("SELECT id FROM blueprints WHERE id IN ({marks}) ORDER BY id {{lock}}");
        rows(&unit.tx, &text, sites.keys().map(|id| (*id).into())).await?;
    }
    let mut sites_by_count: BTreeMap<usize, Vec<Uuid>> = BTreeMap::new();
    for (site, events) in &sites {
        sites_by_count.entry(events.len()).or_default().push(*site);
    }
    let mut heads = Vec::with_capacity(sites.len());
    for (count, ids) in sites_by_count {
        let mut values: Vec<sea_orm::Value> = vec![(count as i64).into()];
        if !also.is_empty() {
            values.push(now().into());
        }
        let text = format!(
            "UPDATE blueprints SET event_seq = event_seq + $1{also} WHERE id IN ({}) RETURNING id, event_seq",
            marks(values.len() + 1, ids.len())
        );
        values.extend(ids.into_iter().map(sea_orm::Value::from));
        for row in rows(&unit.tx, &text, values).await? {
            heads.push((row.try_get::<Uuid>("", "id")?, row.try_get::<i64>("", "event_seq")?));
        }
    }
    // Only now: who waited for a lock must not be earlier than who held it.
    let (mut models, time) = (Vec::new(), now());
    for (site, head) in &heads {
        let events = sites.remove(site).unwrap_or_default();
        let first = head - events.len() as i64 + 1;
        for (seq, (job_id, body)) in (first..).zip(events) {
            models.push(blueprint_event::ActiveModel {
                blueprint_id: Set(*site),
                seq: Set(seq),
                kind: Set(body.kind().to_string()),
                job_id: Set(job_id),
                payload: Set(serde_json::to_value(&body)?),
                at: Set(time),
            });
        }
    }
    let found = heads.len();
    if models.is_empty() {
        return Ok(found);
    }
    blueprint_event::Entity::insert_many(models)
        .exec_without_returning(&unit.tx)
        .await?;
    for (id, seq) in heads {
        unit.after_commit(Notice::Blueprint { id, seq });
    }
    Ok(found)
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
