//! The credentials behind connections that stay open: one that is revoked or expires ends all of them.
//!
//! One question for all credentials of the process at a time, however many connections show them: every so often, and at
//! once when this process or another tells that one was ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::auth::{self, Caller, Credential};
use crate::db::{self, Db};
use crate::error::Instant;
use crate::events::Bus;

/// Credentials in one query; databases limit the number of parameters.
const BATCH: usize = 500;

/// Tokens of one person differ by their end.
type Name = (Credential, Option<Instant>);

#[derive(Clone, Default)]
pub struct Keys(Arc<Mutex<HashMap<Name, Shown>>>);

/// A credential that open connections have shown.
struct Shown {
    connections: usize,
    is_gone: CancellationToken,
}

impl Keys {
    /// Keeps an eye on the caller's credential for as long as the result lives.
    pub fn watch(&self, caller: &Caller) -> Watched {
        if caller.credential == Credential::Local {
            return Watched(None);
        }
        let name = (caller.credential.clone(), caller.until);
        let mut keys = self.0.lock();
        let shown = keys.entry(name.clone()).or_insert_with(|| Shown {
            connections: 0,
            is_gone: CancellationToken::new(),
        });
        shown.connections += 1;
        Watched(Some(Held {
            keys: self.clone(),
            name,
            is_gone: shown.is_gone.clone(),
        }))
    }

    /// Asks again and again; never ends.
    pub async fn look_after(&self, db: &Db, bus: &Bus, every: Duration) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.pause(every)) => {}
                () = bus.access() => {}
            }
            let now = db::now();
            self.end(|(_, until)| until.is_some_and(|until| until <= now));
            let shown: Vec<Credential> = self.0.lock().keys().map(|(credential, _)| credential.clone()).collect();
            for some in shown.chunks(BATCH) {
                match auth::gone_among(db, some).await {
                    Ok(gone) => self.end(|(credential, _)| gone.contains(credential)),
                    // A database that does not answer is no reason to send everybody away.
                    Err(error) => tracing::warn!(cause = error.cause(), "keys in use could not be looked at"),
                }
            }
        }
    }

    /// Until the next look: not beyond the moment at which the next credential ends.
    fn pause(&self, every: Duration) -> Duration {
        let now = db::now();
        let keys = self.0.lock();
        let live = keys.iter().filter(|(_, shown)| !shown.is_gone.is_cancelled());
        let next = live.filter_map(|((_, until), _)| *until).min();
        let left = next.map(|until| (until - now).to_std().unwrap_or_default());
        left.map_or(every, |left| left.min(every))
    }

    fn end(&self, is_gone: impl Fn(&Name) -> bool) {
        let keys = self.0.lock();
        for (_, shown) in keys.iter().filter(|(name, _)| is_gone(name)) {
            shown.is_gone.cancel();
        }
    }
}

/// A connection's hold on its credential; nothing to hold on a server without keys.
pub struct Watched(Option<Held>);

struct Held {
    keys: Keys,
    name: Name,
    is_gone: CancellationToken,
}

impl Watched {
    /// Resolves when the credential is no longer good.
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
        let Some(shown) = keys.get_mut(&self.name) else { return };
        shown.connections -= 1;
        if shown.connections == 0 {
            keys.remove(&self.name);
        }
    }
}
