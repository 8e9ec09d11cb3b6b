//! Postgres that is frozen, killed, or whose answer to a commit is lost.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::RngExt;

use crate::checks::{first_attempt, written_once};
use crate::client::{Client, NoAnswer, Wish};
use crate::experiments::{Measured, Trial};
use crate::footprint::Footprint;
use crate::load::{a_moment, flowing, follow_all, refusals, start_all, writers};
use crate::nodes::Nodes;
use crate::stage::{LONG, Stage};
use crate::support::process::Environment;
use crate::support::proxy::Proxy;

/// Shorter than the outage, longer than what a busy machine makes of a heartbeat.
const LEASE_MS: u64 = 3_000;
const LEASES: Environment = &[
    ("SITEWRIGHT_JOBS__LEASE_MS", "3000"),
    ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "500"),
    ("SITEWRIGHT_JOBS__RESCUE_MS", "200"),
];
/// Three seconds are promised; the machine may be busy.
const PROMPT: Duration = Duration::from_secs(8);
/// Refusals that one client may hear: it asks twice a second, and no outage takes half a minute.
const OUTAGE: usize = 60;

/// Asks each node for a start once, and says how long the slowest refusal took.
async fn refused_meanwhile(nodes: &Nodes, client: &mut Client) -> Duration {
    let mut slowest = Duration::ZERO;
    for place in 0..nodes.count() {
        let asked = Instant::now();
        let answer = client.try_start(&nodes.at(place)).await;
        slowest = slowest.max(asked.elapsed());
        assert!(matches!(answer, Err(NoAnswer::Unavailable)), "{answer:?}");
    }
    slowest
}

/// Frozen beyond a lease, in the middle of everything.
///
/// Seen to fail: when the rescuer counts its patience from its own start alone, the jobs are taken over after the silence.
pub async fn paused(mut trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 9).await;
    stage.refusals = OUTAGE;
    stage.model.speed(40);
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(LEASES))).await);
    let at_first = Footprint::of(&stage, &nodes.at(0)).await;
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, 9).await;
    let site = stage.world.blueprint(stage.world.account).await;
    let mut late = Client::new(Wish::Plan(site));
    let postgres = stage.world.postgres().expect("a world with Postgres");
    let slowest = follow_all(&stage, &nodes, &mut clients, async {
        a_moment(&mut trial.chance, 1_000).await;
        let frozen = postgres.freeze();
        let since = Instant::now();
        let slowest = refused_meanwhile(&nodes, &mut late).await;
        let rest = Duration::from_millis(2 * LEASE_MS).saturating_sub(since.elapsed());
        tokio::time::sleep(rest).await;
        drop(frozen);
        slowest
    })
    .await;
    assert!(slowest < PROMPT, "a refusal took {slowest:?}");
    stage.model.speed(0);
    late.live(&stage, &nodes, 0).await;
    written_once(&stage, &late).await;
    for client in &clients {
        written_once(&stage, client).await;
        first_attempt(&stage, client).await;
    }
    at_first.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    clients.push(late);
    let refusals = refusals(&clients);
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    vec![
        ("slowest refusal ms", slowest.as_millis() as f64),
        ("refusals", refusals),
    ]
}

/// `kill -9` of every process of Postgres, and a start some seconds later.
pub async fn killed(mut trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 9).await;
    stage.refusals = OUTAGE;
    stage.model.speed(40);
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(LEASES))).await);
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, 9).await;
    let site = stage.world.blueprint(stage.world.account).await;
    let mut late = Client::new(Wish::Plan(site));
    let postgres = stage.world.postgres().expect("a world with Postgres");
    let slowest = follow_all(&stage, &nodes, &mut clients, async {
        a_moment(&mut trial.chance, 2_000).await;
        let dead = postgres.kill();
        let slowest = refused_meanwhile(&nodes, &mut late).await;
        a_moment(&mut trial.chance, 4_000).await;
        dead.start_again().await;
        slowest
    })
    .await;
    assert!(slowest < PROMPT, "a refusal took {slowest:?}");
    stage.model.speed(0);
    late.live(&stage, &nodes, 0).await;
    for client in clients.iter().chain([&late]) {
        written_once(&stage, client).await;
    }
    nodes.stop().await;
    clients.push(late);
    let refusals = refusals(&clients);
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    vec![
        ("slowest refusal ms", slowest.as_millis() as f64),
        ("refusals", refusals),
    ]
}

/// The line to Postgres loses answers for a while: what was committed meanwhile happened once.
///
/// Seen to fail: when a holder does not read its row again after a failed commit, the job is tried once more.
pub async fn answers_lost(mut trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 6).await;
    stage.refusals = OUTAGE;
    stage.model.speed(120);
    let port = stage.world.postgres().expect("a world with Postgres").port();
    let proxy = Proxy::to(port).await;
    stage.database_url = proxy.of_url(&stage.database_url, port);
    let nodes = Nodes::new([stage.node(LONG).await]);
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, 6).await;
    let mut plans = Vec::new();
    for _ in 0..4 {
        plans.push(Client::new(Wish::Plan(
            stage.world.blueprint(stage.world.account).await,
        )));
    }
    follow_all(&stage, &nodes, &mut clients, async {
        for plan in &mut plans {
            a_moment(&mut trial.chance, 1_500).await;
            proxy.lose_answers_to_commits();
            // It may be committed or not; its key finds out.
            let _ = plan.try_start(&nodes.at(0)).await;
            tokio::time::sleep(Duration::from_millis(trial.chance.random_range(0..400))).await;
            proxy.speak();
        }
    })
    .await;
    stage.model.speed(0);
    for plan in &mut plans {
        plan.live(&stage, &nodes, 0).await;
    }
    for client in clients.iter().chain(&plans) {
        written_once(&stage, client).await;
    }
    // A claim whose answer was lost is taken over after its lease, and that is an attempt. What ran before knows its commits.
    for client in &clients {
        first_attempt(&stage, client).await;
    }
    assert!(proxy.lost() >= plans.len(), "{} answers were lost", proxy.lost());
    let replayed = plans.iter().map(|plan| plan.replays).sum::<usize>() as f64;
    assert!(replayed >= 1.0, "no start was committed without its answer");
    nodes.stop().await;
    stage.close(&clients.iter().chain(&plans).collect::<Vec<_>>()).await;
    vec![("starts found again", replayed)]
}
