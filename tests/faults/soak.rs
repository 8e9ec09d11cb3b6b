//! Endurance: three nodes under mixed load while something befalls them every few seconds, for as long as it is told.
//!
//! Clients write pages again and again, plan sites, and cancel. The first node is never killed: what it keeps, it leaks.
//! Everything is checked at the end, what clients saw with each job, and the invariants every minute.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};

use futures::future::join_all;
use model_server::{Behaviour, Rule, When};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use sitewright::entities::JobState;
use sitewright::jobs;
use uuid::Uuid;

use crate::client::{Client, Wish};
use crate::footprint::Footprint;
use crate::nodes::Nodes;
use crate::stage::Stage;
use crate::support::Backend;
use crate::support::process::Environment;
use crate::support::proxy::Proxy;

/// Clients at a time; each has a page of its own.
const CLIENTS: usize = 24;
const LEASES: Environment = &[
    ("SITEWRIGHT_JOBS__LEASE_MS", "5000"),
    ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "1000"),
    ("SITEWRIGHT_JOBS__RESCUE_MS", "500"),
    ("SITEWRIGHT_AI__IDLE_MS", "3000"),
    ("SITEWRIGHT_AI__FIRST_TOKEN_MS", "3000"),
];
/// What a debug build may take more at the end than after the first tenth: pools, caches and the allocator's own.
const GROWTH_KB: u64 = 64 * 1024;

/// What went on so far.
#[derive(Default)]
struct Tally {
    ended: AtomicUsize,
    cancelled: AtomicUsize,
    faults: AtomicUsize,
    is_over: AtomicBool,
}

/// Whether all of it was well.
pub async fn run(minutes: f64, seed: u64) -> bool {
    println!("seed {seed}, {minutes} minutes");
    let soaking = tokio::spawn(soak(Duration::from_secs_f64(minutes * 60.0), seed));
    match soaking.await {
        Ok(()) => true,
        Err(error) => {
            println!("FAILED {error}");
            false
        }
    }
}

async fn soak(length: Duration, seed: u64) {
    let mut stage = Stage::with_pages(Backend::Redis, CLIENTS).await;
    // What may befall one job in eight minutes, the most that a client waits for it.
    (stage.moves, stage.refusals) = (160, 960);
    stage.model.speed(120);
    let port = stage.world.postgres().expect("a world with Postgres").port();
    let proxy = Proxy::to(port).await;
    stage.database_url = proxy.of_url(&stage.database_url, port);
    let mut redis = stage.world.redis.take().expect("a world with Redis");
    let nodes = Nodes::new(join_all((0..3).map(|_| stage.node(LEASES))).await);
    let at_rest = Footprint::of(&stage, &nodes.at(0)).await;
    let (began, tally) = (Instant::now(), Tally::default());
    let mut lives = Vec::new();
    for (place, page) in stage.pages.iter().enumerate() {
        let chance = StdRng::seed_from_u64(seed.wrapping_add(place as u64 + 1));
        lives.push(live(&stage, &nodes, *page, place, chance, &tally));
    }
    let trouble = async {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut at_first = None;
        let mut minute = 0;
        while began.elapsed() < length {
            tokio::time::sleep(Duration::from_millis(chance.random_range(1_000..6_000))).await;
            let fault = befall(&stage, &nodes, &proxy, &mut redis, &mut chance).await;
            tally.faults.fetch_add(1, Relaxed);
            let now = Footprint::of(&stage, &nodes.at(0)).await;
            if at_first.is_none() && began.elapsed() * 10 > length {
                at_first = Some(now.clone());
            }
            if began.elapsed().as_secs() / 60 >= minute {
                minute = began.elapsed().as_secs() / 60 + 1;
                stage.world.check().await;
                println!(
                    "{:>5} s  {} jobs ended, {} cancelled, {} faults, the last: {fault}; node 1: {} MB, {} tasks, {} files, \
                     {} connections; {} keys in Redis",
                    began.elapsed().as_secs(),
                    tally.ended.load(Relaxed),
                    tally.cancelled.load(Relaxed),
                    tally.faults.load(Relaxed),
                    now.resident_kb / 1024,
                    now.tasks,
                    now.files,
                    now.clients + now.redis + now.pooled,
                    redis.keys().len(),
                );
            }
        }
        tally.is_over.store(true, Relaxed);
        stage.model.clear();
        at_first.expect("it lasted for longer than a fault")
    };
    let (at_first, _) = tokio::join!(trouble, join_all(lives));
    let now = Footprint::of(&stage, &nodes.at(0)).await;
    assert!(
        now.resident_kb <= at_first.resident_kb + GROWTH_KB,
        "memory grew from {} to {} KB",
        at_first.resident_kb,
        now.resident_kb
    );
    at_rest.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    stage.world.redis = Some(redis);
    println!(
        "{} jobs, {} cancelled, {} faults: no violation, no hole, nothing kept",
        tally.ended.load(Relaxed),
        tally.cancelled.load(Relaxed),
        tally.faults.load(Relaxed)
    );
    stage.close(&[]).await;
}

/// One client's life: a job, its end, another one.
async fn live(stage: &Stage, nodes: &Nodes, page: Uuid, place: usize, mut chance: StdRng, tally: &Tally) {
    while !tally.is_over.load(Relaxed) {
        let wish = match chance.random_range(0..10) {
            0 => Wish::Plan(stage.world.blueprint(stage.world.account).await),
            1 => Wish::Site(stage.world.blueprint(stage.world.account).await, 2),
            _ => Wish::Page(page),
        };
        let mut client = Client::new(wish);
        let first = chance.random_range(0..3);
        let job = client.start(nodes, first).await;
        if chance.random_range(0..8) == 0 {
            let enough = chance.random_range(0..40);
            client
                .follow(stage, nodes, first, |viewer| viewer.pieces >= enough)
                .await;
            // A person's cancel, from wherever; the world stands for a node of its own.
            jobs::cancel(&stage.world.app.engine, stage.world.account, job)
                .await
                .expect("it can be cancelled");
            tally.cancelled.fetch_add(1, Relaxed);
        }
        if client.viewer.ended == 0 {
            client.follow(stage, nodes, place, |_| false).await;
        }
        // What a job that did not succeed left of the page, earlier jobs had written.
        client.is_page_kept = stage.world.job(job).await.state == JobState::Succeeded;
        crate::checks::of_client(stage, &client).await;
        tally.ended.fetch_add(1, Relaxed);
    }
}

/// Something happens, and what it took away is there again when this returns.
async fn befall(
    stage: &Stage,
    nodes: &Nodes,
    proxy: &Proxy,
    redis: &mut crate::support::redis::TestRedis,
    chance: &mut StdRng,
) -> &'static str {
    let away = Duration::from_millis(chance.random_range(200..6_000));
    match chance.random_range(0..10) {
        0..=2 => {
            let place = chance.random_range(1..3);
            nodes.kill(place).await;
            nodes.put(place, stage.node(LEASES).await);
            "a node was killed"
        }
        3 => {
            let place = chance.random_range(1..3);
            nodes.end(place).await;
            nodes.put(place, stage.node(LEASES).await);
            "a node was replaced"
        }
        4 => {
            let node = nodes.at(chance.random_range(0..3));
            node.process.signal(Signal::STOP);
            tokio::time::sleep(away * 2).await;
            node.process.signal(Signal::CONT);
            "a node slept"
        }
        5 => {
            redis.flush_all();
            "Redis was flushed"
        }
        6 => {
            redis.stop();
            tokio::time::sleep(away).await;
            redis.start_again();
            "Redis was stopped"
        }
        7 => {
            redis.freeze();
            tokio::time::sleep(away).await;
            redis.thaw();
            "Redis was silent"
        }
        8 => {
            proxy.silence();
            tokio::time::sleep(away).await;
            proxy.speak();
            "Postgres was silent"
        }
        _ => {
            let after = chance.random_range(0..900);
            let all = [
                Behaviour::rate_limited(None),
                Behaviour::server_error(),
                Behaviour::Stall { after },
                Behaviour::Cut { after },
                Behaviour::Nonsense,
            ];
            let behaviour = all[chance.random_range(0..all.len())].clone();
            let times = Some(chance.random_range(1..6));
            stage.model.rule(Rule {
                when: When::any(),
                behaviour,
                times,
            });
            "the model misbehaved"
        }
    }
}
