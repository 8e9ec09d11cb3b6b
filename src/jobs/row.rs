//! Reading and locking job rows.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::db::{marks, rows, sql};
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

/// The same for several jobs, in one transaction; none when one of them is gone. They come back in the order of `jobs`.
pub async fn lock_all(unit: &Unit, jobs: &[(Uuid, Option<Uuid>)]) -> Result<Option<Vec<Locked>>> {
    if let [(id, parent)] = jobs {
        return Ok(lock(unit, *id, *parent).await?.map(|locked| vec![locked]));
    }
    let parents = lock_many(unit, jobs.iter().filter_map(|(_, parent)| *parent).collect()).await?;
    let mut rows = lock_many(unit, jobs.iter().map(|(id, _)| *id).collect()).await?;
    let locked = jobs.iter().map(|(id, parent)| {
        let parent = parent.and_then(|parent| parents.get(&parent).cloned());
        Some(Locked {
            parent,
            job: rows.remove(id)?,
        })
    });
    Ok(locked.collect())
}

/// Locks rows in the order of their ids.
async fn lock_many(unit: &Unit, ids: BTreeSet<Uuid>) -> Result<HashMap<Uuid, job::Model>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "SELECT * FROM jobs WHERE id IN ({}) ORDER BY id {{lock}}",
        marks(1, ids.len())
    );
    let mut locked = HashMap::with_capacity(ids.len());
    for job in many(unit, &text, ids.into_iter().map(Into::into)).await? {
        locked.insert(job.id, job);
    }
    Ok(locked)
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

/// The rows of a guarded statement for several jobs, in no order.
pub async fn many(
    unit: &Unit,
    text: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Result<Vec<job::Model>> {
    let rows = rows(&unit.tx, text, values).await?;
    let jobs = rows.iter().map(|row| job::Model::from_query_result(row, ""));
    Ok(jobs.collect::<std::result::Result<_, _>>()?)
}
