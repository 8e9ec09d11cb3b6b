//! What happens to a job, a site and an account, as it is stored and as it flows.
//!
//! Entities are named by id only: whoever shows an event loads their present state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entities::{JobPhase, JobState, block, job};
use crate::error::Instant;
use crate::ids::Position;

/// A durable event of a job. It commits with the change it reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobEvent {
    Queued,
    /// Discards unfinished text.
    Started {
        attempt: i32,
    },
    Phase {
        phase: JobPhase,
        progress: f64,
        /// What people should know beside it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    PagePlanned {
        page_id: Uuid,
    },
    /// Discards unfinished text; the block's own text follows.
    BlockOpened {
        block_id: Uuid,
        block_kind: String,
    },
    /// Replaces all of the block's text: repair may have changed it.
    BlockClosed {
        block_id: Uuid,
    },
    /// Discards unfinished text. Not terminal.
    Retrying {
        reason: String,
        next_attempt_at: Option<Instant>,
    },
    /// The one terminal event.
    Finished {
        state: JobState,
        charged: i64,
        released: i64,
    },
}

impl JobEvent {
    /// The word in the `kind` column; a terminal event is named after the state it ends in.
    pub fn kind(&self) -> &'static str {
        match self {
            JobEvent::Queued => "queued",
            JobEvent::Started { .. } => "started",
            JobEvent::Phase { .. } => "phase",
            JobEvent::PagePlanned { .. } => "page_planned",
            JobEvent::BlockOpened { .. } => "block_opened",
            JobEvent::BlockClosed { .. } => "block_closed",
            JobEvent::Retrying { .. } => "retrying",
            JobEvent::Finished { state, .. } => state.as_str(),
        }
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self, JobEvent::Finished { .. })
    }

    /// Whether a watcher must forget text it has not seen closed.
    pub fn resets_text(&self) -> bool {
        use JobEvent::*;
        matches!(
            self,
            Started { .. } | BlockOpened { .. } | BlockClosed { .. } | Retrying { .. } | Finished { .. }
        )
    }
}

/// A piece of one string field of the block that is being written.
#[derive(Debug, Clone, PartialEq)]
pub struct TextDelta {
    pub block_id: Uuid,
    pub path: Arc<[String]>,
    /// Length of the field so far, in UTF-16 code units (JavaScript's `length`).
    pub offset: usize,
    pub text: String,
}

/// One item of a job's stream as its carrier holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub at: Position,
    /// The item before it; for the first item of a lease the job's last durable event.
    pub prev: Option<Position>,
    pub time: Instant,
    pub body: ItemBody,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ItemBody {
    Event(JobEvent),
    Text(TextDelta),
}

/// Text of an unfinished block, as far as it has been written.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenText {
    pub block_id: Uuid,
    pub path: Arc<[String]>,
    pub text: String,
}

/// The items of a stream that a watcher receives as one, from the first to the last: the same for everybody who receives
/// the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Piece {
    pub first: Position,
    pub last: Position,
}

/// What a watcher of a job receives.
#[derive(Debug, Clone)]
pub struct JobFeedItem {
    /// Which part of the stream it is; none for what is told to this watcher alone.
    pub piece: Option<Piece>,
    pub at: Position,
    pub time: Instant,
    pub body: JobBody,
}

#[derive(Debug, Clone)]
pub enum JobBody {
    Event(JobEvent),
    Text(TextDelta),
    /// Everything up to here: replaces all that the watcher knows.
    Snapshot {
        job: Box<job::Model>,
        blocks: Vec<block::Model>,
        open: Vec<OpenText>,
    },
}

/// What a watcher of a site receives.
#[derive(Debug, Clone)]
pub struct BlueprintFeedItem {
    pub seq: i64,
    pub time: Instant,
    pub job_id: Option<Uuid>,
    pub body: BlueprintBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlueprintBody {
    Job(JobEvent),
    Changed {
        deleted: bool,
    },
    /// Never stored: stands for all events up to its `seq`.
    Snapshot,
}

impl BlueprintBody {
    pub fn kind(&self) -> &'static str {
        match self {
            BlueprintBody::Job(event) => event.kind(),
            BlueprintBody::Changed { .. } => "changed",
            BlueprintBody::Snapshot => "snapshot",
        }
    }
}

/// What a watcher of an account receives.
#[derive(Debug, Clone)]
pub struct AccountFeedItem {
    pub seq: i64,
    pub time: Instant,
    pub body: AccountBody,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AccountBody {
    CreditsMoved { entry_id: Uuid },
    JobStateChanged { job_id: Uuid },
    Snapshot,
}
