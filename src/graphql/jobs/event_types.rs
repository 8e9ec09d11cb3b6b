//! The events that a job's stream and a site's stream share.
//!
//! An event holds ids; its entities are loaded when they are selected, and show their present state.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use uuid::Uuid;

use super::types::{GenerationJob, JobPhase};
use crate::entities::job;
use crate::error::{Error, Instant};
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::scalars::{Cursor, DateTime};
use crate::graphql::sites::{self, Block, PageBlueprint, QualityReport};
use crate::ids::IdKind;
use crate::sites::block::BlockKind;

/// What every event of a job has.
#[derive(Clone)]
pub struct Head {
    pub cursor: String,
    pub at: Instant,
    pub job_id: Uuid,
    /// The job, when the stream brought it along.
    pub job: Option<Arc<job::Model>>,
}

impl Head {
    pub async fn job(&self, ctx: &Context<'_>) -> Result<GenerationJob> {
        if let Some(row) = &self.job {
            return Ok(GenerationJob(row.clone()));
        }
        let job = ctx.loaders().job(self.job_id).await?;
        let missing = || Error::internal(format!("the job {} of an event is gone", self.job_id));
        job.ok_or_else(|| missing().into())
    }
}

/// Declares an event type: the three common fields, its own, and those that load something.
macro_rules! event_type {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? }
        $({ $($more:tt)* })?
    ) => {
        $(#[$doc])*
        pub struct $name {
            pub head: Head,
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        $(#[$doc])*
        #[Object]
        impl $name {
            /// Where the stream stands with this event: pass it as `after` to continue from here.
            pub async fn cursor(&self) -> Cursor {
                Cursor(self.head.cursor.clone())
            }

            /// When it happened.
            pub async fn at(&self) -> DateTime {
                self.head.at.into()
            }

            /// The job, in its present state.
            pub async fn job(&self, ctx: &Context<'_>) -> Result<GenerationJob> {
                self.head.job(ctx).await
            }

            $($(#[$field_doc])* async fn $field(&self) -> $ty {
                self.$field.clone()
            })*

            $($($more)*)?
        }
    };
}
pub(super) use event_type;

event_type! {
    /// A job was started and waits for its turn.
    JobQueued {}
}
event_type! {
    /// Work on a job began, or began anew: discard its unfinished text.
    JobStarted {
        /// Which attempt it is, from 1.
        attempt: i32,
    }
}
event_type! {
    /// A job came into another phase, or got further, or has something to say.
    JobProgressed {
        /// What it is doing.
        phase: JobPhase,
        /// How far it is, from 0 to 1: finished parts over planned parts.
        progress: f64,
        /// What is worth knowing beside it, for people, in English: that another writing service than the first writes. Else null.
        note: Option<String>,
    }
}
event_type! {
    /// A job began to write a block: discard unfinished text of the job, the block's own text follows.
    BlockOpened {
        /// The block's global id.
        block_id: ID,
        /// What kind of block it is.
        kind: BlockKind,
    }
}
event_type! {
    /// An attempt failed or was interrupted, and there will be another: discard unfinished text of the job. Not the end.
    RetryScheduled {
        /// What happened, for people, in English.
        reason: String,
        /// When the next attempt may begin.
        next_attempt_at: DateTime,
    }
}
event_type! {
    /// A job ended; `job.state` says how. The last event of its stream.
    JobFinished {
        /// What it cost, in credits.
        charged: i64,
        /// What was set aside and became available again, in credits.
        released: i64,
    } {
        /// How good it is what the job wrote, measured by counting: of its page, or of the whole site for a job on a site.
        /// Null when that was deleted, and for a watch token of a job, which does not reach the site.
        async fn quality(&self, ctx: &Context<'_>) -> Result<Option<QualityReport>> {
            let job = self.head.job(ctx).await?;
            sites::job_quality(ctx, job.0.page_id, job.0.blueprint_id).await
        }
    }
}

event_type! {
    /// A job planned a page of the site.
    PagePlanned {
        /// The page's global id.
        page_id: ID,
    } {
        /// The page, in its present state; null once it was deleted.
        async fn page(&self, ctx: &Context<'_>) -> Result<Option<PageBlueprint>> {
            match node::of_kind(IdKind::Page, &self.page_id) {
                Some(id) => ctx.loaders().page(id).await,
                None => Ok(None),
            }
        }
    }
}
event_type! {
    /// A block was finished and stored: it takes the place of all unfinished text of that block.
    BlockReady {
        /// The block's global id.
        block_id: ID,
    } {
        /// The block, in its present state; null once it was deleted.
        async fn block(&self, ctx: &Context<'_>) -> Result<Option<Block>> {
            match node::of_kind(IdKind::Block, &self.block_id) {
                Some(id) => ctx.loaders().block(id).await,
                None => Ok(None),
            }
        }
    }
}
