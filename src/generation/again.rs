//! Asking for one section again, alone, when its checks refused it: up to twice in the life of a job.
//!
//! A section that only repeats what another page says is good enough to stay: it is stored like any other, and replaced
//! when asking helps, so that nothing that befalls the job loses it. Asking for a better one may take no more than the
//! first half of the job's time, and another attempt takes such a section for written. The good sections around one that is
//! asked for stay and are shown to the writer; the reasons go along. How often a section was asked for again is remembered
//! when the service fails in between, so that this cannot make it more. A process that stops or dies forgets it: then it
//! may be twice again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::context::{instructions, section};
use super::functions::{self, Function};
use super::left::Planned;
use super::page::is_shown;
use super::reader::Reader;
use super::watch::Watch;
use crate::ai::Provider;
use crate::ai::partial::Event;
use crate::db::Db;
use crate::entities::{JobPhase, job};
use crate::jobs::{Failure, Halt, Step, Work};
use crate::sites::block::Written;
use crate::sites::problem::Problem;

/// How often one section is asked for again.
const TIMES: u32 = 2;
/// The most that a section's writer is told at a time.
const TOLD: usize = 12;
/// Failures that are of one reply: another section may be answered better.
const OF_THE_REPLY: [&str; 3] = ["LENGTH", "CONTENT_FILTER", "REFUSED"];
/// What a reply that could not be read at all ends with.
const BAD_OUTPUT: &str = "BAD_OUTPUT";

/// What a job keeps from attempt to attempt, in the row's `correction`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Why the last reply as a whole was refused.
    pub correction: Option<String>,
    /// How often sections were asked for again.
    asked_again: HashMap<Uuid, u32>,
    /// Nobody answered when a section was asked for again: what is good enough stays, in this attempt.
    #[serde(skip)]
    is_silent: bool,
}

impl Memory {
    pub fn of(job: &job::Model) -> Memory {
        let Some(stored) = &job.correction else {
            return Memory::default();
        };
        // A plain text is a correction that nothing else had to be remembered beside.
        serde_json::from_str(stored).unwrap_or_else(|_| Memory {
            correction: Some(stored.clone()),
            ..Memory::default()
        })
    }

    /// The halt with what the next attempt must know.
    pub fn remember(&self, halt: Halt) -> Halt {
        match halt {
            Halt::Failed(failure) if !self.asked_again.is_empty() => {
                let memory = Memory {
                    correction: failure.correction.clone(),
                    asked_again: self.asked_again.clone(),
                    is_silent: false,
                };
                let correction = serde_json::to_string(&memory).ok().or(failure.correction.clone());
                Halt::Failed(Failure { correction, ..failure })
            }
            other => other,
        }
    }
}

/// A section that is asked for by itself.
pub struct Section<'a> {
    pub db: &'a Db,
    pub ai: &'a Provider,
    pub page: Uuid,
    pub block: Planned,
}

/// A reply that cannot stay as it is, or had better not.
pub struct Refused {
    /// Why, in words for the writer.
    pub problems: Vec<Problem>,
    /// It only repeats what another page says: it was stored, and stays if nothing better comes.
    pub stands: bool,
}

/// A reply that passed its checks and repeats less than what stands, if anything does.
pub struct Better {
    pub written: Written,
    /// The revision that it may replace.
    pub revision: i64,
    /// What it says again.
    pub repeats: Vec<Problem>,
}

enum Reply {
    Better(Box<Better>),
    Refused(Vec<Problem>),
    /// A person has taken the section over meanwhile.
    Unwanted,
}

impl Section<'_> {
    /// Asks until the section passes its checks. None when it is left as it stands.
    pub async fn ask(
        &self,
        work: &mut Work,
        refused: &Refused,
        memory: &mut Memory,
        watch: &mut Watch,
    ) -> Result<Option<Better>, Halt> {
        let mut problems = sentences(&refused.problems);
        loop {
            // Each would wait as long again for a service that is away. And a page must not run out of time for a better
            // wording: it would be lost.
            if refused.stands && (memory.is_silent || work.half_time() <= Instant::now()) {
                return Ok(None);
            }
            let asked = memory.asked_again.entry(self.block.id).or_default();
            match *asked >= TIMES {
                true if refused.stands => return Ok(None),
                true => return Err(self.gave_up(&problems)),
                false => *asked += 1,
            }
            tracing::info!(
                kind = self.block.kind.as_str(),
                time = *asked,
                problems,
                "a section is asked for again"
            );
            match self.once(work, &problems, refused.stands, watch).await {
                Ok(Reply::Better(better)) => return Ok(Some(*better)),
                Ok(Reply::Unwanted) => return Ok(None),
                Ok(Reply::Refused(reasons)) => problems = sentences(&reasons),
                Err(Halt::Failed(failure)) if failure.code == BAD_OUTPUT => problems = failure.cause,
                Err(Halt::Failed(failure)) if refused.stands && OF_THE_REPLY.contains(&failure.code) => {
                    let Some(correction) = failure.correction else {
                        return Ok(None);
                    };
                    problems = format!("{} {correction}", sentences(&refused.problems));
                }
                // Another attempt would only buy anew what is good enough.
                Err(Halt::Failed(_) | Halt::Postponed(_)) if refused.stands => memory.is_silent = true,
                Err(halt) => return Err(self.uncounted(halt, memory)),
            }
        }
    }

    /// The page was asked for in this attempt, so that it counts; a section for which there was nobody to ask does not.
    fn uncounted(&self, halt: Halt, memory: &mut Memory) -> Halt {
        match halt {
            Halt::Postponed(failure) => {
                memory.asked_again.entry(self.block.id).and_modify(|asked| *asked -= 1);
                Halt::Failed(Failure {
                    retryable: true,
                    ..failure
                })
            }
            halt => halt,
        }
    }

    /// A section that stands is replaced when the new one is whole: what people read does not vanish in between.
    async fn once(&self, work: &mut Work, problems: &str, stands: bool, watch: &mut Watch) -> Result<Reply, Halt> {
        // Read anew: what stands beside it has grown since the page was asked for.
        let prepared = functions::prepare::<functions::Block>(self.ai, work).await?;
        let site = &prepared.site;
        let own = site
            .blocks_of(self.page)
            .enumerate()
            .find(|(_, block)| block.id == self.block.id);
        let Some((at, row)) = own else {
            return Ok(Reply::Unwanted);
        };
        let is_ours = match stands {
            true => row.job_id == Some(work.job().id),
            false => row.revision == self.block.revision,
        };
        if row.locked || !is_ours {
            return Ok(Reply::Unwanted);
        }
        let standing = row.content.as_ref().filter(|_| stands);
        let function = functions::Block {
            site,
            slug: site.page(self.page)?.slug.clone(),
            section: section(at, row),
            kind: self.block.kind,
            finished: site.finished_but(self.page, |block| block.id == self.block.id),
            instructions: instructions(work.job()),
        };
        let correction = Some(problems.to_string());
        let request = prepared.request(work.job(), &function, correction);
        let until = stands.then(|| work.half_time());
        let mut reader = Reader::new(self.ai.stream(request), "blocks").until(until);
        while let Some(events) = reader.next(work).await? {
            for event in events.into_iter().filter(|_| !stands) {
                match event {
                    Event::Opened { index: 0 } => {
                        let step = Step {
                            opened: Some(self.block.opened()),
                            ..Step::new(JobPhase::Writing, work.job().progress)
                        };
                        work.checkpoint(step).await?;
                    }
                    Event::Text { index: 0, path, text } if is_shown(&path) => work.text(&path, text),
                    _ => {}
                }
            }
        }
        let written = match function.read(reader.finish()?) {
            Ok(written) => written,
            Err(problems) => return Ok(Reply::Refused(problems)),
        };
        watch.renew(work, self.db).await?;
        let repeats = watch.repeats(&written.content.to_value());
        // Counted side by side: what other pages say may have grown since the first time.
        if standing.is_some_and(|content| watch.repeats(content).len() <= repeats.len()) {
            return Ok(Reply::Refused(repeats));
        }
        Ok(Reply::Better(Box::new(Better {
            written,
            revision: row.revision,
            repeats,
        })))
    }

    /// Not tried again by itself: the writer has been told twice.
    fn gave_up(&self, problems: &str) -> Halt {
        let heading = &self.block.heading;
        let message = format!(
            "The writing service did not write the section \"{heading}\" as it must be, although it was told twice \
             what to correct. Start again, or change what the section is for."
        );
        Halt::Failed(Failure {
            code: BAD_OUTPUT,
            message,
            cause: problems.to_string(),
            retryable: false,
            retry_after: None,
            correction: None,
        })
    }
}

fn sentences(problems: &[Problem]) -> String {
    let sentences: Vec<String> = problems.iter().take(TOLD).map(Problem::to_string).collect();
    sentences.join(" ")
}
