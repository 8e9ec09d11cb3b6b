//! Writing a page: one block after the other, each stored and announced as soon as its JSON closes.
//!
//! A crash, a retry or a restart continues after the last finished block: nothing is written twice, and
//! nothing that a person locked or edited meanwhile is touched.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::again::{self, Memory, Refused};
use super::context::{Site, instructions, section};
use super::functions::{self, Function};
use super::reader::{Reader, bad_output};
use super::watch::Watch;
use crate::ai::Provider;
use crate::ai::partial::Event;
use crate::db::Db;
use crate::entities::{BlockStatus, JobPhase, JobState, PageStatus, block, job};
use crate::error::{Error, Result};
use crate::events::Unit;
use crate::jobs::{Activity, Content, Done, Ending, Halt, Keeps, Step, Work};
use crate::sites::block::{BlockKind, Written, read_block};
use crate::sites::store;

pub struct Page {
    pub db: Db,
    pub ai: Provider,
}

/// What is left to write, in order.
struct Remaining {
    blocks: Vec<Planned>,
    planned: usize,
    written: usize,
}

/// A section that this job is to write.
#[derive(Clone)]
pub(super) struct Planned {
    pub id: Uuid,
    pub kind: BlockKind,
    pub heading: String,
    /// The revision that this job may replace.
    pub revision: i64,
}

/// A section that closed.
struct Closed {
    block: Planned,
    written: Written,
    /// This job wrote it before.
    is_again: bool,
}

#[async_trait]
impl Activity for Page {
    async fn run(&self, work: &mut Work) -> Result<Done, Halt> {
        let page = work
            .job()
            .page_id
            .ok_or_else(|| Error::internal("a page job without a page"))?;
        let site = Site::read(work).await?;
        let mut remaining = remaining(work.job(), &site, page)?;
        let planned = i32::try_from(remaining.planned).unwrap_or(i32::MAX);
        let step = Step {
            planned: Some(planned),
            ..Step::new(JobPhase::WaitingForModel, share(remaining.written, remaining.planned))
        };
        if remaining.blocks.is_empty() {
            work.checkpoint(step).await?;
        } else {
            let mut memory = Memory::of(work.job());
            let written = self.ask(work, step, &site, page, &mut remaining, &mut memory).await;
            written.map_err(|halt| memory.remember(halt))?;
        }
        let result = json!({ "blocks": work.job().written });
        Ok(Done::Result {
            result,
            content: Value::Null,
            events: Vec::new(),
        })
    }

    async fn store(&self, unit: &mut Unit, contents: &[&Content], keeps: Keeps) -> Result<Vec<bool>> {
        let writings = contents.iter().map(|content| content.downcast_ref::<Writing>());
        let writings: Vec<&Writing> = writings
            .collect::<Option<_>>()
            .ok_or_else(|| Error::internal("a page job stores what is no section"))?;
        let closed = writings
            .iter()
            .filter_map(|writing| Some((writing.job, writing.closed.as_ref()?)));
        let closed = closed
            .filter(|_| keeps == Keeps::All)
            .map(|(job, closed)| store::WrittenBlock {
                id: closed.block.id,
                job,
                expected: closed.block.revision,
                written: &closed.written,
            });
        let stored = store::write_blocks(unit, &closed.collect::<Vec<_>>()).await?;
        let next = writings.iter().filter_map(|writing| writing.next.as_ref());
        store::open_blocks(unit, next.map(|next| (next.id, next.revision)).collect()).await?;
        let is_stored = |writing: &&Writing| match &writing.closed {
            Some(closed) => stored.contains(&closed.block.id),
            None => true,
        };
        Ok(writings.iter().map(is_stored).collect())
    }

    async fn close(&self, unit: &mut Unit, endings: &[Ending<'_>]) -> Result<()> {
        // The caller holds the blueprints' locks; those of pages come before their blocks'.
        store::settle_blueprints(unit, endings.iter().filter_map(|ending| ending.job.blueprint_id)).await?;
        let (failed, kept): (Vec<&Ending>, Vec<&Ending>) = endings.iter().partition(|ending| {
            let state = ending.job.state;
            matches!(state, JobState::Failed | JobState::Quarantined)
        });
        let pages = |of: &[&Ending]| of.iter().filter_map(|ending| ending.job.page_id).collect::<Vec<Uuid>>();
        let (failed_pages, kept) = (pages(&failed), pages(&kept));
        // A cancelled page keeps what was paid for; it is ready only if that is all of it.
        let unfinished = store::unfinished(unit, &kept).await?;
        let finished: Vec<Uuid> = kept.iter().copied().filter(|page| !unfinished.contains(page)).collect();
        store::set_page_statuses(unit, &failed_pages, PageStatus::Failed).await?;
        store::set_page_statuses(unit, &unfinished, PageStatus::Draft).await?;
        store::set_page_statuses(unit, &finished, PageStatus::Ready).await?;
        store::close_open_blocks(unit, &failed_pages, BlockStatus::Failed).await?;
        store::close_open_blocks(unit, &kept, BlockStatus::Planned).await?;
        for job in failed.iter().map(|ending| ending.job) {
            if let Some(page) = job.page_id {
                store::put_back(unit, job.id, page).await?;
            }
        }
        Ok(())
    }
}

impl Page {
    /// Asks for all that is left, in one call with which `step` is told, and then for each refused section by itself.
    async fn ask(
        &self,
        work: &mut Work,
        step: Step,
        site: &Site,
        page: Uuid,
        left: &mut Remaining,
        memory: &mut Memory,
    ) -> Result<(), Halt> {
        let mut watch = Watch::of(&self.ai, work, site, page);
        let function = asked(work.job(), site, page, left)?;
        let request = functions::request(&self.ai, work, &function, memory.correction.take()).await?;
        let mut reader = Reader::new(self.ai.stream(request), "blocks");
        reader.ask(work, step).await?;
        let (reply, mut refused) = self.read(work, reader, left, &mut watch).await?;
        function.read(reply).map_err(|problems| bad_output(&problems))?;
        // Those without which the page fails come first.
        refused.sort_by_key(|(_, refused)| refused.stands);
        for (index, mut refused) in refused {
            let again = again::Section {
                db: &self.db,
                ai: &self.ai,
                page,
                block: left.blocks[index].clone(),
            };
            while let Some(better) = again.ask(work, &refused, memory, &mut watch).await? {
                let closed = Closed {
                    block: Planned {
                        revision: better.revision,
                        ..left.blocks[index].clone()
                    },
                    written: watch.flag(better.written),
                    is_again: refused.stands,
                };
                if !store_block(work, left, Some(closed), None).await? || better.repeats.is_empty() {
                    break;
                }
                refused = Refused {
                    problems: better.repeats,
                    stands: true,
                };
            }
        }
        Ok(())
    }

    /// Stores each section as it closes; what is refused is left for later, with its place and the reasons.
    async fn read(
        &self,
        work: &mut Work,
        mut reader: Reader,
        left: &mut Remaining,
        watch: &mut Watch,
    ) -> Result<(Value, Vec<(usize, Refused)>), Halt> {
        let mut again = Vec::new();
        while let Some(events) = reader.next(work).await? {
            for event in events {
                match event {
                    Event::Opened { index: 0 } => {
                        let first = left.blocks.first().cloned();
                        store_block(work, left, None, first).await?;
                    }
                    Event::Text { index, path, text } if is_shown(&path) && index < left.blocks.len() => {
                        work.text(&path, text);
                    }
                    Event::Closed { index, value } if index < left.blocks.len() => {
                        let refused = self.close_block(work, left, index, value, watch).await?;
                        again.extend(refused.map(|refused| (index, refused)));
                    }
                    _ => {}
                }
            }
        }
        Ok((reader.finish()?, again))
    }

    /// What is to be asked for again, if anything: nothing of a section that a person keeps.
    async fn close_block(
        &self,
        work: &mut Work,
        left: &mut Remaining,
        index: usize,
        value: Value,
        watch: &mut Watch,
    ) -> Result<Option<Refused>, Halt> {
        let block = left.blocks[index].clone();
        let next = left.blocks.get(index + 1).cloned();
        let written = match read_block(block.kind, value, &block.heading) {
            Ok(written) => written,
            Err(problems) => {
                store_block(work, left, None, next).await?;
                let stands = false;
                return Ok(Some(Refused { problems, stands }));
            }
        };
        watch.renew(work, &self.db).await?;
        let problems = watch.repeats(&written.content.to_value());
        let closed = Closed {
            block,
            written: watch.flag(written),
            is_again: false,
        };
        let is_stored = store_block(work, left, Some(closed), next).await?;
        let stands = true;
        Ok((is_stored && !problems.is_empty()).then_some(Refused { problems, stands }))
    }
}

/// T3: the block that closed, its event, the progress and the next block's opening are one transaction. False when a
/// person keeps the block that closed.
async fn store_block(
    work: &mut Work,
    left: &mut Remaining,
    closed: Option<Closed>,
    next: Option<Planned>,
) -> Result<bool, Halt> {
    if closed.is_none() && next.is_none() {
        return Ok(true);
    }
    let is_again = closed.as_ref().is_some_and(|closed| closed.is_again);
    left.written += usize::from(closed.is_some() && !is_again);
    let step = Step {
        closed: closed.as_ref().map(|closed| closed.block.id),
        is_again,
        opened: next.as_ref().map(opened),
        ..Step::new(JobPhase::Writing, share(left.written, left.planned))
    };
    let content = Writing {
        job: work.job().id,
        closed,
        next,
    };
    let is_stored = work.checkpoint_with(step, Arc::new(content)).await?;
    if !is_stored {
        tracing::info!("a block that a person locked or edited meanwhile was left alone");
    }
    Ok(is_stored)
}

/// The content of one checkpoint: the block that closed, and the one whose text comes next.
struct Writing {
    job: Uuid,
    closed: Option<Closed>,
    next: Option<Planned>,
}

pub(super) fn opened(block: &Planned) -> (Uuid, String) {
    (block.id, block.kind.as_str().to_string())
}

/// What the writer says about its own text is no text of the block.
pub(super) fn is_shown(path: &[String]) -> bool {
    path.first().is_some_and(|first| first != "placeholders")
}

/// The unlocked blocks of the job's start, less those that it has written.
fn remaining(job: &job::Model, site: &Site, page: Uuid) -> Result<Remaining> {
    let baseline: Vec<(Uuid, i64)> = serde_json::from_value(job.baseline.clone())?;
    let revisions: HashMap<Uuid, i64> = baseline.into_iter().collect();
    let is_own = |block: &block::Model| block.job_id == Some(job.id) && block.content.is_some();
    let mut left = Remaining {
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

/// The call for all sections that are left.
fn asked<'a>(job: &job::Model, site: &'a Site, page: Uuid, left: &Remaining) -> Result<functions::Page<'a>> {
    let is_asked = |block: &block::Model| left.blocks.iter().any(|planned| planned.id == block.id);
    let sections = site.blocks_of(page).enumerate().filter(|(_, block)| is_asked(block));
    Ok(functions::Page {
        site,
        slug: site.page(page)?.slug.clone(),
        sections: sections.map(|(at, block)| section(at, block)).collect(),
        kinds: left.blocks.iter().map(|block| block.kind).collect(),
        finished: site.finished_but(page, is_asked),
        instructions: instructions(job),
    })
}

fn share(written: usize, planned: usize) -> f64 {
    written.min(planned) as f64 / planned.max(1) as f64
}
