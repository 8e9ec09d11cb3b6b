//! How each process gets to know that options or prices changed: from itself, through Redis, or by asking.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::Db;
use crate::redis::{Message, Redis};

/// The doorbell of these changes.
const BELL: &str = "builder";

/// The number that changes with the options and prices, as this process knows it. Costs nothing; what is made from
/// options and prices at one number is good for as long as the number stays.
pub fn version(db: &Db) -> i64 {
    db.known_version()
}

/// Tells this process, and the others, that a change was committed. This process knows it when this returns.
pub async fn changed(db: &Db, redis: Option<&Redis>) {
    if let Err(error) = db.version().await {
        tracing::warn!(
            cause = error.cause(),
            "the data version could not be read; it is asked for again"
        );
    }
    if let Some(redis) = redis.cloned() {
        // Nobody waits for Redis: who misses it asks the database.
        tokio::spawn(async move { redis.publish(BELL, String::new()).await });
    }
}

/// Asks the database again and again, and at once when another process rings. Ends with `stop`.
pub async fn keep(db: Db, redis: Option<Redis>, every: Duration, stop: CancellationToken) {
    let mut messages = redis.as_ref().map(Redis::messages);
    if let Some(redis) = &redis {
        let _ = redis.subscribe(&[BELL.to_string()]).await;
    }
    loop {
        let rung = async {
            match &mut messages {
                Some(messages) => loop {
                    match messages.next().await {
                        Message::Bell { channel, .. } if channel == BELL => return false,
                        Message::Bell { .. } => {}
                        Message::Missed => return true,
                    }
                },
                None => std::future::pending().await,
            }
        };
        let is_new_connection = tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => false,
            is_new = rung => is_new,
        };
        if let Some(redis) = redis.as_ref().filter(|_| is_new_connection) {
            let _ = redis.subscribe(&[BELL.to_string()]).await;
        }
        if let Err(error) = db.version().await {
            tracing::debug!(cause = error.cause(), "the data version could not be read");
        }
    }
}
