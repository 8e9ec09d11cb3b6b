//! For every hint there is a poll: what no announcement brought is read from the database.
//!
//! A crash between a commit and its announcement, or a job that runs in another process, must not leave
//! a watcher hanging. One query for all watched jobs, one for sites, one for accounts, each tick.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bus::{Bus, Notice};
use super::channel::Channel;
use super::event::{Item, ItemBody};
use crate::db::Db;
use crate::entities::{account, blueprint, job, job_event};
use crate::error::{Error, Result};
use crate::ids::Position;

/// Ids in one query; databases limit the number of parameters.
const BATCH: usize = 500;

/// Runs until `stop`.
pub async fn run(db: Db, bus: Bus, every: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        bus.sweep();
        if let Err(error) = look(&db, &bus).await {
            tracing::warn!(
                cause = error.cause(),
                "watched streams could not be compared with the database"
            );
        }
    }
}

/// One look at everything that is watched.
pub async fn look(db: &Db, bus: &Bus) -> Result<()> {
    for jobs in bus.watched_jobs().chunks(BATCH) {
        look_at_jobs(db, jobs).await?;
    }
    for ids in bus.watched_blueprints().chunks(BATCH) {
        let query = blueprint::Entity::find()
            .select_only()
            .columns([blueprint::Column::Id, blueprint::Column::EventSeq]);
        let found: Vec<(Uuid, i64)> = query
            .filter(blueprint::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db.reader())
            .await?;
        for id in ids {
            // A deleted site has one last event that its watchers may still have to read.
            let seq = found
                .iter()
                .find(|(found, _)| found == id)
                .map_or(i64::MAX, |(_, seq)| *seq);
            bus.publish(Notice::Blueprint { id: *id, seq });
        }
    }
    for ids in bus.watched_accounts().chunks(BATCH) {
        let query = account::Entity::find()
            .select_only()
            .columns([account::Column::Id, account::Column::EventSeq]);
        let found: Vec<(Uuid, i64)> = query
            .filter(account::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db.reader())
            .await?;
        for (id, seq) in found {
            bus.publish(Notice::Account { id, seq });
        }
    }
    Ok(())
}

async fn look_at_jobs(db: &Db, jobs: &[(Uuid, Arc<Channel>)]) -> Result<()> {
    let query = job::Entity::find().select_only();
    let query = query.columns([job::Column::Id, job::Column::EventLease, job::Column::EventN]);
    let query = query.filter(job::Column::Id.is_in(jobs.iter().map(|(id, _)| *id)));
    let durable: Vec<(Uuid, i64, i64)> = query.into_tuple().all(db.reader()).await?;
    for (id, lease, n) in durable {
        let Some((_, channel)) = jobs.iter().find(|(job, _)| *job == id) else {
            continue;
        };
        if channel.is_left_behind(Position::new(lease, n)) {
            show_rows(db, id, channel).await?;
        }
    }
    Ok(())
}

/// Puts the rows that a live stream has not shown into it, in the place of their announcements.
async fn show_rows(db: &Db, job: Uuid, channel: &Channel) -> Result<()> {
    let mut query = job_event::Entity::find().filter(job_event::Column::JobId.eq(job));
    if let Some(head) = channel.head() {
        let later = Condition::all()
            .add(job_event::Column::Lease.eq(head.lease))
            .add(job_event::Column::N.gt(head.n));
        query = query.filter(Condition::any().add(job_event::Column::Lease.gt(head.lease)).add(later));
    }
    let query = query
        .order_by_asc(job_event::Column::Lease)
        .order_by_asc(job_event::Column::N);
    for row in query.all(db.reader()).await? {
        let prev = row.prev_lease.zip(row.prev_n).map(|(lease, n)| Position::new(lease, n));
        let body = ItemBody::Event(serde_json::from_value(row.payload).map_err(Error::from)?);
        channel.push(Arc::new(Item {
            at: Position::new(row.lease, row.n),
            prev,
            time: row.at,
            body,
        }));
    }
    Ok(())
}
