//! Any sequence of transitions of one job, in step with a model that fits on a page.
//!
//! Two processes claim, lose, regain and end the job while a person cancels it and lost holders keep trying.
//! After each step the row is what the model says and every invariant holds.

use std::sync::Arc;

use proptest::prelude::prop;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use sitewright::entities::{JobKind, JobState};
use sitewright::jobs::{self, Activity, Engine, EngineConfig, Orphans};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::model::{Last, Model, Op, Try, any_op, corners};
use super::obedient::{Command, Obedient};
use crate::races::bench;
use crate::support::{Backend, World};

/// A running task that holds the job, or believes so.
struct Holder {
    process: usize,
    lease: i64,
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

struct Case<'a> {
    world: &'a World,
    engines: &'a [Engine],
    hub: &'a Obedient,
    job: Uuid,
    model: Model,
    holder: Option<Holder>,
    ghosts: Vec<Holder>,
    /// The lease under which each process counts the job as held.
    held: [Option<i64>; 2],
}

impl Case<'_> {
    async fn step(&mut self, op: &Op) {
        match *op {
            Op::Claim(process) => self.claim(process).await,
            Op::Checkpoint { closes } => self.checkpoint(closes).await,
            Op::Stumble => {
                let max = self.engines[0].config().max_attempts;
                let is_last = self.model.attempt >= max;
                self.let_go(Command::Stumble, |flagged| match (flagged, is_last) {
                    (true, _) => JobState::Cancelled,
                    (false, true) => JobState::Failed,
                    (false, false) => JobState::Queued,
                })
                .await;
            }
            Op::GiveUp => {
                let end = |flagged| if flagged { JobState::Cancelled } else { JobState::Failed };
                self.let_go(Command::GiveUp, end).await;
            }
            Op::Finish(last) => {
                let end = |flagged| {
                    if flagged {
                        JobState::Cancelled
                    } else {
                        JobState::Succeeded
                    }
                };
                self.let_go(Command::Finish(last), end).await;
                // A cancel that came first is told that nothing of it was written.
                if last == Last::Block && self.model.state == JobState::Succeeded {
                    self.model.written += 1;
                }
            }
            Op::GiveBack => self.give_back().await,
            Op::Rescue(process) => self.rescue(process).await,
            Op::Cancel => self.cancel().await,
            Op::Expire(process) => self.expire(process).await,
            Op::Beat(process) => self.beat(process).await,
            Op::Ghost(what) => self.ghost(what).await,
        }
    }

    async fn claim(&mut self, process: usize) {
        let engine = &self.engines[process];
        let claimed = jobs::claim(engine, 8).await.unwrap().pop();
        // A suspect waits until its process has nothing else.
        let is_due = self.model.state == JobState::Queued && (self.model.crashes < 2 || self.held[process].is_none());
        assert_eq!(claimed.is_some(), is_due);
        let Some(job) = claimed else { return };
        let (commands, inbox) = mpsc::unbounded_channel();
        self.hub.expect(&job, inbox);
        self.model = Model {
            state: JobState::Running,
            lease: self.model.lease + 1,
            attempt: self.model.attempt + 1,
            has_closed: false,
            ..self.model.clone()
        };
        self.held[process] = Some(job.run_lease);
        self.holder = Some(Holder {
            process,
            lease: job.run_lease,
            commands,
            task: tokio::spawn(jobs::hold(engine.clone(), job)),
        });
    }

    async fn checkpoint(&mut self, closes: bool) {
        let Some(holder) = &self.holder else { return };
        let (done, is_done) = oneshot::channel();
        holder.commands.send(Command::Checkpoint { closes, done }).ok();
        is_done.await.expect("the holder's checkpoint is stored");
        if closes {
            self.model.written += 1;
            self.model.crashes = 0;
            self.model.has_closed = true;
        }
        // Without a hint and before any beat, the checkpoint itself says that the job was cancelled.
        if self.model.is_flagged
            && let Some(holder) = self.holder.take()
        {
            self.ended(holder).await;
            self.model.state = JobState::Cancelled;
        }
    }

    async fn let_go(&mut self, command: Command, end: impl FnOnce(bool) -> JobState) {
        let Some(holder) = self.holder.take() else { return };
        holder.commands.send(command).ok();
        self.ended(holder).await;
        self.model.state = end(self.model.is_flagged);
    }

    /// Waits for a holder's task; then its process holds the job no more.
    async fn ended(&mut self, holder: Holder) {
        holder.task.await.expect("a holder never panics");
        if self.held[holder.process] == Some(holder.lease) {
            self.held[holder.process] = None;
        }
    }

    async fn give_back(&mut self) {
        let Some(holder) = self.holder.take() else { return };
        self.engines[holder.process].drain().await;
        self.ended(holder).await;
        if self.model.is_flagged {
            self.model.state = JobState::Cancelled;
        } else {
            self.model.state = JobState::Queued;
            self.model.attempt -= 1;
        }
    }

    async fn rescue(&mut self, process: usize) {
        let count = jobs::rescue(&self.engines[process], Orphans::All).await.unwrap();
        assert_eq!(count == 1, self.model.state == JobState::Running);
        if count == 1 {
            self.model.rescue(self.engines[0].config().max_attempts);
            self.ghosts.extend(self.holder.take());
        }
    }

    async fn cancel(&mut self) {
        let (engine, account) = (&self.engines[0], self.world.account);
        let answer = jobs::cancel(engine, account, self.job).await.unwrap();
        match self.model.state {
            JobState::Queued => {
                self.model.state = JobState::Cancelled;
                self.model.lease += 1;
            }
            JobState::Running => self.model.is_flagged = true,
            _ => {}
        }
        assert_eq!(answer.state, self.model.state);
    }

    async fn expire(&mut self, process: usize) {
        let text = "UPDATE jobs SET deadline_at = {now+$2} WHERE id = $1 AND finished_at IS NULL";
        self.world.rewrite(text, [self.job.into(), (-1_000_i64).into()]).await;
        let count = jobs::rescue(&self.engines[process], Orphans::Expired).await.unwrap();
        assert_eq!(count == 0, self.model.state.is_terminal());
        if count == 1 {
            self.model.state = JobState::Failed;
            self.model.lease += 1;
            self.ghosts.extend(self.holder.take());
        }
    }

    /// A process learns by its beat what was cancelled and what it lost.
    async fn beat(&mut self, process: usize) {
        let known = self.held[process];
        jobs::beat(&self.engines[process]).await.unwrap();
        let is_own = |holder: &Holder| holder.process == process && known == Some(holder.lease);
        if self.model.is_flagged && self.holder.as_ref().is_some_and(is_own) {
            let holder = self.holder.take().expect("it was just seen");
            self.ended(holder).await;
            self.model.state = JobState::Cancelled;
        }
        if let Some(at) = self.ghosts.iter().position(is_own) {
            let ghost = self.ghosts.remove(at);
            self.ended(ghost).await;
        }
    }

    async fn ghost(&mut self, what: Try) {
        let Some(ghost) = self.ghosts.pop() else { return };
        let (done, is_done) = oneshot::channel();
        let command = match what {
            Try::Checkpoint => Command::Checkpoint { closes: true, done },
            Try::Stumble => Command::Stumble,
            Try::Finish => Command::Finish(Last::Block),
        };
        ghost.commands.send(command).ok();
        if matches!(what, Try::Checkpoint) {
            assert!(is_done.await.is_err(), "a lost holder stored something");
        }
        self.ended(ghost).await;
    }

    /// The row is what the model says, and every invariant holds.
    async fn check(&self) {
        let row = self.world.job(self.job).await;
        let found = Model {
            state: row.state,
            lease: row.run_lease,
            attempt: row.attempt,
            crashes: row.crashes,
            written: row.written,
            has_closed: self.model.has_closed,
            is_flagged: row.cancel_requested_at.is_some(),
        };
        assert_eq!(found, self.model);
        assert_eq!(row.charged, self.model.charged());
        self.world.check().await;
    }

    async fn finish(mut self) {
        if !self.model.state.is_terminal() {
            self.cancel().await;
            if let Some(process) = self.holder.as_ref().map(|holder| holder.process) {
                self.beat(process).await;
            }
        }
        assert!(self.model.state.is_terminal());
        self.check().await;
        for ghost in std::mem::take(&mut self.ghosts) {
            drop(ghost.commands);
            ghost.task.await.expect("a holder never panics");
        }
    }
}

async fn run(world: &World, engines: &[Engine], hub: &Obedient, site: Uuid, ops: &[Op]) {
    let job = bench::queue(&engines[0], world.account, site, 1).await[0];
    let mut case = Case {
        world,
        engines,
        hub,
        job,
        model: Model::new(),
        holder: None,
        ghosts: Vec::new(),
        held: [None; 2],
    };
    for op in ops {
        case.step(op).await;
        case.check().await;
    }
    case.finish().await;
}

/// Seen to fail, on both databases: with `lock_own` asking for the state alone (a ghost ended the job that another
/// holder had); with a T4 that looks for no cancel (neither `end` nor `write_end`); with a T9
/// that keeps the attempt; with a T8 that does not give an attempt back after a block; with a T5 without `attempt <
/// max_attempts`; with suspects claimed like others. The fence of T3 and T5 was removed together with the unique
/// index `job_events_chain`: each of the two guards alone refuses a ghost's write.
async fn every_step_of_a_job_keeps_the_invariants(backend: Backend) {
    let world = backend
        .world_with(|config| {
            bench::uncapped(config);
            config.jobs.retry_base_ms = 0;
            config.jobs.retry_cap_ms = 0;
            config.credits.initial = 1_000_000;
        })
        .await;
    let hub = Obedient::default();
    let mut engines = Vec::new();
    for _ in 0..2 {
        let app = world.another_process().await;
        let activity: Arc<dyn Activity> = Arc::new(hub.clone());
        let config = EngineConfig::from(&app.config);
        engines.push(Engine::new(
            app.db.clone(),
            app.bus.clone(),
            None,
            config,
            [(JobKind::Page, activity)],
        ));
    }
    let site = world.blueprint(world.account).await;
    for ops in corners() {
        run(&world, &engines, &hub, site, &ops).await;
    }
    // No shrinking: after a failure the world is not the one in which it happened.
    let config = Config {
        cases: if backend == Backend::Sqlite { 60 } else { 40 },
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let sequences = prop::collection::vec(any_op(), 16..40);
    let result = tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Handle::current();
        runner.run(&sequences, |ops| {
            runtime.block_on(run(&world, &engines, &hub, site, &ops));
            Ok(())
        })
    });
    if let Err(TestError::Fail(reason, ops)) = result {
        panic!("{reason}\nafter {ops:#?}");
    }
    result.expect("the sequences are made");
    world.settle().await;
}

on_both!(every_step_of_a_job_keeps_the_invariants,);
