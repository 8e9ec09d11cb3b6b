//! What sections are held against beside the rules of their kind: facts that nobody gave, and what other pages say.
//!
//! The offline writer is not watched: it takes every fact from the brief.

use serde_json::Value;
use uuid::Uuid;

use super::claims::Known;
use super::context::{Site, instructions};
use super::functions;
use super::repeats::{Standing, Taken};
use crate::ai::Provider;
use crate::db::Db;
use crate::entities::block;
use crate::error::Error;
use crate::jobs::{Halt, Work};
use crate::sites::block::Written;
use crate::sites::problem::Problem;
use crate::sites::store;

pub struct Watch(Option<Watched>);

struct Watched {
    known: Known,
    taken: Taken,
}

impl Watch {
    pub fn of(ai: &Provider, work: &Work, site: &Site, page: Uuid) -> Watch {
        let watched = functions::reads_prompts(ai).then(|| Watched {
            known: Known::of(site, instructions(work.job()).as_deref()),
            taken: Taken::beside(site, page),
        });
        Watch(watched)
    }

    /// Lists what was invented among the section's placeholders.
    pub fn flag(&self, written: Written) -> Written {
        match &self.0 {
            Some(watched) => watched.known.flag(written),
            None => written,
        }
    }

    /// Reads what other pages say by now. Where a database that answers refuses that, what is known has to do: no
    /// section is lost for it.
    pub async fn renew(&mut self, work: &Work, db: &Db) -> Result<(), Halt> {
        let Some(Watched { taken, .. }) = &mut self.0 else {
            return Ok(());
        };
        match unread(work, db, taken).await {
            Ok(blocks) => taken.take(&blocks),
            Err(Halt::Error(error @ Error::Internal(_))) => {
                tracing::warn!(cause = error.cause(), "what other pages say could not be read anew");
            }
            Err(halt) => return Err(halt),
        }
        Ok(())
    }

    /// What a section says again, as far as other pages are known.
    pub fn repeats(&self, content: &Value) -> Vec<Problem> {
        match &self.0 {
            Some(watched) => watched.taken.problems(content),
            None => Vec::new(),
        }
    }
}

/// The sections of other pages that are not known yet.
async fn unread(work: &Work, db: &Db, taken: &Taken) -> Result<Vec<block::Model>, Halt> {
    let Some(site) = work.job().blueprint_id.filter(|_| !taken.is_alone()) else {
        return Ok(Vec::new());
    };
    let standing = work.look_up::<Standing>(site).await?;
    let unread = taken.unread(standing.as_deref().map_or(&[], Vec::as_slice));
    match unread.is_empty() {
        true => Ok(Vec::new()),
        false => work.read(|| store::blocks(db.reader(), &unread)).await,
    }
}
