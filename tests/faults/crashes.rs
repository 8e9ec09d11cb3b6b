//! A process that dies at a named point, as by `kill -9`, with a client that repeats what it was not answered.

use rand::RngExt;

use crate::checks::written_once;
use crate::client::{Client, Wish};
use crate::experiments::{Measured, Trial};
use crate::footprint::Footprint;
use crate::nodes::Nodes;
use crate::stage::Stage;

/// Where a process dies.
pub struct Crash {
    pub name: &'static str,
    pub says: &'static str,
    pub trials: (usize, usize),
    point: &'static str,
    /// Which pass of the point it may be; one is drawn.
    passes: std::ops::RangeInclusive<usize>,
}

const ONCE: std::ops::RangeInclusive<usize> = 1..=1;
const STARTS: &str = "an acknowledged start exists; the key gives one job";
const WRITES: &str = "the job ends, one result, one charge, each block once, no hole in the stream";

pub const CRASHES: &[Crash] = &[
    crash("api before commit", STARTS, (1, 2), "before_start_commit", ONCE),
    crash("api before its reply", STARTS, (1, 2), "after_start_commit", ONCE),
    crash("worker after claim", WRITES, (0, 2), "after_claim", ONCE),
    crash("worker mid-delta", WRITES, (1, 2), "mid_delta", 1..=200),
    crash("worker inside checkpoint", WRITES, (0, 2), "inside_checkpoint", 1..=5),
    crash("worker after checkpoint", WRITES, (1, 2), "after_checkpoint", 1..=5),
    crash("worker inside the end", WRITES, (1, 2), "inside_end", ONCE),
    crash("worker after the end", WRITES, (0, 2), "after_end", ONCE),
];

const fn crash(
    name: &'static str,
    says: &'static str,
    trials: (usize, usize),
    point: &'static str,
    passes: std::ops::RangeInclusive<usize>,
) -> Crash {
    Crash {
        name,
        says,
        trials,
        point,
        passes,
    }
}

/// The only process dies, and another comes after it.
pub async fn one_process_dies(mut trial: Trial, crash: &'static Crash) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 1).await;
    stage.moves = 1;
    stage.model.speed(400);
    let point = format!("{}:{}", crash.point, trial.chance.random_range(crash.passes.clone()));
    let nodes = Nodes::new([stage.node(&[("SITEWRIGHT_CRASH", &point)]).await]);
    // Of a process that has nothing to do: the next one may find the job as soon as it begins.
    let at_first = Footprint::of(&stage, &nodes.at(0)).await;
    let mut client = Client::new(Wish::Page(stage.pages[0]));
    if client.try_start(&nodes.at(0)).await.is_ok() {
        client.watch(&stage, &nodes.at(0), |_| false).await;
    }
    nodes.dies(0).await;
    nodes.put(0, stage.node(&[]).await);
    client.live(&stage, &nodes, 0).await;
    written_once(&stage, &client).await;
    at_first.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    stage.close(&[&client]).await;
    vec![]
}
