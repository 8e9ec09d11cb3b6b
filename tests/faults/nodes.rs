//! The nodes of a trial: processes that come and go at places that clients know.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;
use rustix::process::Signal;

use crate::support::process::{Process, Server};

/// Where a node runs, or ran.
pub struct Nodes(Vec<Place>);

struct Place {
    server: Mutex<Arc<Server>>,
    /// The trial ended it, and nobody has taken its place.
    is_empty: AtomicBool,
}

impl Nodes {
    pub fn new(servers: impl IntoIterator<Item = Server>) -> Nodes {
        let place = |server| Place {
            server: Mutex::new(Arc::new(server)),
            is_empty: AtomicBool::new(false),
        };
        Nodes(servers.into_iter().map(place).collect())
    }

    /// The node at this place, counted round and round; it may be gone.
    pub fn at(&self, place: usize) -> Arc<Server> {
        self.place(place).server.lock().clone()
    }

    fn place(&self, place: usize) -> &Place {
        &self.0[place % self.0.len()]
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Kills the node at this place, as by `kill -9`, and waits until it is gone.
    pub async fn kill(&self, place: usize) {
        self.leave(place, Signal::KILL).await;
    }

    /// Waits until the node at this place dies at the point that it was started with.
    pub async fn dies(&self, place: usize) {
        aborted(&self.at(place).process).await;
        self.place(place).is_empty.store(true, Relaxed);
    }

    /// Asks the node at this place for an orderly end and gets it.
    pub async fn end(&self, place: usize) {
        self.leave(place, Signal::TERM).await;
    }

    async fn leave(&self, place: usize, signal: Signal) {
        let node = self.at(place);
        self.place(place).is_empty.store(true, Relaxed);
        node.process.signal(signal);
        let ended = node.process.ended().await;
        let is_ours = match signal {
            Signal::KILL => ended.status.signal() == Some(signal.as_raw()),
            _ => ended.status.success(),
        };
        assert!(is_ours, "a node died by itself: {ended:?}");
    }

    /// Another node takes the place.
    pub fn put(&self, place: usize, server: Server) {
        let place = self.place(place);
        *place.server.lock() = Arc::new(server);
        place.is_empty.store(false, Relaxed);
    }

    /// Asks all for an orderly end and gets it: whom the trial did not end is alive.
    ///
    /// Seen to fail: with a node that a trial killed behind this list's back.
    pub async fn stop(&self) {
        for place in 0..self.count() {
            if !self.place(place).is_empty.load(Relaxed) {
                self.end(place).await;
            }
        }
    }
}

/// Waits until a process dies at its point, by `abort`, and of nothing else.
pub async fn aborted(process: &Process) {
    let ended = process.ended().await;
    assert_eq!(ended.status.signal(), Some(Signal::ABORT.as_raw()), "{ended:?}");
}
