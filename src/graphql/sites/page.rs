//! A page of a site.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};

use super::block::Block;
use super::blueprint::SiteBlueprint;
use super::quality::{self, QualityReport};
use crate::entities::page;
use crate::error::Error;
use crate::graphql::context::Reach;
use crate::graphql::jobs::GenerationJob;
use crate::graphql::scalars::DateTime;
use crate::graphql::{guard, node};
use crate::ids::IdKind;
use crate::sites::structure::{PageType, Seo};

/// Where a page stands.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::PageStatus")]
pub enum PageStatus {
    /// It is planned: generatePage writes it.
    Draft,
    /// A job is writing it.
    Generating,
    /// All its blocks have content.
    Ready,
    /// The last job that was to write it failed: see that job's `error`, then start another.
    Failed,
}

/// A page of a site.
#[derive(Clone)]
pub struct PageBlueprint(pub Arc<page::Model>);

/// A page of a site.
#[Object]
impl PageBlueprint {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::Page, self.0.id)
    }

    /// The site it belongs to; FORBIDDEN for a watch token of a job, which does not reach the site.
    async fn blueprint(&self, ctx: &Context<'_>) -> Result<SiteBlueprint> {
        let id = self.0.blueprint_id;
        let blueprint = ctx.loaders().blueprint(id).await?;
        if !ctx.caller().reaches_site(id) {
            return Err(guard::out_of_reach("the page's site"));
        }
        blueprint.ok_or_else(|| Error::internal(format!("the blueprint {id} of a page is gone")).into())
    }

    /// Its place in the address: lower-case kebab, unique in the site; empty for the home page.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Its name in menus.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What it is for.
    #[graphql(name = "type")]
    async fn page_type(&self) -> PageType {
        PageType::parse(&self.0.page_type.to_uppercase()).unwrap_or_default()
    }

    /// What search engines show.
    async fn seo(&self) -> Seo {
        Seo {
            title: self.0.seo_title.clone(),
            description: self.0.seo_description.clone(),
        }
    }

    /// Where it stands.
    async fn status(&self) -> PageStatus {
        self.0.status.into()
    }

    /// Its place among the site's pages, from 0; of equal places the id decides.
    async fn order(&self) -> i32 {
        self.0.position
    }

    /// Whether the site's plan has it. A page that an earlier plan had and that has content outlives a new plan: it stands
    /// behind the others, in exports and previews too, and no menu of the plan leads to it. FORBIDDEN for a watch token of a
    /// job, which does not reach the site.
    async fn is_planned(&self, ctx: &Context<'_>) -> Result<bool> {
        let id = self.0.blueprint_id;
        if !ctx.caller().reaches_site(id) {
            return Err(guard::out_of_reach("whether the site's plan has this page"));
        }
        let site = ctx.loaders().blueprint(id).await?;
        let site = site.ok_or_else(|| Error::internal(format!("the blueprint {id} of a page is gone")))?;
        let pages = site.0.structure.as_ref().and_then(|plan| plan["pages"].as_array());
        Ok(pages.is_some_and(|pages| pages.iter().any(|page| page["slug"] == self.0.slug)))
    }

    /// Its sections from top to bottom, the planned ones included.
    async fn blocks(&self, ctx: &Context<'_>) -> Result<Vec<Block>> {
        ctx.loaders().blocks_of(self.0.id).await
    }

    /// How good it is, measured by counting, against its whole site: a score with its reasons. Computed when asked for;
    /// FORBIDDEN for a watch token of a job, which does not reach the site.
    async fn quality(&self, ctx: &Context<'_>) -> Result<QualityReport> {
        quality::of_page(ctx, &self.0).await
    }

    /// Where the page can be looked at, relative to this server, also while it is being written. Needs the same credential
    /// as the API: a browser opens it with `?watch=` and a token of createWatchToken behind it.
    async fn preview_url(&self) -> String {
        super::blueprint::preview_url(self.0.blueprint_id, &self.0.slug)
    }

    /// The job that is at work on it, queued or running; null when there is none.
    async fn active_job(&self, ctx: &Context<'_>) -> Result<Option<GenerationJob>> {
        ctx.loaders().active_on(self.0.id).await
    }

    /// Grows with each change; of two readings the one with the higher version is the newer.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}
