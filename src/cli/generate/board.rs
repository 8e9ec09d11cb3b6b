//! What is known of a run while it runs: the pages with their progress, and the credits.
//!
//! The site's event stream names ids only; the board looks up what a person wants to read. How it is shown
//! is decided in `show`.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::db::Db;
use crate::entities::{HoldState, JobPhase, JobState, block, credit_hold, job, page};
use crate::error::{Error, Instant, Result};
use crate::events::{BlueprintBody, BlueprintFeedItem, JobEvent};

/// One page as the board sees it.
#[derive(Debug, Clone)]
pub struct PageLine {
    pub id: Uuid,
    pub slug: String,
    pub title: String,
    pub planned: usize,
    pub written: usize,
    /// The sections that were written.
    closed: HashSet<Uuid>,
    pub phase: Option<JobPhase>,
}

/// What the jobs of this run have to do with credits, at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Credits {
    pub held: i64,
    pub charged: i64,
}

/// Something worth telling; pages are named by their number on the board.
#[derive(Debug, Clone)]
pub enum Step {
    Planning {
        phase: JobPhase,
        progress: f64,
    },
    PagePlanned {
        page: usize,
    },
    PageStarted {
        page: usize,
        attempt: i32,
    },
    PagePhase {
        page: usize,
    },
    BlockWritten {
        page: usize,
        kind: String,
    },
    PageFinished {
        page: usize,
        state: JobState,
        charged: i64,
        released: i64,
    },
    Retrying {
        page: Option<usize>,
        reason: String,
        next: Option<Instant>,
    },
    Cancelling,
    /// The whole run came to its end.
    Ended,
}

pub struct Board {
    db: Db,
    root: Uuid,
    /// Every job of the run; the site's own has no page.
    jobs: HashMap<Uuid, Option<usize>>,
    pub pages: Vec<PageLine>,
    pub credits: Credits,
}

impl Board {
    pub fn new(db: Db, root: &job::Model) -> Self {
        let credits = Credits {
            held: root.price,
            charged: 0,
        };
        Board {
            db,
            root: root.id,
            jobs: HashMap::from([(root.id, None)]),
            pages: Vec::new(),
            credits,
        }
    }

    /// Takes an event of the site's stream in; none when it says nothing new.
    pub async fn take(&mut self, item: BlueprintFeedItem) -> Result<Option<Step>> {
        let event = match (item.body, item.job_id) {
            (BlueprintBody::Job(event), Some(job)) => return self.take_job(job, event).await,
            (body, _) => body,
        };
        // A snapshot stands for events that cannot be had any more; the end may be one of them.
        let root = job::Entity::find_by_id(self.root).one(self.db.reader()).await?;
        let is_over = root.is_some_and(|root| root.state.is_terminal());
        Ok((event == BlueprintBody::Snapshot && is_over).then_some(Step::Ended))
    }

    async fn take_job(&mut self, job: Uuid, event: JobEvent) -> Result<Option<Step>> {
        let Some(page) = self.page_of(job).await? else {
            return Ok(None);
        };
        if matches!(
            event,
            JobEvent::Queued | JobEvent::Finished { .. } | JobEvent::PagePlanned { .. }
        ) {
            self.count_credits().await?;
        }
        Ok(match (event, page) {
            (JobEvent::Finished { .. }, None) => Some(Step::Ended),
            // Once its pages are known, each of them tells how far it is.
            (JobEvent::Phase { .. }, None) if !self.pages.is_empty() => None,
            (JobEvent::Phase { phase, progress, .. }, None) => Some(Step::Planning { phase, progress }),
            (JobEvent::PagePlanned { page_id }, None) => {
                self.add_page(page_id).await?.map(|page| Step::PagePlanned { page })
            }
            (JobEvent::Started { attempt }, Some(page)) => Some(Step::PageStarted { page, attempt }),
            (JobEvent::Phase { phase, .. }, Some(page)) => {
                self.pages[page].phase = Some(phase);
                Some(Step::PagePhase { page })
            }
            (JobEvent::BlockClosed { block_id }, Some(page)) => {
                let line = &mut self.pages[page];
                // One that was replaced by a better one closes twice.
                if line.closed.insert(block_id) {
                    line.written = (line.written + 1).min(line.planned);
                }
                let block = block::Entity::find_by_id(block_id).one(self.db.reader()).await?;
                block.map(|block| Step::BlockWritten { page, kind: block.kind })
            }
            (
                JobEvent::Retrying {
                    reason,
                    next_attempt_at,
                },
                page,
            ) => Some(Step::Retrying {
                page,
                reason,
                next: next_attempt_at,
            }),
            (
                JobEvent::Finished {
                    state,
                    charged,
                    released,
                },
                Some(page),
            ) => Some(Step::PageFinished {
                page,
                state,
                charged,
                released,
            }),
            _ => None,
        })
    }

    /// The page of a job of this run, none within for the site's own job; none for the job of another run.
    async fn page_of(&mut self, id: Uuid) -> Result<Option<Option<usize>>> {
        if let Some(page) = self.jobs.get(&id) {
            return Ok(Some(*page));
        }
        let job = job::Entity::find_by_id(id).one(self.db.reader()).await?;
        let Some(page) = job
            .filter(|job| job.parent_id == Some(self.root))
            .and_then(|job| job.page_id)
        else {
            return Ok(None);
        };
        let page = match self.pages.iter().position(|line| line.id == page) {
            Some(known) => Some(known),
            None => self.add_page(page).await?,
        };
        if page.is_some() {
            self.jobs.insert(id, page);
        }
        Ok(page.map(Some))
    }

    async fn add_page(&mut self, id: Uuid) -> Result<Option<usize>> {
        let Some(page) = page::Entity::find_by_id(id).one(self.db.reader()).await? else {
            return Ok(None);
        };
        let blocks = block::Entity::find().filter(block::Column::PageId.eq(id));
        let planned = blocks.all(self.db.reader()).await?.len();
        self.pages.push(PageLine {
            id,
            slug: page.slug,
            title: page.title,
            planned,
            written: 0,
            closed: HashSet::new(),
            phase: None,
        });
        Ok(Some(self.pages.len() - 1))
    }

    async fn count_credits(&mut self) -> Result<()> {
        let jobs: Vec<Uuid> = job::Entity::find()
            .filter(job::Column::ParentId.eq(self.root))
            .all(self.db.reader())
            .await?
            .into_iter()
            .map(|job| job.id)
            .chain([self.root])
            .collect();
        let holds = credit_hold::Entity::find().filter(credit_hold::Column::JobId.is_in(jobs));
        let holds = holds.all(self.db.reader()).await?;
        let open = holds.iter().filter(|hold| hold.state == HoldState::Open);
        self.credits = Credits {
            held: open.map(|hold| hold.amount).sum(),
            charged: holds.iter().map(|hold| hold.captured).sum(),
        };
        Ok(())
    }

    /// The site's job as it stands.
    pub async fn root(&self) -> Result<job::Model> {
        let root = job::Entity::find_by_id(self.root).one(self.db.reader()).await?;
        root.ok_or_else(|| Error::internal("the job of this run is gone"))
    }

    /// Why pages failed, each with its page's title.
    pub async fn failures(&self) -> Result<Vec<(String, String)>> {
        let jobs = job::Entity::find().filter(job::Column::ParentId.eq(self.root));
        let jobs = jobs.all(self.db.reader()).await?;
        let failed = jobs.into_iter().filter_map(|job| {
            let page = self.pages.iter().find(|line| Some(line.id) == job.page_id)?;
            Some((page.title.clone(), job.error_message?))
        });
        Ok(failed.collect())
    }
}
