//! Runs trials one after the other, and keeps count of what failed and of what was measured.

use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;

use crate::arguments::Arguments;
use crate::experiments::{self, Experiment, Measured, Outcome, Trial};
use crate::report;
use crate::support::Backend;

/// No trial takes longer, however busy the machine is: one that does is stuck.
const LIMIT: Duration = Duration::from_secs(600);

/// What came of an experiment on one database.
pub struct Line {
    pub name: &'static str,
    pub says: &'static str,
    pub backend: Backend,
    /// Those that were run.
    pub trials: usize,
    /// Why some were not.
    pub left_out: Option<&'static str>,
    pub failures: Vec<String>,
    pub took: Duration,
    /// The worst of each thing that was measured.
    pub measured: Measured,
}

/// Whether nothing failed.
pub async fn all(arguments: &Arguments) -> bool {
    let seed = arguments.seed;
    println!("seed {seed}");
    let began = Instant::now();
    let mut lines = Vec::new();
    for experiment in experiments::all() {
        if arguments
            .only
            .as_ref()
            .is_some_and(|part| !experiment.name.contains(part))
        {
            continue;
        }
        for backend in databases(&experiment, arguments) {
            let (quick, long) = experiment.trials;
            // What is asked for by name is tried once at least.
            let least = usize::from(arguments.only.is_some());
            let wanted = if arguments.is_quick { quick.max(least) } else { long };
            let trials = arguments.trials.unwrap_or(wanted);
            if trials > 0 {
                lines.push(one(&experiment, backend, trials, arguments).await);
            }
        }
    }
    if lines.is_empty() {
        eprintln!("no experiment has such a name; --list names them");
        return false;
    }
    report::say(&lines, seed, began.elapsed(), arguments);
    lines.iter().all(|line| line.failures.is_empty())
}

/// All that it is about; in the quick set one of them, drawn by the seed.
fn databases(experiment: &Experiment, arguments: &Arguments) -> Vec<Backend> {
    if !arguments.is_quick || arguments.only.is_some() {
        return experiment.on.to_vec();
    }
    let mut chance = Trial::new(arguments.seed, experiment, experiment.on[0], 0, true).chance;
    experiment.on.choose(&mut chance).copied().into_iter().collect()
}

async fn one(experiment: &Experiment, backend: Backend, trials: usize, arguments: &Arguments) -> Line {
    let began = Instant::now();
    let (mut failures, mut measured) = (Vec::new(), Measured::new());
    let (mut run, mut left_out) = (0, None);
    for number in 0..trials {
        let trial = Trial::new(arguments.seed, experiment, backend, number, arguments.is_quick);
        let mut running = tokio::spawn((experiment.run)(trial));
        match tokio::time::timeout(LIMIT, &mut running).await {
            Ok(Ok(Outcome::Passed(values))) => values.into_iter().for_each(|value| worst(&mut measured, value)),
            Ok(Ok(Outcome::LeftOut(why))) => {
                left_out = Some(why);
                continue;
            }
            Ok(Err(panicked)) => failures.push(format!("trial {number}: {}", words(panicked))),
            Err(_) => {
                running.abort();
                // With it ends what it did to the services that the next trial needs.
                running.await.ok();
                failures.push(format!("trial {number} did not end within {LIMIT:?}"));
            }
        }
        run += 1;
    }
    let line = Line {
        name: experiment.name,
        says: experiment.says,
        backend,
        trials: run,
        left_out,
        failures,
        took: began.elapsed(),
        measured,
    };
    println!("{}", report::progress(&line));
    line
}

fn worst(measured: &mut Measured, (what, value): (&'static str, f64)) {
    match measured.iter_mut().find(|(known, _)| *known == what) {
        Some((_, known)) => *known = known.max(value),
        None => measured.push((what, value)),
    }
}

/// What a task said when it panicked.
fn words(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "it was stopped".to_string();
    };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
        .unwrap_or_else(|| "it panicked without a word".to_string())
}
