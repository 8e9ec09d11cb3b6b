//! A site: the brief it is made from, its plan and its pages.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter};
use uuid::Uuid;

use super::brief::Brief;
use super::page::PageBlueprint;
use super::quality::{self, QualityReport};
use crate::entities::{blueprint, job};
use crate::error::Error;
use crate::graphql::context::Reach;
use crate::graphql::jobs::{GenerationJobConnection, JobFilter};
use crate::graphql::node;
use crate::graphql::paging::{PageArgs, connection, slice};
use crate::graphql::scalars::{Cursor, DateTime};
use crate::ids::{Cursor as Place, GlobalId, IdKind};
use crate::sites::structure::SiteStructure;

/// Where a site stands.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::BlueprintStatus")]
pub enum BlueprintStatus {
    /// It has a brief: generateStructure or generateSite is next.
    Draft,
    /// A job is at work on it.
    Generating,
    /// It has been planned and no job is at work on it.
    Ready,
    /// It has been published.
    Deployed,
}

/// Where a site is meant to be served.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::HostingType")]
pub enum HostingType {
    /// By this server.
    BuiltIn,
    /// In a WordPress site.
    Wordpress,
    /// In a Shopify shop.
    Shopify,
    /// In several places.
    Multi,
}

/// A site: the brief it is made from, the plan it follows and the pages it has.
#[derive(Clone)]
pub struct SiteBlueprint(pub Arc<blueprint::Model>);

/// A site: the brief it is made from, the plan it follows and the pages it has.
#[Object]
impl SiteBlueprint {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::Blueprint, self.0.id)
    }

    /// What its owner calls it, 1 to 120 characters.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// A note for its owner, at most 2,000 characters; may be empty.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// What its owner said about the business: the input of every generation.
    async fn brief(&self) -> Result<Brief> {
        let stored = serde_json::from_value(self.0.brief.clone()).map_err(Error::from)?;
        Ok(Brief(stored))
    }

    /// The plan: theme, menus, pages and their sections. Null until generateStructure or generateSite has planned it.
    async fn structure(&self) -> Result<Option<SiteStructure>> {
        let stored = self.0.structure.clone().map(serde_json::from_value).transpose();
        Ok(stored.map_err(Error::from)?)
    }

    /// Where it stands.
    async fn status(&self) -> BlueprintStatus {
        self.0.status.into()
    }

    /// Where it is meant to be served.
    async fn hosting_type(&self) -> HostingType {
        self.0.hosting_type.into()
    }

    /// Grows with each change; pass it as `expectedVersion` to change only what you have seen.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// All its pages in their order, at most 12 after a generation. Empty until it has been planned.
    async fn pages(&self, ctx: &Context<'_>) -> Result<Vec<PageBlueprint>> {
        ctx.loaders().pages_of(self.0.id).await
    }

    /// The page with this slug; null when there is none.
    async fn page(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page's slug; empty for the home page.")] slug: String,
    ) -> Result<Option<PageBlueprint>> {
        let pages = ctx.loaders().pages_of(self.0.id).await?;
        Ok(pages.into_iter().find(|page| page.0.slug == slug))
    }

    /// Its jobs, the newest first. At most 100 at a time.
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many entries from the start: 0 to 100, 20 when left out. Not together with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Begin behind this cursor of the same list.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end: 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor of the same list.")] before: Option<String>,
        #[graphql(desc = "Only some jobs.")] filter: Option<JobFilter>,
    ) -> Result<GenerationJobConnection> {
        let jobs = job::Entity::find()
            .filter(ctx.caller().jobs())
            .filter(job::Column::BlueprintId.eq(self.0.id));
        let jobs = filter.unwrap_or_default().apply(jobs);
        let args = PageArgs::new(first, after, last, before);
        let reader = ctx.app().db.reader();
        Ok(slice(reader, jobs, job::Column::Id, Order::Desc, &args, |row| row.id)
            .await?
            .into())
    }

    /// How good the whole site is, measured by counting: a score with its reasons. Computed when asked for.
    async fn quality(&self, ctx: &Context<'_>) -> Result<QualityReport> {
        quality::of_site(ctx, &self.0).await
    }

    /// Where the home page can be looked at, relative to this server: the site as a visitor would see it, also while it is
    /// being written. Needs the same credential as the API: a browser opens it with `?watch=` and a token of
    /// createWatchToken behind it.
    async fn preview_url(&self) -> String {
        preview_url(self.0.id, "")
    }

    /// Where `blueprintEvents` stands, read together with this site: query, then subscribe from here, and nothing is
    /// lost in between.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Cursor {
        let epoch = ctx.app().epoch.clone();
        Cursor(
            Place::Blueprint {
                epoch,
                id: self.0.id,
                seq: self.0.event_seq,
            }
            .encode(),
        )
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}

impl From<blueprint::Model> for SiteBlueprint {
    fn from(row: blueprint::Model) -> Self {
        SiteBlueprint(Arc::new(row))
    }
}

connection!(SiteBlueprintConnection SiteBlueprintEdge SiteBlueprint "the account's sites");

/// The path of a page's preview; the home page has no slug.
pub(super) fn preview_url(site: Uuid, slug: &str) -> String {
    let site = GlobalId::new(IdKind::Blueprint, site);
    if slug.is_empty() {
        format!("/preview/{site}")
    } else {
        format!("/preview/{site}/{slug}")
    }
}
