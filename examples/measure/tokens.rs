//! From a model's token to a client: 200 jobs at 50 tokens a second, one watcher each, over a WebSocket.
//!
//! Real processes of the release build: one that does everything, without Redis, and then an API and a worker with
//! Redis between them. The writer stamps each piece when it has it, the client when it has read the frame; both are on
//! one machine and read one clock. Pieces that were merged on the way count once, by the newest of them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::Utc;
use model_server::{Model, When};
use rustix::process::{Pid, Signal, kill_process};
use sea_orm::EntityTrait;
use serde_json::Value;
use sitewright::db::Db;
use sitewright::entities::job;
use tokio::time::Instant;
use uuid::Uuid;

use crate::client::{Client, Piece, Seen};
use crate::services::{Postgres, Redis};
use crate::{Outcome, sites};

const JOBS: usize = 200;
const TOKENS_PER_SECOND: u32 = 50;
/// Jobs before those that are measured: connections are open then, and their statements known.
const WARM_UP: usize = 40;

/// How the jobs come.
#[derive(Clone, Copy)]
struct Arrival {
    name: &'static str,
    /// Evenly over that long.
    over: Duration,
    /// Whether who starts a job is connected already, as a page is on which somebody presses a button.
    is_connected: bool,
}

const EVENLY: Arrival = Arrival {
    name: "arriving over 4 s",
    over: Duration::from_secs(4),
    is_connected: false,
};
const AT_ONCE: Arrival = Arrival {
    name: "arriving at once on open sockets",
    over: Duration::ZERO,
    is_connected: true,
};
const AT_ONCE_WITH_SOCKETS: Arrival = Arrival {
    name: "arriving at once, each opening its socket first",
    is_connected: false,
    ..AT_ONCE
};

pub async fn run() -> Outcome<()> {
    println!(
        "{JOBS} jobs at {TOKENS_PER_SECOND} tokens/s {}, one watcher each, Postgres with fsync",
        EVENLY.name
    );
    let postgres = Postgres::start()?;
    let url = postgres.create("one")?;
    let pages = pages(&url).await?;
    let one = [Server::start("all", &url, &[])?];
    measure("one process, no Redis", EVENLY, &url, &one, &pages, None).await?;
    drop(one);

    let redis = Redis::start()?;
    let url = postgres.create("two")?;
    let pages = self::pages(&url).await?;
    let environment = [("REDIS_URL", redis.url.as_str())];
    let two = [
        Server::start("api", &url, &environment)?,
        Server::start("worker", &url, &environment)?,
    ];
    measure("API and worker apart, Redis", EVENLY, &url, &two, &pages, None).await
}

/// The same in one process with a model behind HTTP: tests' own, in this process, at the same pace.
pub async fn run_with_model() -> Outcome<()> {
    println!("{JOBS} jobs, a model over HTTP at {TOKENS_PER_SECOND} tokens/s, Postgres with fsync");
    for arrival in [EVENLY, AT_ONCE, AT_ONCE_WITH_SOCKETS] {
        with_model(arrival).await?;
    }
    Ok(())
}

async fn with_model(arrival: Arrival) -> Outcome<()> {
    let model = Model::start().await;
    model.speed(TOKENS_PER_SECOND);
    let postgres = Postgres::start()?;
    let url = postgres.create("model")?;
    let pages = pages(&url).await?;
    let address = model.url();
    let environment = [
        ("SITEWRIGHT_AI__PROVIDER", "openai"),
        ("SITEWRIGHT_AI__MODEL", "scripted"),
        ("OPENAI_BASE_URL", address.as_str()),
    ];
    let one = [Server::start("all", &url, &environment)?];
    measure(arrival.name, arrival, &url, &one, &pages, Some(&model)).await
}

/// A planned page for each job, those of the warm-up included.
async fn pages(url: &str) -> Outcome<Vec<Uuid>> {
    let running = sites::running(sites::config(url)?).await?;
    let account = running.app.local_account;
    let sites = sites::many(&running.app, account, WARM_UP + JOBS).await?;
    let pages = sites::planned(&running.app, account, &sites).await?;
    running.stop().await;
    Ok(pages.into_iter().map(|page| page.id).collect())
}

/// The first of the servers answers clients. A model knows itself how long it took.
async fn measure(
    name: &str,
    arrival: Arrival,
    url: &str,
    all: &[Server],
    pages: &[Uuid],
    model: Option<&Model>,
) -> Outcome<()> {
    let api = &all[0];
    let (warm_up, pages) = pages.split_at(WARM_UP);
    let warming = warm_up.iter().map(|page| one_job(api.address, None, *page));
    futures::future::try_join_all(warming).await?;
    let mut connected = Vec::with_capacity(pages.len());
    for _ in pages {
        connected.push(match arrival.is_connected {
            true => Some(Client::connect(api.address).await?),
            false => None,
        });
    }
    let first = Instant::now();
    let jobs = pages.iter().zip(connected).enumerate().map(|(at, (page, client))| {
        let (address, page) = (api.address, *page);
        let begins = first + arrival.over.mul_f64(at as f64 / JOBS as f64);
        tokio::spawn(async move {
            tokio::time::sleep_until(begins).await;
            one_job(address, client, page).await.map_err(|error| error.to_string())
        })
    });
    let jobs: Vec<_> = jobs.collect();
    tokio::time::sleep_until(first + arrival.over + Duration::from_secs(1)).await;
    let (busy, own) = (cpu(ids(all))?, cpu([std::process::id()])?);
    let since = Utc::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (busy, own, until) = (cpu(ids(all))? - busy, cpu([std::process::id()])? - own, Utc::now());
    let mut seen = Vec::new();
    for job in jobs {
        seen.push(job.await??);
    }
    // How many wrote on average: a page may be over before the last one began.
    let within = |job: &Seen| (job.ended.min(until) - job.began.max(since)).max(chrono::TimeDelta::zero());
    let live = seen.iter().map(|job| ms(within(job))).sum::<f64>() / ms(until - since);
    let is_inside = |piece: &&Piece| piece.received >= since && piece.received <= until;
    let delays = seen.iter().flat_map(|job| &job.pieces).filter(is_inside);
    let mut delays: Vec<f64> = delays.map(|piece| ms(piece.received - piece.written)).collect();
    let pieces = delays.len();
    let (mut over, mut parts) = (Vec::new(), Parts::default());
    let config = sites::config(url)?.database;
    let db = Db::connect(&config, "measure").await.map_err(|error| error.cause())?;
    for job in &seen {
        let row = job::Entity::find_by_id(job.id)
            .one(db.reader())
            .await?
            .ok_or("a job is gone")?;
        let own = match model {
            Some(model) => parts.called(job, model).ok_or("a job without a finished call")?,
            None => {
                parts.wrote(job);
                own_ms(row.completion_tokens)
            }
        };
        over.push(ms(job.ended - job.began) - own);
    }
    db.close().await;
    println!("{name}, {live:.0} jobs live on average:");
    println!(
        "  token to client: {} ms, {pieces} pieces in {} ms",
        percentiles(&mut delays),
        ms(until - since)
    );
    println!("  over the model's own time: {} ms", percentiles(&mut over));
    let (begins, ends) = match model {
        Some(_) => ("call", "byte"),
        None => ("piece", "piece"),
    };
    println!(
        "    until the start is accepted: {} ms",
        percentiles(&mut parts.accepted)
    );
    println!(
        "    from there to the first {begins}: {} ms",
        percentiles(&mut parts.asked)
    );
    println!(
        "    from the last {ends} to the end: {} ms",
        percentiles(&mut parts.told)
    );
    let each = |time: Duration| time.as_secs_f64() * 1e6 / pieces as f64;
    let others = if model.is_some() {
        "clients and model"
    } else {
        "clients"
    };
    println!(
        "  CPU per piece: servers {:.0} µs, {others} {:.0} µs",
        each(busy),
        each(own)
    );
    Ok(())
}

/// From the start to the end, by a client that is connected or connects now.
async fn one_job(address: SocketAddr, client: Option<Client>, page: Uuid) -> Outcome<Seen> {
    let client = match client {
        Some(client) => client,
        None => Client::connect(address).await?,
    };
    client.one_job(page).await
}

/// How long the writer itself takes, at least: the last of its pieces is due that long after the first. A token counts
/// four characters and pieces have 4, 3, 5, 2 and 6 in turn, so this is up to one piece (20 ms) too short.
fn own_ms(tokens: i64) -> f64 {
    let characters = tokens * 4 - 3;
    let rest = characters % 20;
    let pieces = characters / 20 * 5 + [0, 4, 7, 12, 14].iter().filter(|before| rest > **before).count() as i64;
    (pieces - 1) as f64 * 1_000.0 / f64::from(TOKENS_PER_SECOND)
}

/// What a job's time consists of beside the model's own, in milliseconds.
#[derive(Default)]
struct Parts {
    accepted: Vec<f64>,
    asked: Vec<f64>,
    told: Vec<f64>,
}

impl Parts {
    /// By the pieces that the client saw: the writer within the server says nothing of its own.
    fn wrote(&mut self, job: &Seen) {
        self.accepted.push(ms(job.accepted - job.began));
        if let (Some(first), Some(last)) = (job.pieces.first(), job.pieces.last()) {
            self.asked.push(ms(first.written - job.accepted));
            self.told.push(ms(job.ended - last.written));
        }
    }

    /// How long the model itself took, from the request to its last byte.
    fn called(&mut self, job: &Seen, model: &Model) -> Option<f64> {
        let calls = model.calls(&When::of_job(job.id));
        let took = |call: &model_server::Call| Some(call.ended_ms?.saturating_sub(call.began_ms) as f64);
        let since = |at: u64| at as f64 - job.accepted.timestamp_micros() as f64 / 1_000.0;
        self.accepted.push(ms(job.accepted - job.began));
        self.asked.push(since(calls.first()?.began_ms));
        self.told
            .push(ms(job.ended - job.accepted) - since(calls.last()?.ended_ms?));
        calls.iter().map(took).sum()
    }
}

fn ms(time: chrono::TimeDelta) -> f64 {
    time.num_microseconds().unwrap_or(i64::MAX) as f64 / 1_000.0
}

fn percentiles(values: &mut [f64]) -> String {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1)));
    let at = |share| at(share).copied().unwrap_or(f64::NAN);
    format!("p50 {:.2}, p99 {:.1}, worst {:.1}", at(0.5), at(0.99), at(1.0))
}

/// A process of the release build beside this one.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(role: &str, database: &str, environment: &[(&str, &str)]) -> Outcome<Server> {
        let (jobs, speed) = ((JOBS + 50).to_string(), TOKENS_PER_SECOND.to_string());
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM"])
            .arg(binary()?)
            .args(["serve", "--role", role])
            .env_clear()
            .env("DATABASE_URL", database)
            .env("SITEWRIGHT_SERVER__LISTEN", "127.0.0.1:0")
            .env("SITEWRIGHT_SERVER__GRACE_MS", "0")
            .env("SITEWRIGHT_JOBS__CONCURRENCY", &jobs)
            .env("SITEWRIGHT_LIMITS__RUNNING_PER_ACCOUNT", &jobs)
            .env("SITEWRIGHT_AI__OFFLINE_TOKENS_PER_SECOND", &speed)
            .env("SITEWRIGHT_LOG__FORMAT", "json")
            .current_dir("/")
            .stdin(Stdio::null())
            .envs(environment.iter().copied())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no log")?).lines();
        while let Some(line) = lines.next() {
            let word: Value = serde_json::from_str(&line?)?;
            if let Some(address) = word["address"].as_str() {
                // Nobody reads on otherwise, and the process would stop when the pipe is full.
                std::thread::spawn(move || lines.for_each(drop));
                let address = address.parse()?;
                return Ok(Server { child, address });
            }
        }
        Err("a server does not start".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// `target/release/sitewright`; this program is in the folder beside it.
fn binary() -> Outcome<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here
        .parent()
        .and_then(|examples| examples.parent())
        .ok_or("no build folder")?;
    let binary = folder.join("sitewright");
    match binary.exists() {
        true => Ok(binary),
        false => Err(format!("build it first: {} is missing", binary.display()).into()),
    }
}

fn ids(servers: &[Server]) -> impl Iterator<Item = u32> {
    servers.iter().map(|server| server.child.id())
}

/// The processor time that processes have used so far, in hundredths of a second.
fn cpu(processes: impl IntoIterator<Item = u32>) -> Outcome<Duration> {
    let mut ticks = 0;
    for process in processes {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 10))
}
