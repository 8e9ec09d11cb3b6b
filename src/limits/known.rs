//! Credentials that were good when they were shown last, as hashes: they do not wait behind an address's mistakes.
//!
//! It decides nothing else: each is looked up again wherever it is shown.

use std::sync::Arc;

use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

const CREDENTIALS: usize = 20_000;

#[derive(Clone)]
pub struct Known(Arc<Cache<[u8; 32], ()>>);

impl Default for Known {
    fn default() -> Self {
        Known(Arc::new(Cache::new(CREDENTIALS)))
    }
}

impl Known {
    pub fn has(&self, credential: &str) -> bool {
        self.0.get(&hash(credential)).is_some()
    }

    pub fn add(&self, credential: &str) {
        let hash = hash(credential);
        if self.0.get(&hash).is_none() {
            self.0.insert(hash, ());
        }
    }

    pub fn remove(&self, credential: &str) {
        self.0.remove(&hash(credential));
    }
}

fn hash(credential: &str) -> [u8; 32] {
    Sha256::digest(credential.as_bytes()).into()
}
