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
use sitewright::entities::{JobState, job};
use sitewright::error::Error;
use sitewright::jobs;
use uuid::Uuid;

use crate::client::{Client, PATIENCE, Wish};
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
/// What the first node may take more in the last tenth than in the second one, both under load: a debug build's caches and
/// the allocator's own.
const GROWTH_KB: u64 = 32 * 1024;

/// What went on so far.
#[derive(Default)]
struct Tally {
    ended: AtomicUsize,
    succeeded: AtomicUsize,
    /// Fields of sections that were heard letter by letter and compared with what is stored.
    compared: AtomicUsize,
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
        let mut memory = Vec::new();
        let mut minute = 0;
        while began.elapsed() < length {
            tokio::time::sleep(Duration::from_millis(chance.random_range(1_000..6_000))).await;
            let fault = befall(&stage, &nodes, &proxy, &mut redis, &mut chance).await;
            tally.faults.fetch_add(1, Relaxed);
            let now = Footprint::of(&stage, &nodes.at(0)).await;
            memory.push((began.elapsed(), now.resident_kb));
            if began.elapsed().as_secs() / 60 >= minute {
                minute = began.elapsed().as_secs() / 60 + 1;
                stage.world.check().await;
                crate::checks::keys(&redis);
                println!(
                    "{:>5} s  {} jobs ended, {} succeeded, {} cancelled, {} faults, the last: {fault}; node 1: {} MB, {} tasks, {} files, \
                     {} connections; {} keys in Redis",
                    began.elapsed().as_secs(),
                    tally.ended.load(Relaxed),
                    tally.succeeded.load(Relaxed),
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
        memory
    };
    let (memory, _) = tokio::join!(trouble, join_all(lives));
    let [early, late] = [1, 9].map(|tenth| median(&memory, length, tenth));
    assert!(late <= early + GROWTH_KB, "memory grew from {early} to {late} KB");
    // Nothing is in the way any more: whatever was left behind, work succeeds.
    for (place, page) in stage.pages.iter().enumerate() {
        let mut client = Client::new(Wish::Page(*page));
        client.live(&stage, &nodes, place).await;
        crate::checks::of_client(&stage, &client).await;
        let job = stage.world.job(client.job.expect("it was acknowledged")).await;
        assert_eq!(job.state, JobState::Succeeded, "{job:#?}");
    }
    at_rest.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    stage.world.redis = Some(redis);
    stage.close(&[]).await;
    let [ended, succeeded, cancelled, compared, faults] = [
        &tally.ended,
        &tally.succeeded,
        &tally.cancelled,
        &tally.compared,
        &tally.faults,
    ]
    .map(|count| count.load(Relaxed));
    let wanted = ended - cancelled;
    assert!(succeeded * 2 > wanted, "only {succeeded} of {wanted} jobs succeeded");
    assert!(
        compared > succeeded,
        "{compared} fields of {succeeded} jobs were heard letter by letter"
    );
    println!(
        "{ended} jobs, {succeeded} succeeded, {cancelled} cancelled, {faults} faults, {compared} fields compared: no violation, \
         no hole, nothing kept; memory {early} KB in the second tenth, {late} KB in the last"
    );
}

/// The memory in this tenth of the time, in KB. Short runs have few samples: then the nearest one.
fn median(memory: &[(Duration, u64)], length: Duration, tenth: u32) -> u64 {
    let within = (length * tenth / 10)..=(length * (tenth + 1) / 10);
    let mut inside: Vec<u64> = memory
        .iter()
        .filter(|(at, _)| within.contains(at))
        .map(|(_, kb)| *kb)
        .collect();
    inside.sort();
    let nearest = || {
        memory
            .iter()
            .min_by_key(|(at, _)| at.abs_diff(*within.start()))
            .map(|(_, kb)| *kb)
    };
    let middle = inside.get(inside.len() / 2).copied();
    middle.or_else(nearest).expect("it lasted for longer than a fault")
}

/// How a job may end here, whatever befell the nodes, the services and the model. A person cancelled some of them.
fn is_expected(job: &job::Model, is_cancelled: bool) -> bool {
    match job.state {
        JobState::Succeeded => true,
        JobState::Cancelled => is_cancelled,
        JobState::Quarantined => job.crashes >= 3,
        JobState::Failed => job.error_code.as_deref().is_some_and(|code| code != "INTERNAL"),
        JobState::Queued | JobState::Running => false,
    }
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
        let mut is_cancelled = false;
        if chance.random_range(0..8) == 0 {
            let enough = chance.random_range(0..40);
            client
                .follow(stage, nodes, first, |viewer| viewer.pieces >= enough)
                .await;
            cancel(stage, job).await;
            is_cancelled = true;
            tally.cancelled.fetch_add(1, Relaxed);
        }
        if client.viewer.ended == 0 {
            client.follow(stage, nodes, place, |_| false).await;
        }
        // What a job that did not succeed left of the page, earlier jobs had written.
        let job = stage.world.job(job).await;
        assert!(is_expected(&job, is_cancelled), "{job:#?}");
        client.is_page_kept = job.state == JobState::Succeeded;
        crate::checks::of_client(stage, &client).await;
        tally
            .succeeded
            .fetch_add(usize::from(client.is_page_kept && !is_cancelled), Relaxed);
        tally.compared.fetch_add(client.viewer.compared, Relaxed);
        tally.ended.fetch_add(1, Relaxed);
    }
}

/// A person's cancel, from wherever; the world stands for a node of its own. A node that sleeps within a transaction holds
/// its account's row until Postgres ends it: whoever waits is told to try again, and does.
async fn cancel(stage: &Stage, job: Uuid) {
    let since = Instant::now();
    while let Err(error) = jobs::cancel(&stage.world.app.engine, stage.world.account, job).await {
        let is_temporary = matches!(error, Error::Database(_)) && since.elapsed() < PATIENCE;
        assert!(is_temporary, "it cannot be cancelled: {}", error.cause());
        tokio::time::sleep(Duration::from_millis(500)).await;
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
            crate::checks::keys(redis);
            redis.flush_all();
            "Redis was flushed"
        }
        6 => {
            crate::checks::keys(redis);
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
