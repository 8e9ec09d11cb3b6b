//! The list: every experiment, on which databases, and how often.

use std::pin::Pin;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

use crate::support::Backend;
use crate::{crashes, crowds, demonstration, model, postgres, redis, sockets, sqlite, workers};

/// One trial: where, the how-manieth, and all its chance.
pub struct Trial {
    pub backend: Backend,
    pub number: usize,
    pub chance: StdRng,
    pub is_quick: bool,
}

/// What a trial measured, for the table; it fails by panicking.
pub type Measured = Vec<(&'static str, f64)>;

/// What came of a trial that did not fail.
pub enum Outcome {
    Passed(Measured),
    /// It takes what this machine does not give, and proves nothing.
    LeftOut(&'static str),
}

impl From<Measured> for Outcome {
    fn from(measured: Measured) -> Outcome {
        Outcome::Passed(measured)
    }
}

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub struct Experiment {
    pub name: &'static str,
    /// What must hold.
    pub says: &'static str,
    pub on: &'static [Backend],
    /// Trials on each database, in the quick set and in the long one.
    pub trials: (usize, usize),
    pub run: Box<dyn Fn(Trial) -> Running + Send + Sync>,
}

use Backend::{Postgres, Redis, Sqlite};
const ANYWHERE: &[Backend] = &[Sqlite, Postgres, Redis];
const SEVERAL_NODES: &[Backend] = &[Postgres, Redis];

fn experiment<F>(
    name: &'static str,
    says: &'static str,
    on: &'static [Backend],
    trials: (usize, usize),
    run: impl Fn(Trial) -> F + Send + Sync + 'static,
) -> Experiment
where
    F: Future<Output: Into<Outcome>> + Send + 'static,
{
    Experiment {
        name,
        says,
        on,
        trials,
        run: Box::new(move |trial| {
            let running = run(trial);
            Box::pin(async move { running.await.into() })
        }),
    }
}

#[rustfmt::skip] // a table
pub fn all() -> Vec<Experiment> {
    let mut all = Vec::new();
    for crash in crashes::CRASHES {
        let run = move |trial| crashes::one_process_dies(trial, crash);
        all.push(experiment(crash.name, crash.says, ANYWHERE, crash.trials, run));
    }
    let heals = "starts are acknowledged at once, streams heal, no job is tried again";
    let outage = |what| move |trial| redis::away(trial, what);
    all.extend([
        experiment("api before the wake", "a worker finds the job by itself", &[Redis], (0, 2), redis::wake_lost),
        experiment("three nodes, many kills", "every job ends, no hole, nothing is kept", SEVERAL_NODES, (0, 2), workers::kills),
        experiment("repair after kill -9", "within lease and scan", SEVERAL_NODES, (0, 2), workers::repair),
        experiment("worker asleep for two leases", "late writes touch no row, its model call is aborted", SEVERAL_NODES, (1, 2), workers::sleeper),
        experiment("a job that aborts its process", "quarantined after 3 crashes, others finish", ANYWHERE, (0, 1), workers::poison),
        experiment("rolling restart", "no event lost, no attempt used", SEVERAL_NODES, (0, 1), workers::rolling_restart),
        experiment("redis stopped for 10 s", heals, &[Redis], (0, 1), outage(redis::Outage::Stopped)),
        experiment("redis flushed", heals, &[Redis], (1, 2), outage(redis::Outage::Flushed)),
        experiment("redis silent for 10 s", heals, &[Redis], (0, 1), outage(redis::Outage::Frozen)),
        experiment("slow lines, cut at random", "every job ends, no hole", SEVERAL_NODES, (0, 2), redis::slow_lines),
        experiment("postgres frozen for two leases", "refused in time, nobody is rescued by mistake", SEVERAL_NODES, (0, 1), postgres::paused),
        experiment("postgres killed", "refused in time, then it goes on, charged once", SEVERAL_NODES, (1, 1), postgres::killed),
        experiment("answers to commits lost", "what was committed happened once", SEVERAL_NODES, (1, 1), postgres::answers_lost),
        experiment("sqlite killed at any write", "integrity_check ok, every job ends once", &[Sqlite], (1, 4), sqlite::kills),
        experiment("sqlite on a full disk", "clear errors, and it goes on when there is room", &[Sqlite], (1, 3), sqlite::disk_full),
        experiment("a client that never reads", "freed within 15 s, memory bounded", &[Sqlite, Redis], (0, 1), sockets::never_reads),
        experiment("a half-open connection", "let go after 45 s of silence, and 2 s for its last word", &[Sqlite, Redis], (1, 1), sockets::half_open),
        experiment("a client at 1 KB/s", "sees the end, or is cut and comes back; others do not notice", &[Sqlite], (0, 1), sockets::kilobyte_a_second),
        experiment("reconnecting 100 times", "the text equals the stored one, one end", ANYWHERE, (1, 1), sockets::reconnecting),
        experiment("a model that misbehaves", "jobs end in time with the right word, calls are bounded", &[Sqlite, Postgres], (1, 1), model::rows),
        experiment("100 starts on a balance for 20", "exactly 20", ANYWHERE, (1, 1), crowds::overdraft),
        experiment("demonstration", "500 jobs, 3 nodes, a kill every 2 s, Redis flushed every 10 s: every job ends, no hole", &[Redis], (0, 1), demonstration::run),
        experiment("400 jobs against 1", "it waits two job times at most", &[Sqlite, Postgres], (0, 1), crowds::fairness),
    ]);
    all
}

impl Trial {
    /// The same seed gives the same trial, whatever else is run.
    pub fn new(seed: u64, experiment: &Experiment, backend: Backend, number: usize, is_quick: bool) -> Trial {
        let text = format!("{seed} {} {backend:?} {number}", experiment.name);
        let digest = Sha256::digest(text.as_bytes());
        let own = u64::from_le_bytes(digest[..8].try_into().expect("eight bytes"));
        Trial {
            backend,
            number,
            chance: StdRng::seed_from_u64(own),
            is_quick,
        }
    }
}

/// Prints the names; always well.
pub fn list() -> bool {
    for experiment in all() {
        println!("{:<28} {:?} {}", experiment.name, experiment.on, experiment.says);
    }
    true
}
