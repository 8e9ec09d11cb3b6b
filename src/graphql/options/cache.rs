//! The wizard's lists, kept in memory until they change.
//!
//! They change a few times a year and are asked for by every visitor. What is kept goes with the data version; what a
//! running job pays is read in its own transaction, never from here.

use std::sync::Arc;

use async_graphql::Context;
use parking_lot::Mutex;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::types::{BuilderMetadata, BuilderOption};
use crate::db::Db;
use crate::entities::{OptionKind, builder_option, price};
use crate::error::Result;
use crate::graphql::context::Reach;
use crate::graphql::credits::Price;
use crate::{credits, options};

#[derive(Clone, Default)]
pub struct MetadataCache(Arc<Mutex<Option<Kept>>>);

struct Kept {
    version: i64,
    metadata: BuilderMetadata,
}

impl MetadataCache {
    pub async fn get(&self, db: &Db) -> Result<BuilderMetadata> {
        // Before reading: what is read is this version or a later one.
        let version = options::version(db);
        if let Some(kept) = &*self.0.lock()
            && kept.version == version
        {
            return Ok(kept.metadata.clone());
        }
        // Several may read at once when it has expired: cheaper than making all of them wait for one.
        let metadata = read(db).await?;
        *self.0.lock() = Some(Kept {
            version,
            metadata: metadata.clone(),
        });
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

/// A price by its id. Past ones and those to come are public too: it takes an id to ask.
pub async fn price(ctx: &Context<'_>, id: Uuid) -> async_graphql::Result<Option<Price>> {
    let row = price::Entity::find_by_id(id).one(ctx.app().db.reader()).await;
    Ok(row.map_err(crate::error::Error::from)?.map(Price::from))
}
