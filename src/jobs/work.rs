//! The holder's side of a job: checkpoints and text, numbered by the one task that holds the lease.
//!
//! `block_opened` rides in the transaction before its text, so text never waits for
//! a commit of its own. Text itself is never stored before its block closes.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::activity::{Checkpoint, Content, Halt};
use super::checkpoint::{Saving, save};
use super::engine::Engine;
use super::lookup::Lookup;
use super::step::{Step, is_progress};
use super::stop::{Stop, Why};
use crate::db::now;
use crate::entities::{JobPhase, job};
use crate::error::Result;
use crate::events::{Item, ItemBody, Notice, TextDelta, append};
use crate::ids::Position;

pub struct Work {
    pub(super) engine: Engine,
    pub(super) job: job::Model,
    pub(super) stop: Stop,
    /// Number of the newest item under this lease.
    pub(super) n: i64,
    /// The newest item of the stream: what the next one names as `prev`.
    pub(super) item: Position,
    open: Option<OpenBlock>,
    /// What watchers were told last beside phase and progress.
    noted: Option<&'static str>,
    /// When the job is out of time, by a monotonic clock.
    pub(super) deadline: Instant,
}

/// The block whose text is flowing.
struct OpenBlock {
    id: Uuid,
    fields: HashMap<Vec<String>, Field>,
}

struct Field {
    path: Arc<[String]>,
    /// UTF-16 code units sent so far.
    length: usize,
}

impl Work {
    pub(super) fn new(engine: Engine, job: job::Model, stop: Stop) -> Self {
        let item = append::durable_position(&job);
        let deadline = Instant::now() + super::holder::time_left(&job, engine.config());
        Work {
            engine,
            n: item.n,
            item,
            job,
            stop,
            open: None,
            noted: None,
            deadline,
        }
    }

    /// Until when the job may do what it could leave undone: half of the time that jobs have.
    pub fn half_time(&self) -> Instant {
        let half = self.engine.config().deadline / 2;
        self.deadline.checked_sub(half).unwrap_or(self.deadline)
    }

    /// The job as of the newest checkpoint.
    pub fn job(&self) -> &job::Model {
        &self.job
    }

    /// Resolves when the job is to stop; race it against whatever waits for a writer.
    pub async fn stopped(&self) {
        self.stop.asked().await;
    }

    /// The same, for whoever waits while the job is at work.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let stop = self.stop.clone();
        async move { stop.asked().await }
    }

    pub fn check(&self) -> Result<(), Halt> {
        if self.stop.is_asked() {
            Err(Halt::Stopped)
        } else {
            Ok(())
        }
    }

    /// What the job has to know of the database. One that is away is waited for, as with a checkpoint: an outage is no
    /// attempt. `read` writes nothing, for it may run more than once.
    pub async fn read<T, F>(&self, read: impl Fn() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T>>,
    {
        let mut attempt = super::end::Attempt::new();
        loop {
            self.check()?;
            match self.engine.db.unless_away(read()).await {
                Ok(found) => return Ok(found),
                // Nothing was written that could have been committed.
                Err(error) => attempt.after(self, error).await.map(drop)?,
            }
        }
    }

    /// Like [`Work::read`], together with other jobs of the account that ask for the same kind of thing.
    pub async fn look_up<L: Lookup>(&self, key: L::Key) -> Result<Option<L::Found>, Halt> {
        let (engine, account) = (&self.engine, self.job.account_id);
        self.read(|| engine.gather.look_up::<L>(&engine.db, account, key.clone()))
            .await
    }

    /// A checkpoint without content.
    pub async fn checkpoint(&mut self, step: Step) -> Result<(), Halt> {
        self.save(step, None).await.map(|_| ())
    }

    /// Tells watchers something that changes neither phase nor progress, unless it is what they were told last.
    pub async fn note(&mut self, note: &'static str) -> Result<(), Halt> {
        if self.noted == Some(note) {
            return Ok(());
        }
        let phase = self.job.phase.unwrap_or(JobPhase::Preparing);
        let step = Step {
            note: Some(note.to_string()),
            ..Step::new(phase, self.job.progress)
        };
        self.checkpoint(step).await?;
        self.noted = Some(note);
        Ok(())
    }

    /// A checkpoint whose content is stored in the same transaction (see [`Activity::store`](super::Activity::store));
    /// says whether it was.
    pub async fn checkpoint_with(&mut self, Checkpoint { step, content }: Checkpoint) -> Result<bool, Halt> {
        self.save(step, Some(content)).await
    }

    async fn save(&mut self, step: Step, content: Option<Content>) -> Result<bool, Halt> {
        // A process that goes away has the time to store what closed: the next one would buy it again.
        if step.closed.is_none() || self.stop.why() != Some(Why::Shutdown) {
            self.check()?;
        }
        let mut attempt = super::end::Attempt::new();
        loop {
            let saving = Saving {
                step: step.clone(),
                content: content.clone(),
                job: self.job.clone(),
                item: self.item,
                n: self.n,
            };
            let error = match self.engine.db.unless_away(save(&self.engine, saving)).await {
                Ok(saved) => {
                    self.made(&step, saved.job);
                    return Ok(saved.is_stored);
                }
                Err(error) => error,
            };
            match attempt.after(self, error).await? {
                super::end::Next::Again => {}
                super::end::Next::Committed(job) => {
                    self.made(&step, *job);
                    return Ok(true);
                }
            }
        }
    }

    fn made(&mut self, step: &Step, job: job::Model) {
        if is_progress(step, &self.job)
            && let Some(held) = self.engine.held.lock().get_mut(&self.job.id)
        {
            held.is_suspect = false;
        }
        self.accept(job);
        self.open(step);
    }

    pub(super) fn accept(&mut self, job: job::Model) {
        if append::durable_position(&job) > append::durable_position(&self.job) {
            self.item = append::durable_position(&job);
            self.n = self.item.n;
        }
        self.job = job;
        if let Some(held) = self.engine.held.lock().get_mut(&self.job.id)
            && held.lease == self.job.run_lease
        {
            held.task = (&self.job).into();
            self.engine.changed.notify_one();
        }
        if self.job.cancel_requested_at.is_some() {
            // The hint may have been lost, or have been given to another process.
            self.stop.ask(Why::Cancelled);
        }
    }

    fn open(&mut self, step: &Step) {
        if step.closed.is_some() {
            self.open = None;
        }
        if let Some((id, _)) = &step.opened {
            self.open = Some(OpenBlock {
                id: *id,
                fields: HashMap::new(),
            });
        }
    }

    /// Sends text of the open block to whoever watches, at once.
    pub fn text(&mut self, path: &[String], text: String) {
        let Some(open) = &mut self.open else { return };
        if text.is_empty() || self.stop.why() == Some(Why::LostLease) {
            return;
        }
        if !open.fields.contains_key(path) {
            open.fields.insert(
                path.to_vec(),
                Field {
                    path: Arc::from(path),
                    length: 0,
                },
            );
        }
        let Some(field) = open.fields.get_mut(path) else { return };
        let offset = field.length;
        field.length += text.chars().map(char::len_utf16).sum::<usize>();
        let delta = TextDelta {
            block_id: open.id,
            path: field.path.clone(),
            offset,
            text,
        };
        self.n += 1;
        let at = Position::new(self.job.run_lease, self.n);
        let item = Item {
            at,
            prev: Some(self.item),
            time: now(),
            body: ItemBody::Text(delta),
        };
        self.item = at;
        self.engine.bus.publish(Notice::Item {
            job: self.job.id,
            item: Arc::new(item),
        });
        crate::faults::point("mid_delta");
    }

    /// Counts the tokens of a finished call; the next fenced write stores them.
    pub fn used(&mut self, prompt_tokens: u32, completion_tokens: u32, model: &str) {
        self.job.prompt_tokens += i64::from(prompt_tokens);
        self.job.completion_tokens += i64::from(completion_tokens);
        self.job.model = Some(model.to_string());
    }
}
