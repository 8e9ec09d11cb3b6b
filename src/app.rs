//! The handles that everybody shares. Made once by [`boot`](crate::boot); cheap to clone.

use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::ai::{self, Provider};
use crate::config::Config;
use crate::db::Db;
use crate::events::{Bus, Feeds};
use crate::jobs::Engine;
use crate::redis::Redis;

#[derive(Clone)]
pub struct App(Arc<Inner>);

pub struct Inner {
    pub config: Config,
    pub db: Db,
    pub bus: Bus,
    /// None when this process goes without.
    pub redis: Option<Redis>,
    pub feeds: Feeds,
    pub ai: Provider,
    /// Accounts of ended calls, until the loop that writes them takes them.
    pub calls: Mutex<Option<Receiver<ai::Call>>>,
    pub engine: Engine,
    /// Names this life of the database: cursors of another are answered by a snapshot.
    pub epoch: String,
    /// Whose everything is when no key is asked for.
    pub local_account: Uuid,
    /// Cancelled when the process is told to end.
    pub shutdown: CancellationToken,
    /// Cancelled when this process has nothing more to tell the others.
    pub hang_up: CancellationToken,
    /// Every task that must have ended before the process does.
    pub tasks: TaskTracker,
    /// The tasks that talk to other processes; they end after all others, with `hang_up`.
    pub links: TaskTracker,
}

impl App {
    pub fn new(inner: Inner) -> Self {
        App(Arc::new(inner))
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
