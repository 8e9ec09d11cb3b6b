//! Watching a job: attach, replay after the cursor, hand over to the live stream, and heal by snapshot.
//!
//! The order matters: attach before reading, read the live stream's head before the database. Then
//! whatever happens in between is seen twice at worst, never missed, and ids tell the double apart.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures::Stream;
use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::append::durable_position;
use super::channel::Attachment;
use super::event::{Item, ItemBody, JobBody, JobFeedItem, OpenText, Piece};
use super::feeds::{After, Feeds};
use super::open_text::utf16_len;
use super::relay::PATIENCE;
use crate::db::now;
use crate::entities::{BlockStatus, block, job, job_event};
use crate::error::{Error, Result};
use crate::ids::Position;

pub(super) fn stream(
    feeds: Feeds,
    job: Uuid,
    after: After<Position>,
) -> impl Stream<Item = Result<JobFeedItem>> + Send {
    async_stream::try_stream! {
        let mut watcher = Watcher::new(feeds, job, after);
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

/// Waits a moment for a database that does not answer.
pub(super) async fn outage(cause: &DbErr) {
    tracing::warn!(%cause, "a watcher waits for the database");
    tokio::time::sleep(Duration::from_secs(1)).await;
}

struct Watcher {
    feeds: Feeds,
    job: Uuid,
    attachment: Attachment,
    step: Step,
    last: Option<Position>,
    ready: VecDeque<JobFeedItem>,
    /// Text was missed: deltas are dropped until the next event that resets text, or until the channel knows it again.
    muted: bool,
    /// When the last snapshot was taken.
    healed_at: Option<Instant>,
}

enum Step {
    /// Try to continue from the cursor without asking the database.
    Join,
    Snapshot,
    Live,
    Done,
}

impl Watcher {
    fn new(feeds: Feeds, job: Uuid, after: After<Position>) -> Self {
        let attachment = feeds.bus.attach_job(job);
        let (step, last) = match after {
            After::Start => (Step::Join, None),
            After::At(position) => (Step::Join, Some(position)),
            After::Snapshot => (Step::Snapshot, None),
        };
        Watcher {
            feeds,
            job,
            attachment,
            step,
            last,
            ready: VecDeque::new(),
            muted: false,
            healed_at: None,
        }
    }

    async fn next(&mut self) -> Result<Option<JobFeedItem>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(Some(item));
            }
            match self.step {
                Step::Join => self.join().await,
                Step::Snapshot => {
                    self.attachment.joined(PATIENCE).await;
                    // On the heap while it runs: watchers are many, and each has room for it otherwise.
                    Box::pin(self.snapshot()).await?;
                }
                Step::Live => self.live().await,
                Step::Done => return Ok(None),
            }
        }
    }

    async fn join(&mut self) {
        self.attachment.joined(PATIENCE).await;
        let channel = self.attachment.channel();
        let continuous = match channel.after(self.last).first() {
            Some(item) => follows(item, self.last),
            // Nothing newer: up to date if the head is where the watcher stands.
            None => self.last.is_some() && channel.head() == self.last,
        };
        self.step = match continuous {
            true if channel.has_ended() && channel.head() == self.last => Step::Done,
            true => Step::Live,
            false => Step::Snapshot,
        };
    }

    async fn live(&mut self) {
        self.attachment.mark_seen();
        let items = self.attachment.channel().after(self.last);
        if items.is_empty() {
            match self.attachment.channel().jumped_over(self.last) {
                // The carrier has told how what is missing adds up.
                true => self.step = Step::Snapshot,
                false => {
                    // Most watchers wait most of the time: they keep no room for what may come.
                    self.ready = VecDeque::new();
                    self.attachment.changed().await;
                }
            }
            return;
        }
        for item in items {
            let is_text = matches!(item.body, ItemBody::Text(_));
            if !follows(&item, self.last) || (is_text && self.muted && self.can_be_told()) {
                self.step = Step::Snapshot;
                return;
            }
            self.accept(&item);
            if matches!(&item.body, ItemBody::Event(event) if event.is_terminal()) {
                self.step = Step::Done;
                return;
            }
        }
    }

    /// The text that was missed has been told by who writes it. Not asked more than once a second: each answer costs a
    /// look at the database, which may still be behind.
    fn can_be_told(&self) -> bool {
        let is_early = self.healed_at.is_some_and(|at| at.elapsed() < Duration::from_secs(1));
        !is_early && self.attachment.channel().open_text().1.is_some()
    }

    fn accept(&mut self, item: &Item) {
        self.last = Some(item.at);
        let body = match &item.body {
            ItemBody::Text(_) if self.muted => return,
            ItemBody::Text(delta) => {
                // Deltas that waited for a slow watcher become one.
                if let Some(JobFeedItem {
                    piece: Some(piece),
                    at,
                    time,
                    body: JobBody::Text(waiting),
                }) = self.ready.back_mut()
                    && waiting.block_id == delta.block_id
                    && waiting.path == delta.path
                    && waiting.offset + utf16_len(&waiting.text) == delta.offset
                {
                    waiting.text.push_str(&delta.text);
                    (*at, *time, piece.last) = (item.at, item.time, item.at);
                    return;
                }
                JobBody::Text(delta.clone())
            }
            ItemBody::Event(event) => {
                self.muted &= !event.resets_text();
                JobBody::Event(event.clone())
            }
        };
        self.ready.push_back(JobFeedItem {
            piece: Some(Piece {
                first: item.at,
                last: item.at,
            }),
            at: item.at,
            time: item.time,
            body,
        });
    }

    async fn snapshot(&mut self) -> Result<()> {
        self.healed_at = Some(Instant::now());
        // The live stream first: the database can then only be ahead of it, and ids tell by how much.
        self.attachment.mark_seen();
        let (head, open) = self.attachment.channel().open_text();
        let tx = self.feeds.db.snapshot().await?;
        let Some(job) = job::Entity::find_by_id(self.job).one(&tx).await? else {
            return Err(Error::internal(format!(
                "job {} is watched but does not exist",
                self.job
            )));
        };
        let durable = durable_position(&job);
        if job.state.is_terminal() && self.last == Some(durable) {
            self.step = Step::Done;
            return Ok(());
        }
        let blocks = blocks_of(&tx, &job).await?;
        if job.state.is_terminal() {
            self.finish(&tx, job, blocks, durable).await?;
            tx.commit().await?;
            return Ok(());
        }
        tx.commit().await?;
        let is_current = head.is_some_and(|head| head >= durable);
        let open = open.filter(|_| is_current);
        self.muted = open.is_none();
        self.last = Some(head.map_or(durable, |head| head.max(durable)));
        // Whoever comes back with this place is sent what follows it. Where the open text is not known, that is from the
        // last event on: in the middle of a text that was not told, another node would go on without its beginning.
        let at = self.last.filter(|_| !self.muted).unwrap_or(durable);
        let is_open = |text: &OpenText| {
            blocks
                .iter()
                .any(|block| block.id == text.block_id && block.status == BlockStatus::Writing)
        };
        let open = open.unwrap_or_default().into_iter().filter(is_open).collect();
        self.step = Step::Live;
        self.ready.push_back(JobFeedItem {
            piece: None,
            at,
            time: now(),
            body: JobBody::Snapshot {
                job: Box::new(job),
                blocks,
                open,
            },
        });
        Ok(())
    }

    /// The job is over: everything as it stands, then the terminal event, once.
    async fn finish(
        &mut self,
        tx: &DatabaseTransaction,
        job: job::Model,
        blocks: Vec<block::Model>,
        durable: Position,
    ) -> Result<()> {
        let row = job_event::Entity::find_by_id((self.job, durable.lease, durable.n))
            .one(tx)
            .await?;
        self.step = Step::Done;
        // The snapshot stands before the end: whoever keeps its cursor and leaves still gets the end.
        let before = row
            .as_ref()
            .and_then(|row| Some(Position::new(row.prev_lease?, row.prev_n?)));
        // A watcher that has seen text beyond it must not be sent back.
        let seen = self.last.filter(|last| *last < durable);
        let at = before.into_iter().chain(seen).max().unwrap_or(Position::new(0, 0));
        let state = job.state;
        let charged = job.charged.unwrap_or_default();
        let released = job.price - charged;
        let body = JobBody::Snapshot {
            job: Box::new(job),
            blocks,
            open: Vec::new(),
        };
        let (piece, now) = (None, now());
        self.ready.push_back(JobFeedItem {
            piece,
            at,
            time: now,
            body,
        });
        let (time, event) = match row {
            Some(row) => (row.at, serde_json::from_value(row.payload)?),
            // Older than retention: the job's row still knows how it ended.
            None => (
                now,
                super::JobEvent::Finished {
                    state,
                    charged,
                    released: released.max(0),
                },
            ),
        };
        self.ready.push_back(JobFeedItem {
            piece,
            at: durable,
            time,
            body: JobBody::Event(event),
        });
        Ok(())
    }
}

/// Whether `item` comes next for a watcher who stands at `last`.
fn follows(item: &Item, last: Option<Position>) -> bool {
    match (item.prev, last) {
        (prev, last) if prev == last => true,
        // A new writer begins after the last durable event; text beyond that is void.
        (Some(prev), Some(last)) => item.at.lease > last.lease && prev <= last,
        _ => false,
    }
}

/// The blocks that a job concerns: its page's, in order.
async fn blocks_of(tx: &DatabaseTransaction, job: &job::Model) -> Result<Vec<block::Model>> {
    let Some(page) = job.page_id else { return Ok(Vec::new()) };
    let query = block::Entity::find().filter(block::Column::PageId.eq(page));
    Ok(query
        .order_by_asc(block::Column::Position)
        .order_by_asc(block::Column::Id)
        .all(tx)
        .await?)
}
