//! Asking for the wizard's lists.

use async_graphql::{Context, Object, Result};

use super::cache::MetadataCache;
use super::types::BuilderMetadata;
use crate::graphql::context::Reach;

#[derive(Default)]
pub struct OptionQueries;

#[Object]
impl OptionQueries {
    /// Every list that a wizard needs and the present prices, in one cheap request.
    async fn builder_metadata(&self, ctx: &Context<'_>) -> Result<BuilderMetadata> {
        let cache = ctx.data_unchecked::<MetadataCache>();
        Ok(cache.get(&ctx.app().db).await?)
    }
}
