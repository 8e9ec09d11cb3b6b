//! What the nodes tell each other of budgets, through Redis and after the fact.
//!
//! A request never waits for it. What was spent here is added up there, together with what others added, and the answer
//! is how far the budget of all is drawn; until the next one this node goes on from there. What cannot be told is
//! dropped: without Redis each node keeps its own budgets, which are as large.

use std::time::Duration;

use super::bucket::Buckets;
use super::{Limits, Wait};
use crate::redis::Redis;

/// What is spent within this time is told together.
const TOGETHER: Duration = Duration::from_millis(50);
/// Budgets in one message.
const BATCH: usize = 500;

/// Tells and hears; never ends.
pub async fn share(limits: Limits, redis: Option<Redis>) {
    let Some(redis) = redis else {
        return std::future::pending().await;
    };
    let pools = [limits.0.costs.as_ref(), limits.0.requests.as_ref()];
    let [costs, requests] = pools.map(|pool| tell(pool, &redis));
    tokio::join!(costs, requests);
}

async fn tell(buckets: Option<&Buckets>, redis: &Redis) {
    let Some(buckets) = buckets else {
        return std::future::pending().await;
    };
    loop {
        buckets.spent.notified().await;
        tokio::time::sleep(TOGETHER).await;
        let spent = buckets.take_spent();
        for spent in spent.chunks(BATCH) {
            let told = spent.iter().map(|spent| {
                let name = format!("{}{:x}", spent.key.kind, spent.key.id);
                (name, spent.time)
            });
            let Ok(full_in) = redis.spend(told.collect()).await else {
                break;
            };
            for (spent, full_in) in spent.iter().zip(full_in) {
                buckets.heard(spent.key, full_in);
            }
        }
    }
}

impl Wait {
    /// In whole seconds, for the header: never 0.
    pub fn seconds(self) -> u64 {
        self.0.as_millis().div_ceil(1_000).max(1).try_into().unwrap_or(u64::MAX)
    }
}
