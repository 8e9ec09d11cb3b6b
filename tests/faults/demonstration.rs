//! The demonstration: three nodes, five hundred jobs, a random node killed every two seconds and Redis flushed every ten,
//! for a minute. Every accepted job ends, and nobody who watches has a hole.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sitewright::db::Db;
use sitewright::entities::{JobState, job, worker};
use tokio::sync::Semaphore;

use crate::checks::succeeded_or_poison;
use crate::experiments::{Measured, Trial};
use crate::footprint::Footprint;
use crate::load::{moves, snapshots};
use crate::nodes::Nodes;
use crate::stage::{KEYS, Stage};
use crate::support::process::Environment;
use crate::support::redis::TestRedis;

/// Five hundred jobs: each account runs eight of its fifty at a time, as its caps say.
const ACCOUNTS: usize = 10;
const JOBS_EACH: usize = 50;
const FOR_SO_LONG: Duration = Duration::from_secs(60);
const KILL_EVERY: Duration = Duration::from_secs(2);
const FLUSH_EVERY: Duration = Duration::from_secs(10);
/// No live job is rescued by mistake on a busy machine, and a dead one soon.
const LEASES: Environment = &[
    ("SITEWRIGHT_JOBS__LEASE_MS", "3000"),
    ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "500"),
    ("SITEWRIGHT_JOBS__RESCUE_MS", "500"),
    ("SITEWRIGHT_JOBS__CONCURRENCY", "32"),
    ("SITEWRIGHT_LIMITS__RUNNING_PER_ACCOUNT", "8"),
    ("SITEWRIGHT_LIMITS__QUEUED_PER_ACCOUNT", "500"),
    KEYS,
];

/// Seen to fail: with a snapshot whose cursor lay within a text that it did not tell, a watcher had a hole.
pub async fn run(mut trial: Trial) -> Measured {
    let (mut stage, mut clients) = Stage::with_tenants(trial.backend, ACCOUNTS, JOBS_EACH).await;
    stage.model.speed(100);
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(LEASES))).await);
    let at_first = Footprint::of(&stage, &nodes.at(0)).await;
    let began = Instant::now();
    // A few starts at a time, so that kills meet them as well.
    let gate = &Semaphore::new(8);
    let mut all = Vec::new();
    for (place, client) in clients.iter_mut().enumerate() {
        let (stage, nodes) = (&stage, &nodes);
        all.push(async move {
            {
                let _pass = gate.acquire().await.expect("it stays open");
                client.start(nodes, place).await;
            }
            client.follow(stage, nodes, place, |_| false).await;
        });
    }
    let redis = stage.world.redis.as_ref();
    let (kills, flushes, _) = tokio::join!(kill(&stage, &nodes, &mut trial.chance), flush(redis), join_all(all));
    let took = began.elapsed();
    stage.moves = kills.len();
    let [succeeded, quarantined] = succeeded_or_poison(&stage, &clients, clients.len() * 19 / 20).await;
    let measured = vec![
        ("jobs", clients.len() as f64),
        ("succeeded", succeeded as f64),
        ("quarantined", quarantined as f64),
        ("kills", kills.len() as f64),
        ("flushes", flushes as f64),
        (
            "slowest repair s",
            kills.iter().map(Duration::as_secs_f64).fold(0.0, f64::max),
        ),
        ("sockets moved", moves(&clients)),
        ("snapshots", snapshots(&clients)),
        ("minutes", took.as_secs_f64() / 60.0),
    ];
    // The first node is another process by now, and holds no more than that one did before it had anything to do.
    at_first.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    measured
}

/// A random node every two seconds, and another in its place; says how long its jobs waited to be taken over.
async fn kill(stage: &Stage, nodes: &Nodes, chance: &mut StdRng) -> Vec<Duration> {
    let since = Instant::now();
    let mut ticks = tokio::time::interval(KILL_EVERY);
    let mut repairs = Vec::new();
    while since.elapsed() < FOR_SO_LONG {
        ticks.tick().await;
        let place = chance.random_range(0..nodes.count());
        let held = held_by(stage, nodes.at(place).process.id()).await;
        nodes.kill(place).await;
        repairs.push(tokio::spawn(taken_over(stage.world.app.db.clone(), held)));
        nodes.put(place, stage.node(LEASES).await);
    }
    join_all(repairs)
        .await
        .into_iter()
        .map(|repair| repair.expect("everything is taken over"))
        .collect()
}

/// The jobs that a process runs, as the database knows it.
async fn held_by(stage: &Stage, process: i32) -> Vec<job::Model> {
    let db = stage.world.app.db.reader();
    let worker = worker::Entity::find().filter(worker::Column::ProcessId.eq(i64::from(process)));
    let Some(worker) = worker.one(db).await.unwrap() else {
        return Vec::new();
    };
    let held = job::Entity::find()
        .filter(job::Column::LeaseOwner.eq(worker.id))
        .filter(job::Column::State.eq(JobState::Running));
    held.all(db).await.unwrap()
}

/// Waits until every job has left the lease that it had.
async fn taken_over(db: Db, held: Vec<job::Model>) -> Duration {
    let since = Instant::now();
    let ids: Vec<_> = held.iter().map(|job| job.id).collect();
    loop {
        let now = job::Entity::find().filter(job::Column::Id.is_in(ids.iter().copied()));
        let now = now.all(db.reader()).await.unwrap();
        let is_held = |row: &job::Model| {
            row.state == JobState::Running
                && held
                    .iter()
                    .any(|seen| seen.id == row.id && seen.run_lease == row.run_lease)
        };
        if !now.iter().any(is_held) {
            return since.elapsed();
        }
        // While every node dies before it has been there for a lease nobody may; once the kills are over somebody does.
        let limit = FOR_SO_LONG + Duration::from_secs(30);
        assert!(since.elapsed() < limit, "nobody takes over from a dead node");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn flush(redis: Option<&TestRedis>) -> usize {
    let mut flushes = 0;
    let since = Instant::now();
    while since.elapsed() + FLUSH_EVERY <= FOR_SO_LONG {
        tokio::time::sleep(FLUSH_EVERY).await;
        if let Some(redis) = redis {
            redis.flush_all();
            flushes += 1;
        }
    }
    flushes
}
