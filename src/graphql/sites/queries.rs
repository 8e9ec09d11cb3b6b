//! Reading sites and pages.

use async_graphql::{Context, ID, Object, Result};
use sea_orm::{EntityTrait, QueryFilter};

use super::blueprint::{SiteBlueprint, SiteBlueprintConnection};
use super::inputs::{BlueprintFilter, BlueprintOrder};
use super::page::PageBlueprint;
use crate::entities::blueprint;
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::paging::{PageArgs, slice};
use crate::ids::IdKind;

#[derive(Default)]
pub struct SiteQueries;

#[Object]
impl SiteQueries {
    /// The site with this id; null when there is none or it is not yours.
    async fn blueprint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The site's global id.")] id: ID,
    ) -> Result<Option<SiteBlueprint>> {
        match node::of_kind(IdKind::Blueprint, &id) {
            Some(id) => ctx.loaders().blueprint(id).await,
            None => Ok(None),
        }
    }

    /// The account's sites. At most 100 at a time.
    #[allow(clippy::too_many_arguments)] // The arguments of the field.
    async fn blueprints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many entries from the start: 0 to 100, 20 when left out. Not together with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Begin behind this cursor of the same list.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end: 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor of the same list.")] before: Option<String>,
        #[graphql(desc = "Only some sites.")] filter: Option<BlueprintFilter>,
        #[graphql(desc = "In which order; the newest first when left out.")] order_by: Option<BlueprintOrder>,
    ) -> Result<SiteBlueprintConnection> {
        let sites = filter
            .unwrap_or_default()
            .apply(blueprint::Entity::find().filter(ctx.caller().sites()));
        let args = PageArgs::new(first, after, last, before);
        let order = order_by.unwrap_or_default().direction();
        let reader = ctx.app().db.reader();
        Ok(slice(reader, sites, blueprint::Column::Id, order, &args, |row| row.id)
            .await?
            .into())
    }

    /// The page with this id; null when there is none or it is not yours.
    async fn page(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The page's global id.")] id: ID,
    ) -> Result<Option<PageBlueprint>> {
        match node::of_kind(IdKind::Page, &id) {
            Some(id) => ctx.loaders().page(id).await,
            None => Ok(None),
        }
    }
}
