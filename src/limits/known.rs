//! Credentials that were good when they were shown last, as hashes, and whose budget each of them spends: they do not wait
//! behind an address's mistakes, and one that has spent everything is told so before anything is looked up.
//!
//! It lets nobody in: each is looked up again wherever it is shown.

use std::sync::Arc;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::Key;

const CREDENTIALS: usize = 20_000;

#[derive(Clone)]
pub struct Known(Arc<Cache<[u8; 32], Key>>);

impl Default for Known {
    fn default() -> Self {
        Known(Arc::new(Cache::new(CREDENTIALS)))
    }
}

impl Known {
    /// Whose budget a known credential spends.
    pub fn budget(&self, credential: &str) -> Option<Key> {
        self.0.get(&hash(credential))
    }

    pub fn add(&self, credential: &str, budget: Key) {
        let hash = hash(credential);
        if self.0.get(&hash) != Some(budget) {
            self.0.insert(hash, budget);
        }
    }

    pub fn remove(&self, credential: &str) {
        self.0.remove(&hash(credential));
    }
}

fn hash(credential: &str) -> [u8; 32] {
    Sha256::digest(credential.as_bytes()).into()
}
