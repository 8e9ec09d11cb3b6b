//! The number that changes with everything a wizard is shown: options and prices.
//!
//! A change raises it in its own transaction, first of all, so that the row's lock puts such changes one behind the
//! other. A price that begins at a set time changes what is shown without any write, so what is read adds the prices
//! that have begun. Each process knows the number without asking ([`Db::known_version`]): it asks at a short interval,
//! after its own changes, and when another process says that there is something new.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sea_orm::ConnectionTrait;

use super::{Db, execute, now, sql};
use crate::error::{Error, Result};

/// What this process knows of it; 0 before it has asked.
#[derive(Clone, Default)]
pub(super) struct Known(Arc<AtomicI64>);

/// Raises it, in the transaction of the change. The first statement of such a transaction.
pub async fn raise_version(transaction: &impl ConnectionTrait) -> Result<()> {
    let text = "UPDATE data_versions SET version = version + 1 WHERE name = 'builder'";
    match execute(transaction, text, []).await? {
        1 => Ok(()),
        _ => Err(Error::internal("the database has no data version")),
    }
}

impl Db {
    /// The number that this process knows, a moment old at most while its loops run.
    pub fn known_version(&self) -> i64 {
        self.known_version.0.load(Ordering::Acquire)
    }

    /// Asks the database, and knows it from then on.
    pub async fn version(&self) -> Result<i64> {
        let text = "SELECT version + (SELECT COUNT(*) FROM prices WHERE valid_from <= $1) AS version \
                    FROM data_versions WHERE name = 'builder'";
        let row = self
            .reader()
            .query_one_raw(sql(self.reader(), text, [now().into()]))
            .await?;
        let row = row.ok_or_else(|| Error::internal("the database has no data version"))?;
        let version: i64 = row.try_get("", "version")?;
        // Of two that ask at the same time the newer answer stays.
        self.known_version.0.fetch_max(version, Ordering::AcqRel);
        Ok(version)
    }
}
