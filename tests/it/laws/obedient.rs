//! An activity that does what a test tells it, step by step: it says nothing by itself and writes no page.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sitewright::entities::{JobPhase, job};
use sitewright::error::Result;
use sitewright::events::Unit;
use sitewright::jobs::{Activity, Checkpoint, Content, Done, Ending, Failure, Halt, Keeps, Step, Work};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::model::{Last, PLANNED};

pub enum Command {
    Checkpoint { closes: bool, done: oneshot::Sender<()> },
    Stumble,
    GiveUp,
    Finish(Last),
}

pub type Inbox = mpsc::UnboundedReceiver<Command>;

/// Runs a job by command: one inbox a lease.
#[derive(Clone, Default)]
pub struct Obedient(Arc<Mutex<HashMap<(Uuid, i64), Inbox>>>);

impl Obedient {
    /// Made before the job is held: where its holder under this lease hears its commands.
    pub fn expect(&self, job: &job::Model, inbox: Inbox) {
        self.0.lock().insert((job.id, job.run_lease), inbox);
    }
}

#[async_trait]
impl Activity for Obedient {
    async fn run(&self, work: &mut Work) -> Result<Done, Halt> {
        let inbox = self.0.lock().remove(&(work.job().id, work.job().run_lease));
        let mut inbox = inbox.expect("an inbox is made before the job is held");
        loop {
            let command = tokio::select! {
                biased;
                () = work.stopped() => return Err(Halt::Stopped),
                command = inbox.recv() => command,
            };
            match command {
                // The case is over.
                None => return Err(Halt::Stopped),
                Some(Command::Checkpoint { closes, done }) => {
                    work.checkpoint(step(work, closes)).await?;
                    let _ = done.send(());
                }
                Some(Command::Stumble) => return Err(failure(true).into()),
                Some(Command::GiveUp) => return Err(failure(false).into()),
                Some(Command::Finish(last)) => {
                    let is_free = last == Last::Block;
                    let checkpoint = (last != Last::Nothing).then(|| Checkpoint {
                        step: step(work, true),
                        content: Arc::new(is_free),
                    });
                    return Ok(Done::Result {
                        result: json!({}),
                        content: Value::Null,
                        events: Vec::new(),
                        last: checkpoint,
                    });
                }
            }
        }
    }

    async fn store(&self, _unit: &mut Unit, contents: &[&Content], _keeps: Keeps) -> Result<Vec<bool>> {
        let is_free = |content: &&Content| *content.downcast_ref::<bool>().expect("whether it can be stored");
        Ok(contents.iter().map(is_free).collect())
    }

    async fn close(&self, _unit: &mut Unit, _endings: &[Ending<'_>]) -> Result<()> {
        Ok(())
    }
}

fn step(work: &Work, closes: bool) -> Step {
    let written = (work.job().written + i32::from(closes)).min(PLANNED);
    Step {
        planned: Some(PLANNED),
        closed: closes.then(Uuid::now_v7),
        ..Step::new(JobPhase::Writing, f64::from(written) / f64::from(PLANNED))
    }
}

fn failure(retryable: bool) -> Failure {
    Failure {
        retryable,
        ..Failure::internal("as commanded")
    }
}
