//! The wizard's lists, kept in memory for two seconds.
//!
//! They change a few times a year and are asked for by every visitor, so a short life is all the
//! invalidation they need; what a running job pays is read in its own transaction, never from here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Context;
use parking_lot::Mutex;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::types::{BuilderMetadata, BuilderOption};
use crate::credits;
use crate::db::Db;
use crate::entities::{OptionKind, builder_option};
use crate::error::Result;
use crate::graphql::context::Reach;
use crate::graphql::credits::Price;

const LIFE: Duration = Duration::from_secs(2);

#[derive(Clone, Default)]
pub struct MetadataCache(Arc<Mutex<Option<(Instant, BuilderMetadata)>>>);

impl MetadataCache {
    pub async fn get(&self, db: &Db) -> Result<BuilderMetadata> {
        if let Some((read_at, metadata)) = &*self.0.lock()
            && read_at.elapsed() < LIFE
        {
            return Ok(metadata.clone());
        }
        // Several may read at once when it has expired: cheaper than making all of them wait for one.
        let metadata = read(db).await?;
        *self.0.lock() = Some((Instant::now(), metadata.clone()));
        Ok(metadata)
    }
}

async fn read(db: &Db) -> Result<BuilderMetadata> {
    let options = builder_option::Entity::find()
        .filter(builder_option::Column::IsActive.eq(true))
        .order_by_asc(builder_option::Column::Position)
        .order_by_asc(builder_option::Column::Id)
        .all(db.reader())
        .await?;
    let prices = credits::price_rows(db.reader()).await?;
    let options: Vec<BuilderOption> = options.into_iter().map(BuilderOption::from).collect();
    let of = |kind: OptionKind| -> Vec<BuilderOption> {
        options.iter().filter(|option| option.0.kind == kind).cloned().collect()
    };
    Ok(BuilderMetadata {
        business_types: of(OptionKind::BusinessType),
        audience_profiles: of(OptionKind::AudienceProfile),
        brand_personalities: of(OptionKind::BrandPersonality),
        hero_imagery_directions: of(OptionKind::HeroImageryDirection),
        prices: prices.into_iter().map(Price::from).collect(),
    })
}

/// A present price by its id.
pub async fn price(ctx: &Context<'_>, id: Uuid) -> async_graphql::Result<Option<Price>> {
    let metadata = ctx.data_unchecked::<MetadataCache>().get(&ctx.app().db).await?;
    Ok(metadata.prices.into_iter().find(|price| price.0.id == id))
}
