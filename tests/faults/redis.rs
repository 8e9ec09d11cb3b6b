//! Redis that goes, forgets, falls silent, is slow, or loses what it is told: latency, and nothing else.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::RngExt;

use crate::checks::{first_attempt, written_once};
use crate::client::{Client, Wish};
use crate::experiments::{Measured, Trial};
use crate::footprint::Footprint;
use crate::load::{a_moment, flowing, follow_all, snapshots, start_all, writers};
use crate::nodes::Nodes;
use crate::stage::{LONG, Stage};
use crate::support::process::Environment;
use crate::support::proxy::Proxy;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outage {
    Stopped,
    Flushed,
    /// It accepts connections and answers nothing.
    Frozen,
}

/// A start that waited for Redis would take as long as it is away; the machine may be busy.
const PROMPT: Duration = Duration::from_secs(5);
const AWAY: Duration = Duration::from_secs(10);

/// Text flows on three nodes, to watchers on other nodes; then it happens.
///
/// Fails, by reasoning: when a start waits for Redis, it takes as long as the silence.
pub async fn away(mut trial: Trial, outage: Outage) -> Measured {
    let count = if trial.is_quick { 9 } else { 24 };
    let mut stage = Stage::with_pages(trial.backend, count).await;
    stage.model.speed(40);
    let mut redis = stage.world.redis.take().expect("a world with Redis");
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(LONG))).await);
    let at_first = Footprint::of(&stage, &nodes.at(0)).await;
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, count).await;
    let mut plans: Vec<Client> = Vec::new();
    let slowest = follow_all(&stage, &nodes, &mut clients, async {
        a_moment(&mut trial.chance, 2_000).await;
        let since = Instant::now();
        match outage {
            Outage::Stopped => redis.stop(),
            Outage::Flushed => redis.flush_all(),
            Outage::Frozen => redis.freeze(),
        }
        // Calls that come from now on are quick; those that flow go on as they are.
        stage.model.speed(0);
        let mut slowest = Duration::ZERO;
        for place in 0..3 {
            let site = stage.world.blueprint(stage.world.account).await;
            let mut plan = Client::new(Wish::Plan(site));
            let asked = Instant::now();
            plan.try_start(&nodes.at(place)).await.expect("a start is acknowledged");
            slowest = slowest.max(asked.elapsed());
            plan.follow(&stage, &nodes, place, |_| false).await;
            plans.push(plan);
        }
        match outage {
            Outage::Flushed => return slowest,
            _ => tokio::time::sleep(AWAY.saturating_sub(since.elapsed())).await,
        }
        match outage {
            Outage::Stopped => redis.start_again(),
            _ => redis.thaw(),
        }
        slowest
    })
    .await;
    assert!(slowest < PROMPT, "{outage:?}: a start took {slowest:?}");
    for client in clients.iter().chain(&plans) {
        written_once(&stage, client).await;
        first_attempt(&stage, client).await;
    }
    at_first.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    stage.world.redis = Some(redis);
    let measured = vec![
        ("slowest start ms", slowest.as_millis() as f64),
        ("snapshots", snapshots(&clients)),
    ];
    stage.close(&clients.iter().chain(&plans).collect::<Vec<_>>()).await;
    measured
}

/// The API acknowledges, what it tells the workers is lost on the way, and it is killed: somebody looks by himself. Without
/// Redis nobody is told, and every job is found that way.
///
/// Seen to fail: with `jobs.poll_ms` of ten minutes on the worker, the job waits for ever.
pub async fn wake_lost(trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 1).await;
    // Its text still comes when the client has found the other node.
    stage.model.speed(60);
    let redis = stage.redis_url.clone();
    let worker = stage.node(&[("SITEWRIGHT_SERVER__ROLE", "worker")]).await;
    let port = stage.world.redis.as_ref().expect("a world with Redis").port();
    let proxy = Proxy::to(port).await;
    stage.redis_url = proxy.of_url(&redis, port);
    let api: Environment = &[("SITEWRIGHT_SERVER__ROLE", "api")];
    let nodes = Nodes::new([stage.node(api).await]);
    proxy.lose_questions();
    let mut client = Client::new(Wish::Page(stage.pages[0]));
    client.try_start(&nodes.at(0)).await.expect("a start is acknowledged");
    let losing = async {
        while proxy.lost() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let lost = tokio::time::timeout(Duration::from_secs(30), losing).await;
    assert!(lost.is_ok(), "the API tells nobody");
    let since = Instant::now();
    nodes.kill(0).await;
    stage.redis_url = redis;
    nodes.put(0, stage.node(api).await);
    client.follow(&stage, &nodes, 0, |_| false).await;
    let took = since.elapsed();
    written_once(&stage, &client).await;
    nodes.stop().await;
    Nodes::new([worker]).stop().await;
    stage.close(&[&client]).await;
    vec![("from the kill to the end s", took.as_secs_f64())]
}

/// Slow lines to everything, cut now and then.
pub async fn slow_lines(mut trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 9).await;
    // A line to the database is cut four times, for a moment.
    stage.refusals = 20;
    stage.model.speed(60);
    let database = stage.world.postgres().expect("a world with Postgres").port();
    let model = stage.model.address().port();
    let mut proxies = vec![Proxy::to(database).await, Proxy::to(model).await];
    stage.database_url = proxies[0].of_url(&stage.database_url, database);
    stage.model_url = proxies[1].of_url(&stage.model_url, model);
    if let Some(redis) = &stage.world.redis {
        proxies.push(Proxy::to(redis.port()).await);
        stage.redis_url = proxies[2].of_url(&redis.url(), redis.port());
    }
    for proxy in &proxies {
        proxy.delay(Duration::from_millis(trial.chance.random_range(1..20)));
    }
    // A line is cut for less than the waits between a few attempts take.
    let mut times = LONG.to_vec();
    times.extend([
        ("SITEWRIGHT_JOBS__MAX_ATTEMPTS", "10"),
        ("SITEWRIGHT_JOBS__RETRY_BASE_MS", "500"),
        ("SITEWRIGHT_JOBS__RETRY_CAP_MS", "500"),
    ]);
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(&times))).await);
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    flowing(&stage, 6).await;
    follow_all(&stage, &nodes, &mut clients, async {
        for _ in 0..4 {
            a_moment(&mut trial.chance, 1_500).await;
            let proxy = &proxies[trial.chance.random_range(0..proxies.len())];
            let before = proxy.lost();
            proxy.cut();
            let cut = async {
                while proxy.lost() == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            // A busy machine may look at it late. A line to the model that nobody uses just then has nothing to cut.
            let _ = tokio::time::timeout(Duration::from_secs(1), cut).await;
            a_moment(&mut trial.chance, 300).await;
            proxy.speak();
        }
    })
    .await;
    for client in &clients {
        written_once(&stage, client).await;
    }
    let cuts = proxies.iter().map(Proxy::lost).sum::<usize>();
    assert!(cuts > 0, "no line was cut");
    let measured = vec![("snapshots", snapshots(&clients)), ("lines cut", cuts as f64)];
    nodes.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    measured
}
