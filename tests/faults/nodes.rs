//! The nodes of a trial: processes that come and go at places that clients know.

use std::sync::Arc;

use parking_lot::Mutex;
use rustix::process::Signal;

use crate::support::process::Server;

/// Where a node runs, or ran.
pub struct Nodes(Vec<Mutex<Arc<Server>>>);

impl Nodes {
    pub fn new(servers: impl IntoIterator<Item = Server>) -> Nodes {
        Nodes(servers.into_iter().map(|server| Mutex::new(Arc::new(server))).collect())
    }

    /// The node at this place, counted round and round; it may be gone.
    pub fn at(&self, place: usize) -> Arc<Server> {
        self.0[place % self.0.len()].lock().clone()
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Kills the node at this place, as by `kill -9`, and waits until it is gone.
    pub async fn kill(&self, place: usize) {
        let node = self.at(place);
        node.process.signal(Signal::KILL);
        node.process.ended().await;
    }

    /// Asks the node at this place for an orderly end and gets it.
    pub async fn end(&self, place: usize) {
        let node = self.at(place);
        node.process.signal(Signal::TERM);
        let ended = node.process.ended().await;
        assert!(ended.status.success(), "{ended:?}");
    }

    /// Another node takes the place.
    pub fn put(&self, place: usize, server: Server) {
        *self.0[place % self.0.len()].lock() = Arc::new(server);
    }

    /// Asks all that live for an orderly end and gets it.
    pub async fn stop(&self) {
        for place in 0..self.count() {
            if self.at(place).process.is_alive() {
                self.end(place).await;
            }
        }
    }
}
