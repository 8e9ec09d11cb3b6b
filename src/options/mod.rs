//! What a wizard offers: four lists, seeded at the start and kept by the operator afterwards.
//!
//! Seeding adds what is missing by its stable key and changes nothing that exists, so a renamed or
//! deactivated option stays as the operator left it.

mod fresh;
mod save;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder};
use serde::Deserialize;

use crate::db::{Db, now, raise_version};
use crate::entities::{OptionKind, builder_option};
use crate::error::{Error, Result};
use crate::ids::new_id;
pub use fresh::{changed, keep, version};
pub use save::{Change, save};

const SEEDS: [(OptionKind, &str); 4] = [
    (OptionKind::BusinessType, include_str!("seeds/business_types.toml")),
    (
        OptionKind::AudienceProfile,
        include_str!("seeds/audience_profiles.toml"),
    ),
    (
        OptionKind::BrandPersonality,
        include_str!("seeds/brand_personalities.toml"),
    ),
    (
        OptionKind::HeroImageryDirection,
        include_str!("seeds/hero_imagery_directions.toml"),
    ),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedFile {
    option: Vec<Seed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    key: String,
    name: String,
    description: String,
}

/// Adds the options that are missing; several starters may try at once.
pub async fn seed(db: &Db) -> Result<()> {
    let tx = db.write().await?;
    let mut added = 0;
    for (kind, text) in SEEDS {
        let rows = read(text)?
            .into_iter()
            .enumerate()
            .map(|(position, seed)| builder_option::ActiveModel {
                id: Set(new_id()),
                kind: Set(kind),
                key: Set(seed.key),
                name: Set(seed.name),
                description: Set(seed.description),
                is_active: Set(true),
                position: Set(i32::try_from(position).unwrap_or(i32::MAX)),
                created_at: Set(now()),
                updated_at: Set(now()),
            });
        let columns = [builder_option::Column::Kind, builder_option::Column::Key];
        let ignore = OnConflict::columns(columns).do_nothing().to_owned();
        added += builder_option::Entity::insert_many(rows)
            .on_conflict(ignore)
            .exec_without_returning(&tx)
            .await?;
    }
    if added > 0 {
        raise_version(&tx).await?;
    }
    Ok(tx.commit().await?)
}

fn read(text: &str) -> Result<Vec<Seed>> {
    let file: SeedFile =
        toml::from_str(text).map_err(|cause| Error::internal(format!("a list of options is broken: {cause}")))?;
    Ok(file.option)
}

/// Every option, active or not, in the order of its list.
pub async fn all(connection: &impl ConnectionTrait) -> Result<Vec<builder_option::Model>> {
    let query = builder_option::Entity::find().order_by_asc(builder_option::Column::Kind);
    Ok(query
        .order_by_asc(builder_option::Column::Position)
        .order_by_asc(builder_option::Column::Id)
        .all(connection)
        .await?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_lists_are_long_enough_and_each_option_has_a_key_and_a_description() {
        let least = [30, 15, 15, 12];
        for ((kind, text), least) in SEEDS.into_iter().zip(least) {
            let seeds = read(text).unwrap();
            assert!(seeds.len() >= least, "{kind:?} has {}", seeds.len());
            let keys: HashSet<&str> = seeds.iter().map(|seed| seed.key.as_str()).collect();
            assert_eq!(keys.len(), seeds.len(), "{kind:?} repeats a key");
            for seed in &seeds {
                assert!(seed.description.len() > 20 && !seed.name.is_empty(), "{}", seed.key);
            }
        }
    }
}
