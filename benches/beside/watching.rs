//! Text while it is written: one job with 500 watchers, and 200 jobs with one watcher each.
//!
//! An event is an item of the job's stream as the writer made it. Deltas that waited travel as one frame, so what a
//! frame brought is told by the cursors before and behind it; text that came with a snapshot is not counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sitewright::ids::{Cursor, GlobalId, IdKind, Position};
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::process::{Process, url};
use crate::requests::find;
use crate::sockets::Socket;
use crate::{Outcome, sites};

const WATCHERS: usize = 500;
const JOBS: usize = 200;
/// Jobs that the watchers of one job see, one after the other.
const ONE_AFTER_THE_OTHER: usize = 12;

pub const WATCH: &str = "subscription($job: ID!) { jobEvents(jobId: $job) { __typename cursor \
    ... on TextWritten { blockId path offset text } ... on BlockReady { blockId } } }";
const START: &str =
    "mutation($input: GeneratePageInput!) { generatePage(input: $input) { job { id } userErrors { message } } }";

const STATE: &str = "query($job: ID!) { job(id: $job) { finishedAt } }";

/// A server with planned pages to be written.
pub struct World {
    folder: tempfile::TempDir,
    pub server: Process,
    pages: Vec<Uuid>,
}

impl World {
    pub async fn new(pages: usize, settings: &[(&str, &str)]) -> Outcome<World> {
        let folder = tempfile::tempdir()?;
        let database = folder.path().join("db");
        let pages = planned(&database, pages).await?;
        let server = Process::sitewright(&database, settings)?;
        Ok(World { folder, server, pages })
    }

    /// Starts the job of a page and gives its id.
    pub async fn start(&self, page: usize) -> Outcome<String> {
        let page = self.pages[page];
        let id = GlobalId::new(IdKind::Page, page).to_string();
        let input = json!({ "input": { "pageId": id, "idempotencyKey": page.to_string() } });
        let mut socket = Socket::introduced(self.server.address).await?;
        let data = ask(&mut socket, START, input).await?;
        let job = data["generatePage"]["job"]["id"].as_str();
        job.map(str::to_string).ok_or_else(|| data.to_string().into())
    }

    /// Waits for the end of jobs without watching them.
    async fn ended(&self, jobs: &[String]) -> Outcome<()> {
        let mut socket = Socket::introduced(self.server.address).await?;
        for job in jobs.iter().rev() {
            while ask(&mut socket, STATE, json!({ "job": job })).await?["job"]["finishedAt"].is_null() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// Writes down what a bare server is to send; the first text answers requests.
    pub fn record(&self, texts: &[impl serde::Serialize]) -> Outcome<PathBuf> {
        let path = self.folder.path().join("recorded");
        std::fs::write(&path, serde_json::to_vec(texts)?)?;
        Ok(path)
    }
}

async fn ask(socket: &mut Socket, query: &str, variables: Value) -> Outcome<Value> {
    let payload = json!({ "query": query, "variables": variables });
    socket
        .say(&json!({ "id": "1", "type": "subscribe", "payload": payload }))
        .await?;
    let mut word: Value = serde_json::from_slice(socket.frame().await?)?;
    // What completes it.
    socket.frame().await?;
    match word["payload"]["data"].take() {
        Value::Null => Err(word.to_string().into()),
        data => Ok(data),
    }
}

async fn planned(database: &Path, count: usize) -> Outcome<Vec<Uuid>> {
    let plan = async {
        let running = sites::running(sites::config(&url(database))?).await?;
        let account = running.app.local_account;
        let sites = sites::many(&running.app, account, count).await?;
        let pages = sites::planned(&running.app, account, &sites).await?;
        running.stop().await;
        Outcome::Ok(pages.into_iter().map(|page| page.id).collect())
    };
    plan.await
}

/// What a watcher saw of jobs.
#[derive(Default, Clone, Copy)]
struct Seen {
    items: i64,
    frames: usize,
    snapshots: usize,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.items += other.items;
        self.frames += other.frames;
        self.snapshots += other.snapshots;
    }
}

async fn subscribe(socket: &mut Socket, job: &str) -> Outcome<()> {
    let payload = json!({ "query": WATCH, "variables": { "job": job } });
    socket
        .say(&json!({ "id": job, "type": "subscribe", "payload": payload }))
        .await
}

/// Reads to the end of a job that was subscribed to.
async fn watch(socket: &mut Socket, mut keep: impl FnMut(&[u8])) -> Outcome<Seen> {
    let (mut seen, mut last): (Seen, Option<Position>) = (Seen::default(), None);
    loop {
        let frame = socket.frame().await?;
        if find(&frame[..frame.len().min(120)], b"\"type\":\"complete\"").is_some() {
            return Ok(seen);
        }
        keep(frame);
        seen.frames += 1;
        let at = position(frame).ok_or_else(|| String::from_utf8_lossy(frame).into_owned())?;
        let is_snapshot = find(&frame[..frame.len().min(250)], b"JobSnapshot").is_some();
        seen.snapshots += usize::from(is_snapshot);
        seen.items += match last {
            Some(last) if !is_snapshot && last.lease == at.lease => at.n - last.n,
            _ => 1,
        };
        last = Some(at);
    }
}

fn position(frame: &[u8]) -> Option<Position> {
    const NAME: &[u8] = b"\"cursor\":\"";
    let start = find(frame, NAME)? + NAME.len();
    let end = start + frame[start..].iter().position(|byte| *byte == b'"')?;
    match Cursor::decode(std::str::from_utf8(&frame[start..end]).ok()?)? {
        Cursor::Job { at, .. } => Some(at),
        _ => None,
    }
}

/// One job with all the watchers, then the next: what runs while they subscribe to the next is not measured.
pub async fn one_job() -> Outcome<()> {
    println!("One job, {WATCHERS} watchers, {ONE_AFTER_THE_OTHER} jobs one after the other:");
    for (name, speed) in [
        ("50 tokens/s", "50"),
        ("400 tokens/s", "400"),
        ("2000 tokens/s", "2000"),
    ] {
        let settings = [("SITEWRIGHT_AI__OFFLINE_TOKENS_PER_SECOND", speed)];
        let jobs = if speed == "50" { 2 } else { ONE_AFTER_THE_OTHER };
        let world = Arc::new(World::new(jobs, &settings).await?);
        let mut sockets = Vec::new();
        for _ in 0..WATCHERS {
            sockets.push(Socket::introduced(world.server.address).await?);
        }
        let mut recorded: Vec<String> = Vec::new();
        let (mut seen, mut busy, mut took) = (Seen::default(), Duration::ZERO, Duration::ZERO);
        for page in 0..jobs {
            recorded.clear();
            let (begin, job) = (Arc::new(Barrier::new(WATCHERS + 1)), world.start(page).await?);
            let watchers = sockets.drain(..).enumerate().map(|(number, mut socket)| {
                let (job, begin) = (job.clone(), begin.clone());
                tokio::spawn(async move {
                    subscribe(&mut socket, &job).await?;
                    begin.wait().await;
                    let mut texts = Vec::new();
                    let mut record = |frame: &[u8]| texts.push(String::from_utf8_lossy(frame).into_owned());
                    let seen = match number {
                        0 => watch(&mut socket, &mut record).await?,
                        _ => watch(&mut socket, |_| {}).await?,
                    };
                    Outcome::Ok((socket, seen, texts))
                })
            });
            let watchers: Vec<_> = watchers.collect();
            begin.wait().await;
            let (cpu, began) = (world.server.cpu()?, Instant::now());
            for watcher in watchers {
                let (socket, more, texts) = watcher.await??;
                seen.add(more);
                sockets.push(socket);
                recorded.extend(texts);
            }
            took += began.elapsed();
            busy += world.server.cpu()? - cpu;
        }
        report(name, seen, busy, took);
        if speed == "2000" {
            drop(sockets);
            bare(&world, recorded).await?;
        }
    }
    Ok(())
}

/// The same frames from a server that has them ready.
async fn bare(world: &World, mut texts: Vec<String>) -> Outcome<()> {
    texts.insert(0, String::new());
    let bare = Process::bare(&world.record(&texts)?)?;
    let (count, mut watchers) = (texts.len() - 1, Vec::new());
    for _ in 0..WATCHERS {
        watchers.push(Socket::connect(bare.address).await?);
    }
    let (busy, began) = (bare.cpu()?, Instant::now());
    let watchers = watchers.into_iter().map(|mut socket| {
        tokio::spawn(async move {
            for _ in 0..ONE_AFTER_THE_OTHER {
                socket.say(&json!("go")).await?;
                for _ in 0..count {
                    position(socket.frame().await?);
                }
            }
            Outcome::Ok(())
        })
    });
    for watcher in watchers.collect::<Vec<_>>() {
        watcher.await??;
    }
    let frames = count * ONE_AFTER_THE_OTHER * WATCHERS;
    let seen = Seen {
        items: frames as i64,
        frames,
        snapshots: 0,
    };
    report(
        "bare axum, the same frames as fast as it can",
        seen,
        bare.cpu()? - busy,
        began.elapsed(),
    );
    Ok(())
}

/// What delivering costs is what the watchers add: the same jobs run once more, and nobody watches.
pub async fn many_jobs() -> Outcome<()> {
    println!("{JOBS} jobs, one watcher each:");
    for (name, speed) in [("full speed", "0"), ("50 tokens/s", "50")] {
        let (busy, took, seen) = watched_or_not(speed, true).await?;
        report(name, seen, busy, took);
        let (alone, _, _) = watched_or_not(speed, false).await?;
        let each = |busy: Duration| busy.as_secs_f64() * 1e6 / seen.items as f64;
        println!(
            "    of that {:.2} µs an event without anybody who watches, so {:.2} µs to deliver it; {:.0} events a job",
            each(alone),
            each(busy) - each(alone),
            seen.items as f64 / JOBS as f64
        );
    }
    Ok(())
}

async fn watched_or_not(speed: &str, is_watched: bool) -> Outcome<(Duration, Duration, Seen)> {
    let settings = [
        ("SITEWRIGHT_AI__OFFLINE_TOKENS_PER_SECOND", speed),
        ("SITEWRIGHT_JOBS__CONCURRENCY", "250"),
        ("SITEWRIGHT_LIMITS__RUNNING_PER_ACCOUNT", "250"),
    ];
    let world = Arc::new(World::new(JOBS, &settings).await?);
    let (busy, began) = (world.server.cpu()?, Instant::now());
    let jobs = (0..JOBS).map(|page| {
        let world = world.clone();
        tokio::spawn(async move {
            let mut socket = Socket::introduced(world.server.address).await?;
            let job = world.start(page).await?;
            let seen = match is_watched {
                true => {
                    subscribe(&mut socket, &job).await?;
                    watch(&mut socket, |_| {}).await?
                }
                false => Seen::default(),
            };
            Outcome::Ok((job, seen))
        })
    });
    let (mut started, mut seen) = (Vec::new(), Seen::default());
    for job in jobs.collect::<Vec<_>>() {
        let (job, more) = job.await??;
        seen.add(more);
        started.push(job);
    }
    world.ended(&started).await?;
    Ok((world.server.cpu()? - busy, began.elapsed(), seen))
}

fn report(name: &str, seen: Seen, busy: Duration, took: Duration) {
    let (items, frames) = (seen.items as f64, seen.frames as f64);
    let busy = busy.as_secs_f64() * 1e6;
    println!(
        "  {name}: {:.0} events/s, server CPU {:.2} µs an event, {:.2} µs a frame, {:.1} events a frame, {} snapshots",
        items / took.as_secs_f64(),
        busy / items,
        busy / frames,
        items / frames,
        seen.snapshots
    );
}
