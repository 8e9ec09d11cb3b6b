//! The stream of one site: what all its jobs finish and what people change, without the text in between.

use async_graphql::{Context, ID, Interface, Object, Result};
use uuid::Uuid;

use super::event_types::*;
use super::job_events::{Common, common, is_common};
use super::types::GenerationJob;
use crate::error::{Error, Instant};
use crate::events::{BlueprintBody, BlueprintFeedItem};
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::operation::Stamped;
use crate::graphql::scalars::{Cursor, DateTime};
use crate::graphql::sites::SiteBlueprint;
use crate::ids::{Cursor as Place, IdKind};

/// Something that happened to a site. Its events are numbered without holes; applying one twice is harmless.
#[derive(Interface)]
#[graphql(
    field(
        name = "cursor",
        ty = "Cursor",
        desc = "Where the stream stands with this event: pass it as `after` to continue from here."
    ),
    field(name = "at", ty = "DateTime", desc = "When it happened."),
    field(
        name = "job",
        ty = "Option<GenerationJob>",
        desc = "The job that did it, in its present state; null for a person's change."
    )
)]
pub enum BlueprintEvent {
    Queued(JobQueued),
    Started(JobStarted),
    Progressed(JobProgressed),
    PagePlanned(PagePlanned),
    BlockOpened(BlockOpened),
    BlockReady(BlockReady),
    RetryScheduled(RetryScheduled),
    Finished(JobFinished),
    Snapshot(BlueprintSnapshot),
    Changed(BlueprintChanged),
}

is_common!(BlueprintEvent: Queued Started Progressed PagePlanned BlockOpened BlockReady RetryScheduled Finished);

/// What the site's own events have.
struct SiteHead {
    cursor: String,
    at: Instant,
    blueprint: Uuid,
    job: Option<Uuid>,
}

impl SiteHead {
    async fn job(&self, ctx: &Context<'_>) -> Result<Option<GenerationJob>> {
        match self.job {
            Some(id) => ctx.loaders().job(id).await,
            None => Ok(None),
        }
    }
}

/// Everything up to here: read the site and take it for all that was known. Sent when a cursor cannot be continued.
pub struct BlueprintSnapshot(SiteHead);

/// Everything up to here: read the site and take it for all that was known. Sent when a cursor cannot be continued.
#[Object]
impl BlueprintSnapshot {
    /// Where the stream stands with this event: pass it as `after` to continue from here.
    pub async fn cursor(&self) -> Cursor {
        Cursor(self.0.cursor.clone())
    }

    /// When it was taken.
    pub async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Always null: a snapshot is nobody's doing.
    pub async fn job(&self, ctx: &Context<'_>) -> Result<Option<GenerationJob>> {
        self.0.job(ctx).await
    }

    /// The site, in its present state.
    async fn blueprint(&self, ctx: &Context<'_>) -> Result<SiteBlueprint> {
        let blueprint = ctx.loaders().blueprint(self.0.blueprint).await?;
        blueprint.ok_or_else(|| Error::internal("the blueprint of a snapshot is gone").into())
    }
}

/// The site itself was changed, or deleted; when deleted, the last event of its stream.
pub struct BlueprintChanged {
    head: SiteHead,
    deleted: bool,
}

/// The site itself was changed, or deleted; when deleted, the last event of its stream.
#[Object]
impl BlueprintChanged {
    /// Where the stream stands with this event: pass it as `after` to continue from here.
    pub async fn cursor(&self) -> Cursor {
        Cursor(self.head.cursor.clone())
    }

    /// When it happened.
    pub async fn at(&self) -> DateTime {
        self.head.at.into()
    }

    /// The job that did it, in its present state; null for a person's change.
    pub async fn job(&self, ctx: &Context<'_>) -> Result<Option<GenerationJob>> {
        self.head.job(ctx).await
    }

    /// The site's global id.
    async fn blueprint_id(&self) -> ID {
        node::id(IdKind::Blueprint, self.head.blueprint)
    }

    /// The site, in its present state; null once it was deleted.
    async fn blueprint(&self, ctx: &Context<'_>) -> Result<Option<SiteBlueprint>> {
        ctx.loaders().blueprint(self.head.blueprint).await
    }

    /// Whether it was deleted.
    async fn deleted(&self) -> bool {
        self.deleted
    }
}

/// Turns what the feed brings into what the client sees.
pub fn blueprint_event(item: BlueprintFeedItem, blueprint: Uuid, epoch: &str) -> Result<Stamped<BlueprintEvent>> {
    let cursor = Place::Blueprint {
        epoch: epoch.to_string(),
        id: blueprint,
        seq: item.seq,
    }
    .encode();
    let (at, job) = (item.time, item.job_id);
    let site_head = SiteHead {
        cursor: cursor.clone(),
        at,
        blueprint,
        job,
    };
    let event = match item.body {
        BlueprintBody::Job(happened) => {
            let job_id = job.ok_or_else(|| Error::internal("a job's event names no job"))?;
            let head = Head {
                cursor: cursor.clone(),
                at,
                job_id,
                job: None,
            };
            common(happened, head)?.into()
        }
        BlueprintBody::Changed { deleted } => BlueprintChanged {
            head: site_head,
            deleted,
        }
        .into(),
        BlueprintBody::Snapshot => BlueprintSnapshot(site_head).into(),
    };
    Ok(Stamped { cursor, event })
}
