//! The keys behind connections that stay open: a revoked or expired one ends all of them.
//!
//! One question for all keys of the process at a time, however many connections show them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::auth::{self, Caller};
use crate::db::Db;

/// Ids in one query; databases limit the number of parameters.
const BATCH: usize = 500;

#[derive(Clone, Default)]
pub struct Keys(Arc<Mutex<HashMap<Uuid, Shown>>>);

/// A key that open connections have shown.
struct Shown {
    connections: usize,
    is_gone: CancellationToken,
}

impl Keys {
    /// Keeps an eye on the caller's key for as long as the result lives.
    pub fn watch(&self, caller: &Caller) -> Watched {
        let Some(id) = caller.api_key() else {
            return Watched(None);
        };
        let mut keys = self.0.lock();
        let shown = keys.entry(id).or_insert_with(|| Shown {
            connections: 0,
            is_gone: CancellationToken::new(),
        });
        shown.connections += 1;
        Watched(Some(Held {
            keys: self.clone(),
            id,
            is_gone: shown.is_gone.clone(),
        }))
    }

    /// Asks again and again; never ends.
    pub async fn look_after(&self, db: &Db, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let ids: Vec<Uuid> = self.0.lock().keys().copied().collect();
            for ids in ids.chunks(BATCH) {
                match auth::gone_among(db, ids).await {
                    Ok(gone) => self.end(&gone),
                    // A database that does not answer is no reason to send everybody away.
                    Err(error) => tracing::warn!(cause = error.cause(), "keys in use could not be looked at"),
                }
            }
        }
    }

    fn end(&self, gone: &[Uuid]) {
        let keys = self.0.lock();
        for shown in gone.iter().filter_map(|id| keys.get(id)) {
            shown.is_gone.cancel();
        }
    }
}

/// A connection's hold on its key; nothing to hold on a server without keys.
pub struct Watched(Option<Held>);

struct Held {
    keys: Keys,
    id: Uuid,
    is_gone: CancellationToken,
}

impl Watched {
    /// Resolves when the key is no longer good.
    pub async fn gone(&self) {
        match &self.0 {
            Some(held) => held.is_gone.cancelled().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut keys = self.keys.0.lock();
        let Some(shown) = keys.get_mut(&self.id) else { return };
        shown.connections -= 1;
        if shown.connections == 0 {
            keys.remove(&self.id);
        }
    }
}
