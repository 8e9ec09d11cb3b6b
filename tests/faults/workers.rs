//! Workers that sleep, that die of their job, that are replaced, and how soon somebody takes over.

use std::time::{Duration, Instant};

use futures::future::join_all;
use model_server::{Outcome, When};
use rand::RngExt;
use rustix::process::Signal;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sitewright::entities::{JobState, job};

use crate::checks::{first_attempt, succeeded_or_poison, written_once};
use crate::client::{Client, Wish};
use crate::experiments::{Measured, Trial};
use crate::footprint::Footprint;
use crate::load::{a_moment, flowing, follow_all, moves, snapshots, start_all, writers};
use crate::nodes::{Nodes, aborted};
use crate::stage::{LONG, Stage};
use crate::support::process::Environment;
use crate::support::redis::TestRedis;

/// Of those that nodes have by themselves (stage.rs).
const TWO_LEASES: Duration = Duration::from_millis(2 * 1_500);

/// SIGSTOP within a block for two leases at least, SIGCONT while another node writes it.
///
/// In every other trial, and in the quick set by chance, no beat tells the sleeper: then only the fence stops its writes.
///
/// Seen to fail: without `run_lease` in the checkpoint's `WHERE`, a constraint had to stop the late write.
pub async fn sleeper(mut trial: Trial) -> Measured {
    let stage = Stage::with_pages(trial.backend, 1).await;
    // Slow enough that the model still writes when the sleeper wakes up: a reply that is over cannot be aborted.
    stage.model.speed(30);
    let is_fenced = trial.number % 2 == 1 || (trial.is_quick && trial.chance.random());
    let beats: Environment = match is_fenced {
        true => &[
            ("SITEWRIGHT_JOBS__LEASE_MS", "120000"),
            ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "60000"),
        ],
        false => &[],
    };
    let sleeper = Nodes::new([stage.node(beats).await]);
    let mut first = Client::new(Wish::Page(stage.pages[0]));
    let job = first.start(&sleeper, 0).await;
    first
        .follow(&stage, &sleeper, 0, |viewer| {
            viewer.closed.len() == 1 && !viewer.open.is_empty()
        })
        .await;
    sleeper.at(0).process.signal(Signal::STOP);
    let since = Instant::now();
    if is_fenced {
        // Nobody renews its lease, which is long: this is what would come in the end.
        let expire = "UPDATE jobs SET lease_expires_at = {now+$2} WHERE id = $1";
        stage.world.rewrite(expire, [job.into(), (-1_i64).into()]).await;
    }
    let other = Nodes::new([stage.node(&[]).await]);
    let mut second = Client {
        viewer: first.viewer.clone(),
        key: first.key.clone(),
        ..Client::new(first.wish)
    };
    second.job = Some(job);
    let at = first.viewer.cursor.map(|cursor| cursor.lease);
    second
        .follow(&stage, &other, 0, |viewer| {
            viewer.pieces > 10 && viewer.cursor.map(|cursor| cursor.lease) > at
        })
        .await;
    tokio::time::sleep(TWO_LEASES.saturating_sub(since.elapsed())).await;
    sleeper.at(0).process.signal(Signal::CONT);
    let lost = sleeper.at(0).process.says("the job's lease was lost").await;
    assert!(lost.is_some(), "the sleeper finds out");
    let calls = When::of_job(job);
    let aborted = stage.model.ended(&calls, Outcome::Aborted);
    let aborted = tokio::time::timeout(Duration::from_secs(20), aborted).await;
    assert!(aborted.is_ok(), "the sleeper's call is not aborted");
    let log = sleeper.at(0).process.log();
    assert!(
        !log.contains("the database failed"),
        "a constraint had to stop a late write: {log}"
    );
    first.follow(&stage, &sleeper, 0, |_| false).await;
    second.follow(&stage, &other, 0, |_| false).await;
    written_once(&stage, &second).await;
    sleeper.stop().await;
    other.stop().await;
    stage.close(&[&first, &second]).await;
    vec![]
}

/// So many crashes quarantine a job.
const DEATHS: usize = 3;

/// A job whose first letter ends its process, beside one that is harmless.
///
/// Seen to fail: without the limit on crashes a fourth process dies.
pub async fn poison(trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 1).await;
    stage.moves = DEATHS;
    stage.model.speed(600);
    let site = stage.world.blueprint(stage.world.account).await;
    let (mut poison, mut other) = (Client::new(Wish::Page(stage.pages[0])), Client::new(Wish::Plan(site)));
    let mut deaths = 0;
    let last = loop {
        let server = stage.node(&[("SITEWRIGHT_CRASH", "mid_delta")]).await;
        let live = async |client: &mut Client| {
            // An answer may be lost with the process; the key finds the job again.
            if client.viewer.ended == 0 && client.try_start(&server).await.is_ok() {
                client.watch(&stage, &server, |_| false).await;
            }
        };
        tokio::join!(live(&mut other), live(&mut poison));
        if poison.viewer.ended + other.viewer.ended == 2 {
            break server;
        }
        aborted(&server.process).await;
        deaths += 1;
        assert!(deaths <= DEATHS, "one more process died");
    };
    let quarantined = stage.world.job(poison.job.expect("it was started")).await;
    assert_eq!(
        (quarantined.state, quarantined.charged, quarantined.crashes),
        (JobState::Quarantined, Some(0), DEATHS as i32)
    );
    written_once(&stage, &other).await;
    Nodes::new([last]).stop().await;
    stage.close(&[&poison, &other]).await;
    vec![("deaths", deaths as f64)]
}

/// Every node is replaced in turn, while it works.
///
/// Seen to fail: without `attempt - 1` in T9 the jobs that moved have used an attempt.
pub async fn rolling_restart(trial: Trial) -> Measured {
    let count = if trial.is_quick { 12 } else { 30 };
    let mut stage = Stage::with_pages(trial.backend, count).await;
    // Each end of a node moves whom it serves, and a node that is about to end may still take somebody.
    stage.moves = 6;
    stage.model.speed(60);
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(LONG))).await);
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, count).await;
    follow_all(&stage, &nodes, &mut clients, async {
        for place in 0..3 {
            nodes.end(place).await;
            nodes.put(place, stage.node(LONG).await);
        }
    })
    .await;
    for client in &clients {
        written_once(&stage, client).await;
        first_attempt(&stage, client).await;
    }
    let measured = vec![("sockets moved", moves(&clients)), ("snapshots", snapshots(&clients))];
    assert!(moves(&clients) >= count as f64 / 2.0, "the restart met nobody");
    nodes.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    measured
}

/// How soon the jobs of a killed process are taken over: within lease and scan.
///
/// Seen to fail: with nodes whose lease is longer than the one that is said here.
pub async fn repair(trial: Trial) -> Measured {
    // The defaults once; shorter, they say as much and take less time.
    let (lease, scan) = match (trial.is_quick, trial.number) {
        (false, 0) => (30_000, 5_000),
        _ => (3_000, 500),
    };
    let [lease_ms, beat_ms, scan_ms] = [lease, lease / 3, scan].map(|ms: u64| ms.to_string());
    let times = [
        ("SITEWRIGHT_JOBS__LEASE_MS", lease_ms.as_str()),
        ("SITEWRIGHT_JOBS__HEARTBEAT_MS", &beat_ms),
        ("SITEWRIGHT_JOBS__RESCUE_MS", &scan_ms),
    ];
    let stage = Stage::with_pages(trial.backend, 8).await;
    // All jobs run for longer than the repair takes.
    stage.model.speed(if lease > 3_000 { 8 } else { 60 });
    let nodes = Nodes::new([stage.node(&times).await]);
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, 8).await;
    let other = Nodes::new([stage.node(&times).await]);
    // It takes over nothing before it has been there for a lease.
    tokio::time::sleep(Duration::from_millis(lease + scan)).await;
    let mut chance = trial.chance;
    a_moment(&mut chance, lease / 3).await;
    let held = running(&stage).await;
    let since = Instant::now();
    nodes.kill(0).await;
    let mut took = Duration::ZERO;
    while !held.is_empty() {
        let now = running(&stage).await;
        let is_held = |seen: &job::Model| {
            now.iter()
                .any(|row| row.id == seen.id && row.run_lease == seen.run_lease)
        };
        if !held.iter().any(is_held) {
            break;
        }
        took = since.elapsed();
        assert!(
            took.as_millis() < u128::from(2 * lease + scan + 10_000),
            "nobody takes over: {took:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!held.is_empty(), "the process was killed in the middle of nothing");
    // A scan comes a quarter late at most, and a busy machine is given five seconds.
    let limit = Duration::from_millis(lease + scan * 5 / 4 + 5_000);
    assert!(took <= limit, "repaired after {took:?}, and {limit:?} is promised");
    stage.model.speed(0);
    follow_all(&stage, &other, &mut clients, async {}).await;
    for client in &clients {
        written_once(&stage, client).await;
    }
    other.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    let what = if lease > 3_000 {
        "repair s of 35"
    } else {
        "repair s of 3.5"
    };
    vec![(what, took.as_secs_f64())]
}

async fn running(stage: &Stage) -> Vec<job::Model> {
    let running = job::Entity::find().filter(job::Column::State.eq(JobState::Running));
    running.all(stage.world.app.db.reader()).await.unwrap()
}

/// `kill -9` of any of three nodes at any moment, again and again, under load; Redis forgets everything in between.
pub async fn kills(mut trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 12).await;
    stage.moves = 4;
    stage.model.speed(80);
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(&[]))).await);
    let mut clients = writers(&stage);
    let at_first = Footprint::of(&stage, &nodes.at(0)).await;
    start_all(&nodes, &mut clients).await;
    follow_all(&stage, &nodes, &mut clients, async {
        for round in 0..stage.moves {
            a_moment(&mut trial.chance, 2_500).await;
            // The first stays, to see that it keeps nothing.
            let place = 1 + round % 2;
            nodes.kill(place).await;
            nodes.put(place, stage.node(&[]).await);
            a_moment(&mut trial.chance, 1_000).await;
            stage.world.redis.iter().for_each(TestRedis::flush_all);
        }
    })
    .await;
    at_first.is_back(&stage, &nodes.at(0)).await;
    let [_, quarantined] = succeeded_or_poison(&stage, &clients, clients.len() * 3 / 4).await;
    let measured = vec![
        ("quarantined", quarantined as f64),
        ("sockets moved", moves(&clients)),
        ("snapshots", snapshots(&clients)),
    ];
    nodes.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    measured
}
