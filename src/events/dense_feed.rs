//! Watching a site or an account: rows with dense numbers, read in order; the bus only says "there is more".
//!
//! A hole in the numbers can only be retention, so it is answered by a snapshot.

use futures::Stream;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::watch;
use uuid::Uuid;

use super::event::{AccountBody, AccountFeedItem, BlueprintBody, BlueprintFeedItem};
use super::feeds::{After, Feeds};
use crate::db::now;
use crate::entities::{account, account_event, blueprint, blueprint_event};
use crate::error::{Error, Result};

/// Rows read at a time.
const PAGE: u64 = 200;

pub(super) fn blueprint(
    feeds: Feeds,
    id: Uuid,
    after: After<i64>,
) -> impl Stream<Item = Result<BlueprintFeedItem>> + Send {
    async_stream::try_stream! {
        let mut more = feeds.bus.attach_blueprint(id);
        let site = blueprint::Entity::find_by_id(id).one(feeds.db.reader()).await?;
        // The rows of a deleted site stay for a while: whoever has a cursor still gets its last event.
        let head = site.map_or(i64::MAX, |site| site.event_seq);
        let mut last = place(after, head, head == 0);
        loop {
            more.borrow_and_update();
            let read_from = last.unwrap_or(head);
            let rows = blueprint_event::Entity::find()
                .filter(blueprint_event::Column::BlueprintId.eq(id))
                .filter(blueprint_event::Column::Seq.gt(read_from))
                .order_by_asc(blueprint_event::Column::Seq)
                .limit(PAGE)
                .all(feeds.db.reader())
                .await?;
            let is_continuous = continuous(last, rows.first().map(|row| row.seq), head);
            if !is_continuous {
                let site = blueprint::Entity::find_by_id(id).one(feeds.db.reader()).await?;
                let Some(site) = site else { break };
                last = Some(site.event_seq);
                yield BlueprintFeedItem { seq: site.event_seq, time: now(), job_id: None, body: BlueprintBody::Snapshot };
                continue;
            }
            let is_drained = rows.len() < PAGE as usize;
            for row in rows {
                last = Some(row.seq);
                let body: BlueprintBody = serde_json::from_value(row.payload).map_err(Error::from)?;
                let is_end = body == BlueprintBody::Changed { deleted: true };
                yield BlueprintFeedItem { seq: row.seq, time: row.at, job_id: row.job_id, body };
                if is_end {
                    return;
                }
            }
            if is_drained {
                wait(&mut more).await;
            }
        }
    }
}

pub(super) fn account(feeds: Feeds, id: Uuid, after: After<i64>) -> impl Stream<Item = Result<AccountFeedItem>> + Send {
    async_stream::try_stream! {
        let mut more = feeds.bus.attach_account(id);
        let row = account::Entity::find_by_id(id).one(feeds.db.reader()).await?;
        let head = row.map_or(0, |account| account.event_seq);
        // An account has no beginning worth replaying: without a cursor its stream starts now.
        let mut last = if after == After::Start { Some(head) } else { place(after, head, false) };
        loop {
            more.borrow_and_update();
            let read_from = last.unwrap_or(head);
            let rows = account_event::Entity::find()
                .filter(account_event::Column::AccountId.eq(id))
                .filter(account_event::Column::Seq.gt(read_from))
                .order_by_asc(account_event::Column::Seq)
                .limit(PAGE)
                .all(feeds.db.reader())
                .await?;
            if !continuous(last, rows.first().map(|row| row.seq), head) {
                let row = account::Entity::find_by_id(id).one(feeds.db.reader()).await?;
                let Some(row) = row else { break };
                last = Some(row.event_seq);
                yield AccountFeedItem { seq: row.event_seq, time: now(), body: AccountBody::Snapshot };
                continue;
            }
            let is_drained = rows.len() < PAGE as usize;
            for row in rows {
                last = Some(row.seq);
                let body = match (row.entry_id, row.job_id) {
                    (Some(entry_id), _) => AccountBody::CreditsMoved { entry_id },
                    (None, Some(job_id)) => AccountBody::JobStateChanged { job_id },
                    (None, None) => Err(Error::internal(format!("account event {} names nothing", row.seq)))?,
                };
                yield AccountFeedItem { seq: row.seq, time: row.at, body };
            }
            if is_drained {
                wait(&mut more).await;
            }
        }
    }
}

/// Where to read on from; none means that only a snapshot will do.
fn place(after: After<i64>, head: i64, is_empty: bool) -> Option<i64> {
    match after {
        After::At(seq) if seq <= head => Some(seq),
        After::Start if is_empty => Some(0),
        _ => None,
    }
}

/// Whether the rows that were found continue what the watcher has seen.
fn continuous(last: Option<i64>, first: Option<i64>, head: i64) -> bool {
    match (last, first) {
        (None, _) => false,
        (Some(last), Some(first)) => first == last + 1,
        // No rows although there were some when the watcher came: they are older than retention.
        (Some(last), None) => last >= head,
    }
}

async fn wait(more: &mut watch::Receiver<i64>) {
    if more.changed().await.is_err() {
        // The topic was swept while we held it, which its sweep forbids; never spin on it.
        std::future::pending::<()>().await;
    }
}
