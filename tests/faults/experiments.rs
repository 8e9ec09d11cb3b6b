//! The list: every experiment, on which databases, and how often.

use std::pin::Pin;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sha2::{Digest, Sha256};

use crate::crashes;
use crate::support::Backend;

/// One trial: where, the how-manieth, and all its chance.
pub struct Trial {
    pub backend: Backend,
    pub number: usize,
    pub chance: StdRng,
    pub is_quick: bool,
}

/// What a trial measured, for the table; it fails by panicking.
pub type Measured = Vec<(&'static str, f64)>;
type Running = Pin<Box<dyn Future<Output = Measured> + Send>>;

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
    F: Future<Output = Measured> + Send + 'static,
{
    Experiment {
        name,
        says,
        on,
        trials,
        run: Box::new(move |trial| Box::pin(run(trial))),
    }
}

pub fn all() -> Vec<Experiment> {
    let mut all = Vec::new();
    for crash in crashes::CRASHES {
        let run = move |trial| crashes::one_process_dies(trial, crash);
        all.push(experiment(crash.name, crash.says, ANYWHERE, crash.trials, run));
    }
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
