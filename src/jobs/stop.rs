//! Telling a running job to stop, and why.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody cancelled the job.
    Cancelled,
    /// Another writer has the next lease: write nothing more.
    LostLease,
    /// The process is going away: give the job back.
    Shutdown,
    /// The job ran out of time.
    Deadline,
}

/// One side asks, the other looks between its steps. The first reason stands, but a lost lease overrides.
#[derive(Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    why: Arc<Mutex<Option<Why>>>,
}

impl Stop {
    pub fn ask(&self, why: Why) {
        let mut known = self.why.lock();
        if known.is_none() || why == Why::LostLease {
            *known = Some(why);
        }
        drop(known);
        self.token.cancel();
    }

    pub fn why(&self) -> Option<Why> {
        *self.why.lock()
    }

    pub async fn asked(&self) {
        self.token.cancelled().await;
    }

    pub fn is_asked(&self) -> bool {
        self.token.is_cancelled()
    }
}
