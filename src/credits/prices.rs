//! Prices are data with a validity interval; a job keeps the price it was started at.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};

use crate::db::{Db, execute, now, raise_version};
use crate::entities::{PriceKind, price};
use crate::error::{Error, Instant, Refusal, Result};
use crate::ids::new_id;

/// What starts cost now, in credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    pub structure: i64,
    pub page: i64,
    pub block: i64,
}

/// The largest price, as the table has it.
const MAX_PRICE: i64 = 1_000_000;

const SEEDS: [(PriceKind, i64); 3] = [(PriceKind::Structure, 50), (PriceKind::Page, 20), (PriceKind::Block, 5)];

/// The price rows that are valid now, one a kind.
pub async fn price_rows(connection: &impl ConnectionTrait) -> Result<Vec<price::Model>> {
    let now = now();
    let query = price::Entity::find().filter(price::Column::ValidFrom.lte(now)).filter(
        Condition::any()
            .add(price::Column::ValidTo.is_null())
            .add(price::Column::ValidTo.gt(now)),
    );
    let rows = query.order_by_desc(price::Column::ValidFrom).all(connection).await?;
    let newest = |kind: &PriceKind| rows.iter().find(|row| row.kind == *kind).cloned();
    Ok(PriceKind::ALL.iter().filter_map(newest).collect())
}

pub async fn prices(connection: &impl ConnectionTrait) -> Result<Prices> {
    let rows = price_rows(connection).await?;
    let amount = |kind: PriceKind| {
        let row = rows.iter().find(|row| row.kind == kind);
        row.map(|row| row.amount)
            .ok_or_else(|| Error::internal(format!("there is no price for {}", kind.as_str())))
    };
    Ok(Prices {
        structure: amount(PriceKind::Structure)?,
        page: amount(PriceKind::Page)?,
        block: amount(PriceKind::Block)?,
    })
}

/// Sets a new price from a moment on, now when none is given. It holds until another is set: what had been set for later is
/// dropped. Jobs keep the price that they started with.
pub async fn set_price(db: &Db, kind: PriceKind, amount: i64, from: Option<Instant>) -> Result<price::Model> {
    if !(0..=MAX_PRICE).contains(&amount) {
        let message = format!("A price is from 0 to {MAX_PRICE} credits.");
        return Err(Refusal::invalid(&["amount"], "RANGE", message).into());
    }
    let tx = db.write().await?;
    raise_version(&tx).await?;
    let present = now();
    if from.is_some_and(|from| from < present) {
        let message = "A price begins now or later: what was charged stays. Leave `validFrom` out for now.";
        return Err(Refusal::invalid(&["validFrom"], "IN_THE_PAST", message).into());
    }
    let from = from.unwrap_or(present);
    let later = price::Entity::delete_many()
        .filter(price::Column::Kind.eq(kind))
        .filter(price::Column::ValidFrom.gte(from));
    later.exec(&tx).await?;
    let text = "UPDATE prices SET valid_to = $2 WHERE kind = $1 AND (valid_to IS NULL OR valid_to > $2)";
    execute(&tx, text, [kind.as_str().into(), from.into()]).await?;
    let row = price::ActiveModel {
        id: Set(new_id()),
        kind: Set(kind),
        amount: Set(amount),
        valid_from: Set(from),
        valid_to: Set(None),
    };
    let row = row.insert(&tx).await?;
    tx.commit().await?;
    Ok(row)
}

/// Gives every kind without any price its first one; several starters may try at once.
pub async fn seed_prices(db: &Db) -> Result<()> {
    let tx = db.write().await?;
    let known = price::Entity::find().all(&tx).await?;
    let missing: Vec<price::ActiveModel> = SEEDS
        .into_iter()
        .filter(|(kind, _)| !known.iter().any(|row| row.kind == *kind))
        .map(|(kind, amount)| price::ActiveModel {
            id: Set(new_id()),
            kind: Set(kind),
            amount: Set(amount),
            valid_from: Set(now()),
            valid_to: Set(None),
        })
        .collect();
    if !missing.is_empty() {
        let ignore = OnConflict::new().do_nothing().to_owned();
        price::Entity::insert_many(missing)
            .on_conflict(ignore)
            .exec_without_returning(&tx)
            .await?;
        raise_version(&tx).await?;
    }
    Ok(tx.commit().await?)
}
