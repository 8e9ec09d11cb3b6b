//! The list of running tasks: each process tells what it runs, and its telling expires with it.
//!
//! One value a process, replaced whole: a list that is kept up to date by adding and removing goes wrong with the first
//! process that dies in between.

use std::time::Duration;

use fred::interfaces::{KeysInterface, SortedSetsInterface};
use fred::types::Expiration;

use super::link::{Down, Redis};

impl Redis {
    /// Replaces what a process tells of itself; it is forgotten after `ttl`.
    pub async fn tell(&self, worker: &str, text: String, seen_ms: i64, ttl: Duration) -> Result<(), Down> {
        let (index, key, worker) = (self.index(), self.worker_key(worker), worker.to_string());
        let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        self.ask(async move |client| {
            let expires = Some(Expiration::PX(ttl));
            client.set::<(), _, _>(key, text, expires, None, false).await?;
            // Members that nobody renews go with the whole set, or with the next reader.
            client
                .zadd::<(), _, _>(index.clone(), None, None, false, false, (seen_ms as f64, worker))
                .await?;
            client.pexpire::<(), _>(index, ttl.max(60_000), None).await
        })
        .await
    }

    /// Takes a process off the list.
    pub async fn tell_nothing(&self, worker: &str) -> Result<(), Down> {
        let (index, key, worker) = (self.index(), self.worker_key(worker), worker.to_string());
        self.ask(async move |client| {
            client.del::<(), _>(key).await?;
            client.zrem::<(), _, _>(index, worker).await
        })
        .await
    }

    /// What every living process told last.
    pub async fn told(&self) -> Result<Vec<String>, Down> {
        let (redis, index) = (self.clone(), self.index());
        self.ask(async move |client| {
            let workers: Vec<String> = client.zrange(index.clone(), 0, -1, None, false, None, false).await?;
            let mut all = Vec::with_capacity(workers.len());
            for worker in workers {
                match client.get::<Option<String>, _>(redis.worker_key(&worker)).await? {
                    Some(text) => all.push(text),
                    None => client.zrem::<(), _, _>(index.clone(), worker).await?,
                }
            }
            Ok(all)
        })
        .await
    }

    fn index(&self) -> String {
        self.key("{tasks}:workers")
    }

    fn worker_key(&self, worker: &str) -> String {
        self.key(&format!("{{tasks}}:{worker}"))
    }
}
