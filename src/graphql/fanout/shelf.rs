//! The bytes of the last items, for whoever comes by for the same one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use futures::future::{BoxFuture, Shared};

use super::Written;
use crate::events::Piece;

/// Items whose bytes are kept for each way of watching a job: those who keep up are this close to each other.
const KEPT: usize = 64;

/// Bytes that are being made; none when it came to an error.
pub type Making = Shared<BoxFuture<'static, Option<Arc<Written>>>>;

#[derive(Default)]
pub struct Shelf(VecDeque<Kept>);

struct Kept {
    piece: Piece,
    /// Before its entities were loaded.
    begun: Instant,
    outcome: Outcome,
}

#[derive(Clone)]
pub enum Outcome {
    Made(Arc<Written>),
    Making(Making),
}

impl Shelf {
    pub fn find(&self, piece: Piece, is_good: impl Fn(Instant) -> bool) -> Option<Outcome> {
        let mut kept = self.0.iter().rev();
        let found = kept.find(|kept| kept.piece == piece && is_good(kept.begun))?;
        Some(found.outcome.clone())
    }

    pub fn keep(&mut self, piece: Piece, begun: Instant, outcome: Outcome) {
        if self.0.len() >= KEPT {
            // What is being made has watchers who wait for it, and more of them come.
            let is_made = |kept: &Kept| matches!(kept.outcome, Outcome::Made(_));
            self.0.iter().position(is_made).map(|oldest| self.0.remove(oldest));
        }
        self.0.push_back(Kept { piece, begun, outcome });
    }

    pub fn settle(&mut self, piece: Piece, written: Option<Arc<Written>>) {
        let is_it = |kept: &Kept| kept.piece == piece && matches!(kept.outcome, Outcome::Making(_));
        match written {
            Some(written) => {
                let made = self.0.iter_mut().rev().find(|kept| is_it(kept));
                made.into_iter()
                    .for_each(|kept| kept.outcome = Outcome::Made(written.clone()));
            }
            None => self.0.retain(|kept| !is_it(kept)),
        }
    }
}
