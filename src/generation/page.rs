//! Writing a page: one block after the other, each stored and announced as soon as its JSON closes, the last one with the
//! end of the reply.
//!
//! A crash, a retry or a restart continues after the last finished block: nothing is written twice, and
//! nothing that a person locked or edited meanwhile is touched.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::again::{self, Memory, Refused};
use super::context::Site;
use super::functions::{self, Function, Prepared};
use super::left::{Left, Planned};
use super::reader::{Reader, bad_output};
use super::watch::Watch;
use crate::ai::Provider;
use crate::ai::partial::Event;
use crate::db::Db;
use crate::entities::{BlockStatus, JobPhase, JobState, PageStatus};
use crate::error::{Error, Result};
use crate::events::Unit;
use crate::jobs::{Activity, Checkpoint, Content, Done, Ending, Halt, Keeps, Step, Work};
use crate::sites::block::{Written, read_block};
use crate::sites::store;

/// How long the last section may wait for the end of its reply: then it and the job's end are one transaction.
const HELD: Duration = Duration::from_millis(250);

pub struct Page {
    pub db: Db,
    pub ai: Provider,
}

/// A section that closed.
struct Closed {
    block: Planned,
    written: Written,
    /// This job wrote it before.
    is_again: bool,
}

/// What came of a reply so far.
#[derive(Default)]
struct Came {
    /// What is to be asked for again, by its place.
    refused: Vec<(usize, Refused)>,
    /// The last section, when nothing was refused, and until when it waits for the end of the reply.
    held: Option<(Closed, Instant)>,
}

#[async_trait]
impl Activity for Page {
    async fn run(&self, work: &mut Work) -> Result<Done, Halt> {
        let page = work
            .job()
            .page_id
            .ok_or_else(|| Error::internal("a page job without a page"))?;
        let prepared = functions::prepare::<functions::Page>(&self.ai, work).await?;
        let mut left = Left::of(work.job(), &prepared.site, page)?;
        let planned = i32::try_from(left.planned).unwrap_or(i32::MAX);
        let step = Step {
            planned: Some(planned),
            ..Step::new(JobPhase::WaitingForModel, left.progress())
        };
        let mut last = None;
        if left.blocks.is_empty() {
            work.checkpoint(step).await?;
        } else {
            let mut memory = Memory::of(work.job());
            let written = self.ask(work, step, &prepared, page, &mut left, &mut memory).await;
            last = written.map_err(|halt| memory.remember(halt))?;
        }
        Ok(Done::Result {
            result: json!({ "page": page }),
            content: Value::Null,
            events: Vec::new(),
            last,
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
    /// Asks for all that is left, in one call with which `step` is told, and then for each refused section by itself. A
    /// section that closed last may be left to be stored with the job's end.
    async fn ask(
        &self,
        work: &mut Work,
        step: Step,
        prepared: &Prepared,
        page: Uuid,
        left: &mut Left,
        memory: &mut Memory,
    ) -> Result<Option<Checkpoint>, Halt> {
        let site: &Site = &prepared.site;
        let function = left.asked(work.job(), site, page)?;
        let request = prepared.request(work.job(), &function, memory.correction.take());
        let mut reader = Reader::new(self.ai.stream(request), "blocks");
        reader.ask(work, step).await?;
        // After the asking, which need not wait for it.
        let mut watch = Watch::of(&self.ai, work, site, page);
        let mut came = Came::default();
        let reply = self.read(work, reader, left, &mut watch, &mut came).await;
        let read = reply.and_then(|reply| function.read(reply).map_err(|problems| bad_output(&problems)));
        if let Some((closed, _)) = came.held {
            let Err(halt) = read else {
                return Ok(Some(checkpoint(work, left, Some(closed), None)));
            };
            // Whatever befell the reply: what closed is not bought again.
            store_block(work, left, Some(closed), None).await?;
            return Err(halt);
        }
        read?;
        let mut refused = came.refused;
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
        Ok(None)
    }

    /// Stores each section as it closes, but for the last of a good reply, which is held until that ends or is slow to;
    /// what is refused is left for later.
    async fn read(
        &self,
        work: &mut Work,
        mut reader: Reader,
        left: &mut Left,
        watch: &mut Watch,
        came: &mut Came,
    ) -> Result<Value, Halt> {
        loop {
            let next = reader.next(work);
            let next = match &came.held {
                Some((_, until)) => timeout_at(*until, next).await,
                None => Ok(next.await),
            };
            let Ok(next) = next else {
                let closed = came.held.take().map(|(closed, _)| closed);
                store_block(work, left, closed, None).await?;
                continue;
            };
            let Some(events) = next? else { break };
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
                        self.close_block(work, left, index, value, watch, came).await?;
                    }
                    _ => {}
                }
            }
        }
        reader.finish()
    }

    /// Nothing of a section that a person keeps is asked for again.
    async fn close_block(
        &self,
        work: &mut Work,
        left: &mut Left,
        index: usize,
        value: Value,
        watch: &mut Watch,
        came: &mut Came,
    ) -> Result<(), Halt> {
        let block = left.blocks[index].clone();
        let next = left.blocks.get(index + 1).cloned();
        let written = match read_block(block.kind, value, &block.heading) {
            Ok(written) => written,
            Err(problems) => {
                store_block(work, left, None, next).await?;
                let stands = false;
                came.refused.push((index, Refused { problems, stands }));
                return Ok(());
            }
        };
        watch.renew(work, &self.db).await?;
        let problems = watch.repeats(&written.content.to_value());
        let closed = Closed {
            block,
            written: watch.flag(written),
            is_again: false,
        };
        if next.is_none() && problems.is_empty() && came.refused.is_empty() {
            came.held = Some((closed, Instant::now() + HELD));
            return Ok(());
        }
        if store_block(work, left, Some(closed), next).await? && !problems.is_empty() {
            let stands = true;
            came.refused.push((index, Refused { problems, stands }));
        }
        Ok(())
    }
}

/// T3: the block that closed, its event, the progress and the next block's opening are one transaction. False when a
/// person keeps the block that closed.
async fn store_block(
    work: &mut Work,
    left: &mut Left,
    closed: Option<Closed>,
    next: Option<Planned>,
) -> Result<bool, Halt> {
    if closed.is_none() && next.is_none() {
        return Ok(true);
    }
    let checkpoint = checkpoint(work, left, closed, next);
    let is_stored = work.checkpoint_with(checkpoint).await?;
    if !is_stored {
        tracing::info!("a block that a person locked or edited meanwhile was left alone");
    }
    Ok(is_stored)
}

/// A block that closed counts as written from here on.
fn checkpoint(work: &Work, left: &mut Left, closed: Option<Closed>, next: Option<Planned>) -> Checkpoint {
    let is_again = closed.as_ref().is_some_and(|closed| closed.is_again);
    left.written += usize::from(closed.is_some() && !is_again);
    let step = Step {
        closed: closed.as_ref().map(|closed| closed.block.id),
        is_again,
        opened: next.as_ref().map(Planned::opened),
        ..Step::new(JobPhase::Writing, left.progress())
    };
    let content = Writing {
        job: work.job().id,
        closed,
        next,
    };
    let content = Arc::new(content);
    Checkpoint { step, content }
}

/// The content of one checkpoint: the block that closed, and the one whose text comes next.
struct Writing {
    job: Uuid,
    closed: Option<Closed>,
    next: Option<Planned>,
}

/// What the writer says about its own text is no text of the block.
pub(super) fn is_shown(path: &[String]) -> bool {
    path.first().is_some_and(|first| first != "placeholders")
}
