//! What of a page a job has still to write: its unlocked sections, less those that it wrote already.

use std::collections::HashMap;

use uuid::Uuid;

use super::context::{Site, instructions, section};
use super::functions;
use crate::entities::{block, job};
use crate::error::{Error, Result};
use crate::sites::block::BlockKind;

/// What is left to write, in order.
pub struct Left {
    pub blocks: Vec<Planned>,
    /// How many sections the job set out to write, and how many of them it has written.
    pub planned: usize,
    pub written: usize,
}

/// A section that this job is to write.
#[derive(Clone)]
pub struct Planned {
    pub id: Uuid,
    pub kind: BlockKind,
    pub heading: String,
    /// The revision that this job may replace.
    pub revision: i64,
}

impl Left {
    /// The unlocked blocks of the job's start, less those that it has written.
    pub fn of(job: &job::Model, site: &Site, page: Uuid) -> Result<Left> {
        let baseline: Vec<(Uuid, i64)> = serde_json::from_value(job.baseline.clone())?;
        let revisions: HashMap<Uuid, i64> = baseline.into_iter().collect();
        let is_own = |block: &block::Model| block.job_id == Some(job.id) && block.content.is_some();
        let mut left = Left {
            blocks: Vec::new(),
            planned: revisions.len(),
            written: 0,
        };
        for block in site.blocks_of(page) {
            let Some(revision) = revisions.get(&block.id).copied() else {
                continue;
            };
            if is_own(block) {
                left.written += 1;
                continue;
            }
            if block.locked || block.revision != revision {
                continue;
            }
            let kind = BlockKind::parse(&block.kind)
                .ok_or_else(|| Error::internal(format!("block {} is of the unknown kind {}", block.id, block.kind)))?;
            left.blocks.push(Planned {
                id: block.id,
                kind,
                heading: block.heading.clone(),
                revision,
            });
        }
        Ok(left)
    }

    /// The call for all of it.
    pub fn asked<'a>(&self, job: &job::Model, site: &'a Site, page: Uuid) -> Result<functions::Page<'a>> {
        let is_asked = |block: &block::Model| self.blocks.iter().any(|planned| planned.id == block.id);
        let sections = site.blocks_of(page).enumerate().filter(|(_, block)| is_asked(block));
        Ok(functions::Page {
            site,
            slug: site.page(page)?.slug.clone(),
            sections: sections.map(|(at, block)| section(at, block)).collect(),
            kinds: self.blocks.iter().map(|block| block.kind).collect(),
            finished: site.finished_but(page, is_asked),
            instructions: instructions(job),
        })
    }

    /// How much of the page is written, from 0 to 1.
    pub fn progress(&self) -> f64 {
        self.written.min(self.planned) as f64 / self.planned.max(1) as f64
    }
}

impl Planned {
    /// As its opening is announced.
    pub fn opened(&self) -> (Uuid, String) {
        (self.id, self.kind.as_str().to_string())
    }
}
