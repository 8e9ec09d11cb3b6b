//! Reading and locking job rows.

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::db::sql;
use crate::entities::job;
use crate::error::Result;
use crate::events::Unit;

/// A job and, locked before it, its parent.
pub struct Locked {
    pub parent: Option<job::Model>,
    pub job: job::Model,
}

/// Locks a job for a transition that may end it: the parent first, always.
///
/// Without that order two last children that end together each see the other open, and the parent runs
/// for ever.
pub async fn lock(unit: &Unit, id: Uuid, parent: Option<Uuid>) -> Result<Option<Locked>> {
    let parent = match parent {
        Some(parent) => lock_one(unit, parent).await?,
        None => None,
    };
    Ok(lock_one(unit, id).await?.map(|job| Locked { parent, job }))
}

pub async fn lock_one(unit: &Unit, id: Uuid) -> Result<Option<job::Model>> {
    one(unit, "SELECT * FROM jobs WHERE id = $1 {lock}", [id.into()]).await
}

/// The row of a guarded statement, or none when its guard did not hold.
pub async fn one(
    unit: &Unit,
    text: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Result<Option<job::Model>> {
    let row = unit.tx.query_one_raw(sql(&unit.tx, text, values)).await?;
    Ok(row.map(|row| job::Model::from_query_result(&row, "")).transpose()?)
}
