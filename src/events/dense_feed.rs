//! Watching a site or an account: rows with dense numbers, read in order; the bus only says "there is more".
//!
//! One loop for both. A hole in the numbers can only be retention, so it is answered by a snapshot.

use std::collections::VecDeque;

use futures::Stream;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::watch;
use uuid::Uuid;

use super::event::{AccountBody, AccountFeedItem, BlueprintBody, BlueprintFeedItem};
use super::feeds::{After, Feeds};
use super::job_feed::outage;
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
    let more = feeds.bus.attach_blueprint(id);
    stream(Watcher::new(feeds, id, after, more))
}

pub(super) fn account(feeds: Feeds, id: Uuid, after: After<i64>) -> impl Stream<Item = Result<AccountFeedItem>> + Send {
    let more = feeds.bus.attach_account(id);
    stream(Watcher::new(feeds, id, after, more))
}

fn stream<T: Dense>(mut watcher: Watcher<T>) -> impl Stream<Item = Result<T>> + Send {
    async_stream::try_stream! {
        loop {
            match watcher.next().await {
                Ok(Some(item)) => yield item,
                Ok(None) => break,
                // An outage is no end: a client that is told "complete" would never come back.
                Err(Error::Database(cause)) => outage(&cause).await,
                Err(error) => Err(error)?,
            }
        }
    }
}

/// An item of a stream whose numbers have no holes.
trait Dense: Sized + Send {
    /// Whether a watcher without a cursor is told what stands, or only what comes.
    const TELLS_THE_PAST: bool;

    /// The newest number; none when what it belongs to is gone.
    fn head(feeds: &Feeds, id: Uuid) -> impl Future<Output = Result<Option<i64>>> + Send;
    /// The items after `seq`, oldest first.
    fn after(feeds: &Feeds, id: Uuid, seq: i64) -> impl Future<Output = Result<Vec<Self>>> + Send;
    fn snapshot(seq: i64) -> Self;
    fn seq(&self) -> i64;
    fn is_end(&self) -> bool;
}

struct Watcher<T> {
    feeds: Feeds,
    id: Uuid,
    more: watch::Receiver<i64>,
    place: Place,
    ready: VecDeque<T>,
    is_over: bool,
}

enum Place {
    /// Where to begin is not known before the first look at the head.
    Unknown(After<i64>),
    /// Only a snapshot will do.
    Lost,
    /// Everything up to here was sent, and the head was at the second number when the watcher came.
    At(i64, i64),
}

impl<T: Dense> Watcher<T> {
    fn new(feeds: Feeds, id: Uuid, after: After<i64>, more: watch::Receiver<i64>) -> Self {
        Watcher {
            feeds,
            id,
            more,
            place: Place::Unknown(after),
            ready: VecDeque::new(),
            is_over: false,
        }
    }

    async fn next(&mut self) -> Result<Option<T>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.is_over = item.is_end();
                return Ok(Some(item));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.place {
                Place::Unknown(after) => {
                    // The rows of what was deleted stay for a while: whoever has a cursor still gets its last event.
                    let head = T::head(&self.feeds, self.id).await?.unwrap_or(i64::MAX);
                    self.place = match after {
                        After::At(seq) if seq <= head => Place::At(seq, head),
                        After::Start if !T::TELLS_THE_PAST || head == 0 => Place::At(head, head),
                        _ => Place::Lost,
                    };
                }
                Place::Lost => match T::head(&self.feeds, self.id).await? {
                    Some(head) => {
                        self.place = Place::At(head, head);
                        self.ready.push_back(T::snapshot(head));
                    }
                    None => self.is_over = true,
                },
                Place::At(last, head) => self.read(last, head).await?,
            }
        }
    }

    async fn read(&mut self, last: i64, head: i64) -> Result<()> {
        self.more.borrow_and_update();
        let items = T::after(&self.feeds, self.id, last).await?;
        match (items.first().map(T::seq), items.last().map(T::seq)) {
            (Some(first), Some(newest)) if first == last + 1 => {
                self.place = Place::At(newest, head);
                self.ready.extend(items);
            }
            // No rows although there were some when the watcher came, or a hole: older than retention.
            (Some(_), _) => self.place = Place::Lost,
            (None, _) if last < head => self.place = Place::Lost,
            (None, _) => {
                // The sender outlives us: a topic that somebody holds is not swept.
                if self.more.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
        Ok(())
    }
}

impl Dense for BlueprintFeedItem {
    const TELLS_THE_PAST: bool = true;

    async fn head(feeds: &Feeds, id: Uuid) -> Result<Option<i64>> {
        let site = blueprint::Entity::find_by_id(id).one(feeds.db.reader()).await?;
        Ok(site.map(|site| site.event_seq))
    }

    async fn after(feeds: &Feeds, id: Uuid, seq: i64) -> Result<Vec<Self>> {
        let rows = blueprint_event::Entity::find()
            .filter(blueprint_event::Column::BlueprintId.eq(id))
            .filter(blueprint_event::Column::Seq.gt(seq))
            .order_by_asc(blueprint_event::Column::Seq)
            .limit(PAGE)
            .all(feeds.db.reader())
            .await?;
        let item = |row: blueprint_event::Model| {
            let body = serde_json::from_value(row.payload)?;
            Ok(BlueprintFeedItem {
                seq: row.seq,
                time: row.at,
                job_id: row.job_id,
                body,
            })
        };
        rows.into_iter().map(item).collect()
    }

    fn snapshot(seq: i64) -> Self {
        BlueprintFeedItem {
            seq,
            time: now(),
            job_id: None,
            body: BlueprintBody::Snapshot,
        }
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn is_end(&self) -> bool {
        self.body == BlueprintBody::Changed { deleted: true }
    }
}

impl Dense for AccountFeedItem {
    /// An account has no beginning worth replaying.
    const TELLS_THE_PAST: bool = false;

    async fn head(feeds: &Feeds, id: Uuid) -> Result<Option<i64>> {
        let account = account::Entity::find_by_id(id).one(feeds.db.reader()).await?;
        Ok(account.map(|account| account.event_seq))
    }

    async fn after(feeds: &Feeds, id: Uuid, seq: i64) -> Result<Vec<Self>> {
        let rows = account_event::Entity::find()
            .filter(account_event::Column::AccountId.eq(id))
            .filter(account_event::Column::Seq.gt(seq))
            .order_by_asc(account_event::Column::Seq)
            .limit(PAGE)
            .all(feeds.db.reader())
            .await?;
        let item = |row: account_event::Model| {
            let body = match (row.entry_id, row.job_id) {
                (Some(entry_id), _) => AccountBody::CreditsMoved { entry_id },
                (None, Some(job_id)) => AccountBody::JobStateChanged { job_id },
                (None, None) => return Err(Error::internal(format!("account event {} names nothing", row.seq))),
            };
            Ok(AccountFeedItem {
                seq: row.seq,
                time: row.at,
                body,
            })
        };
        rows.into_iter().map(item).collect()
    }

    fn snapshot(seq: i64) -> Self {
        AccountFeedItem {
            seq,
            time: now(),
            body: AccountBody::Snapshot,
        }
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn is_end(&self) -> bool {
        false
    }
}
