//! How each process gets to know that options or prices changed: from itself, through Redis, or by asking.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::Db;
use crate::events::{Bus, Notice};

/// The number that changes with the options and prices, as this process knows it. Costs nothing; what is made from
/// options and prices at one number is good for as long as the number stays.
pub fn version(db: &Db) -> i64 {
    db.known_version()
}

/// Tells this process, and the others, that a change was committed. This process knows it when this returns.
pub async fn changed(db: &Db, bus: &Bus) {
    if let Err(error) = db.version().await {
        tracing::warn!(
            cause = error.cause(),
            "the data version could not be read; it is asked for again"
        );
    }
    bus.publish(Notice::Builder);
}

/// Asks the database again and again, and at once when there is something new. Ends with `stop`.
pub async fn keep(db: Db, bus: Bus, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
            () = bus.builder() => {}
        }
        if let Err(error) = db.version().await {
            tracing::debug!(cause = error.cause(), "the data version could not be read");
        }
    }
}
