//! The stream of one job: its events, and its text while it is being written.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result, SimpleObject};
use uuid::Uuid;

use super::event_types::*;
use super::types::GenerationJob;
use crate::entities::block;
use crate::error::{Error, Instant};
use crate::events::{JobBody, JobEvent as Happened, JobFeedItem, TextDelta};
use crate::graphql::node;
use crate::graphql::operation::Stamped;
use crate::graphql::scalars::{Cursor, DateTime};
use crate::graphql::sites::Block;
use crate::ids::{Cursor as Place, IdKind};
use crate::sites::block::BlockKind;

/// Something that happened to a job. Applying an event twice is harmless: an event sets what it names, and text has
/// offsets.
#[derive(Interface)]
#[graphql(
    field(
        name = "cursor",
        ty = "Cursor",
        desc = "Where the stream stands with this event: pass it as `after` to continue from here."
    ),
    field(name = "job", ty = "GenerationJob", desc = "The job, in its present state."),
    field(name = "at", ty = "DateTime", desc = "When it happened.")
)]
pub enum JobEvent {
    Queued(JobQueued),
    Started(JobStarted),
    Progressed(JobProgressed),
    PagePlanned(PagePlanned),
    BlockOpened(BlockOpened),
    BlockReady(BlockReady),
    RetryScheduled(RetryScheduled),
    Finished(JobFinished),
    TextWritten(TextWritten),
    Snapshot(JobSnapshot),
}

event_type! {
    /// A piece of one text field of the block that is being written. Append it when `offset` is the length you have; smaller
    /// means that you have it already, larger that some is missing and the next BlockReady or JobSnapshot brings all of it.
    TextWritten {
        /// The block's global id.
        block_id: ID,
        /// The field within the block, from the outside in; list entries by their number from 0: `["items", "0", "title"]`.
        path: Vec<String>,
        /// The length of the field before this piece, in UTF-16 code units (JavaScript's `length`).
        offset: i64,
        /// The piece, decoded.
        text: String,
    }
}

/// Everything up to here: it takes the place of all that was known of the job. Sent when a cursor cannot be continued.
pub struct JobSnapshot {
    head: Head,
    blocks: Vec<block::Model>,
    open: Vec<OpenText>,
}

/// Everything up to here: it takes the place of all that was known of the job. Sent when a cursor cannot be continued.
#[Object]
impl JobSnapshot {
    /// Where the stream stands with this event: pass it as `after` to continue from here.
    pub async fn cursor(&self) -> Cursor {
        Cursor(self.head.cursor.clone())
    }

    /// When it was taken.
    pub async fn at(&self) -> DateTime {
        self.head.at.into()
    }

    /// The job, in its present state.
    pub async fn job(&self, ctx: &Context<'_>) -> Result<GenerationJob> {
        self.head.job(ctx).await
    }

    /// The blocks of the page that the job writes, from top to bottom.
    async fn blocks(&self) -> Result<Vec<Block>> {
        self.blocks.iter().map(Block::from_row).collect()
    }

    /// The text of unfinished blocks so far.
    async fn open(&self) -> &[OpenText] {
        &self.open
    }
}

/// A text field of an unfinished block, as far as it has been written.
#[derive(SimpleObject)]
pub struct OpenText {
    /// The block's global id.
    block_id: ID,
    /// The field within the block, from the outside in; list entries by their number from 0.
    path: Vec<String>,
    /// The text so far, decoded.
    text: String,
}

/// Turns what the feed brings into what the client sees.
pub fn job_event(item: JobFeedItem, job_id: Uuid, epoch: &str) -> Result<Stamped<JobEvent>> {
    let cursor = Place::Job {
        epoch: epoch.to_string(),
        id: job_id,
        at: item.at,
    }
    .encode();
    let mut head = Head {
        cursor: cursor.clone(),
        at: item.time,
        job_id,
        job: None,
    };
    let event = match item.body {
        JobBody::Event(happened) => common(happened, head)?.into(),
        JobBody::Text(TextDelta {
            block_id,
            path,
            offset,
            text,
        }) => {
            let block_id = node::id(IdKind::Block, block_id);
            let (path, offset) = (path.to_vec(), offset as i64);
            TextWritten {
                head,
                block_id,
                path,
                offset,
                text,
            }
            .into()
        }
        JobBody::Snapshot { job, blocks, open } => {
            head.job = Some(Arc::new(*job));
            let open = open.into_iter().map(|open| OpenText {
                block_id: node::id(IdKind::Block, open.block_id),
                path: open.path.to_vec(),
                text: open.text,
            });
            JobSnapshot {
                head,
                blocks,
                open: open.collect(),
            }
            .into()
        }
    };
    Ok(Stamped { cursor, event })
}

/// The events that a site's stream has as well.
pub enum Common {
    Queued(JobQueued),
    Started(JobStarted),
    Progressed(JobProgressed),
    PagePlanned(PagePlanned),
    BlockOpened(BlockOpened),
    BlockReady(BlockReady),
    RetryScheduled(RetryScheduled),
    Finished(JobFinished),
}

/// The same event as a member of either stream's interface.
macro_rules! is_common {
    ($interface:ident: $($variant:ident)*) => {
        impl From<Common> for $interface {
            fn from(event: Common) -> Self {
                match event {
                    $(Common::$variant(event) => $interface::$variant(event),)*
                }
            }
        }
    };
}
pub(super) use is_common;

is_common!(JobEvent: Queued Started Progressed PagePlanned BlockOpened BlockReady RetryScheduled Finished);

pub fn common(happened: Happened, head: Head) -> Result<Common, Error> {
    let at: Instant = head.at;
    Ok(match happened {
        Happened::Queued => Common::Queued(JobQueued { head }),
        Happened::Started { attempt } => Common::Started(JobStarted { head, attempt }),
        Happened::Phase { phase, progress, note } => Common::Progressed(JobProgressed {
            head,
            phase: phase.into(),
            progress,
            note,
        }),
        Happened::PagePlanned { page_id: page } => Common::PagePlanned(PagePlanned {
            head,
            page_id: node::id(IdKind::Page, page),
        }),
        Happened::BlockOpened { block_id, block_kind } => {
            let kind = BlockKind::parse(&block_kind)
                .ok_or_else(|| Error::internal(format!("{block_kind} is no kind of block")))?;
            Common::BlockOpened(BlockOpened {
                head,
                block_id: node::id(IdKind::Block, block_id),
                kind,
            })
        }
        Happened::BlockClosed { block_id: block } => Common::BlockReady(BlockReady {
            head,
            block_id: node::id(IdKind::Block, block),
        }),
        Happened::Retrying {
            reason,
            next_attempt_at,
        } => {
            let next_attempt_at = next_attempt_at.unwrap_or(at).into();
            Common::RetryScheduled(RetryScheduled {
                head,
                reason,
                next_attempt_at,
            })
        }
        Happened::Finished { charged, released, .. } => Common::Finished(JobFinished {
            head,
            charged,
            released,
        }),
    })
}
