//! Reading jobs, and asking what a start would cost.

use async_graphql::{Context, ID, Object, Result};
use sea_orm::{EntityTrait, Order, QueryFilter};

use super::inputs::{JobFilter, QuoteInput};
use super::quote::{Quote, request};
use super::types::{GenerationJob, GenerationJobConnection};
use crate::entities::job;
use crate::generation;
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::paging::{PageArgs, slice};
use crate::ids::IdKind;

#[derive(Default)]
pub struct JobQueries;

#[Object]
impl JobQueries {
    /// The job with this id; null when there is none or it is not yours.
    async fn job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's global id.")] id: ID,
    ) -> Result<Option<GenerationJob>> {
        match node::of_kind(IdKind::Job, &id) {
            Some(id) => ctx.loaders().job(id).await,
            None => Ok(None),
        }
    }

    /// The account's jobs, the newest first. At most 100 at a time.
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
        let jobs = job::Entity::find().filter(ctx.caller().jobs());
        let jobs = filter.unwrap_or_default().apply(jobs);
        let args = PageArgs::new(first, after, last, before);
        let reader = ctx.app().db.reader();
        Ok(slice(reader, jobs, job::Column::Id, Order::Desc, &args, |row| row.id)
            .await?
            .into())
    }

    /// What a start would cost now, item by item, and whether the available credits cover it. It starts nothing. An id
    /// that names nothing of yours is a top-level error NOT_FOUND.
    async fn quote(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The start to price.")] input: QuoteInput,
    ) -> Result<Quote> {
        let asked = request(input).map_err(crate::error::Error::from)?;
        Ok(generation::quote(ctx.app(), ctx.caller().account, asked).await?.into())
    }
}
