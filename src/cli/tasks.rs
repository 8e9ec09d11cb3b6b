//! `sitewright tasks`: every running task of every process, live from Redis, or as the database knows it.

use std::fmt::Write;
use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use crate::boot;
use crate::config::Config;
use crate::db::{Db, now};
use crate::ids::{GlobalId, IdKind};
use crate::jobs::{Task, WorkerTasks, recorded, told};
use crate::redis::Redis;

/// List every running task: its job, the process that runs it, how far it is.
///
/// With redis.url the list is live, as each process tells it. Without, it is what the database knows: each job as of its
/// last checkpoint, each process as of its last heartbeat.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Go on, with a new list every second.
    #[arg(long)]
    watch: bool,
}

pub async fn run(config: &Config, args: Args) -> Result<(), Failure> {
    let (db, _) = super::existing(config).await?;
    let redis = boot::redis(config, &boot::epoch(&db).await?)?;
    let hang_up = CancellationToken::new();
    let keeping = redis.clone().map(|redis| {
        let hang_up = hang_up.clone();
        tokio::spawn(async move { redis.keep(hang_up).await })
    });
    if let Some(redis) = &redis {
        // Nobody waits for this command but a person: better a moment later than from the database.
        redis.settle(Duration::from_secs(2)).await;
    }
    loop {
        let (source, workers) = list(&db, redis.as_ref()).await?;
        let text = match args.json {
            true => format!("{}\n", json!({ "source": source, "workers": workers })),
            false => table(source, &workers),
        };
        super::say(&text)?;
        if !args.watch {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    hang_up.cancel();
    if let Some(keeping) = keeping {
        let _ = keeping.await;
    }
    Ok(())
}

async fn list(db: &Db, redis: Option<&Redis>) -> Result<(&'static str, Vec<WorkerTasks>), Failure> {
    if let Some(redis) = redis {
        if let Some(workers) = told(redis).await {
            return Ok(("redis", workers));
        }
        eprintln!("Redis does not answer; this is what the database knows.");
    }
    Ok(("database", recorded(db).await?))
}

fn table(source: &str, workers: &[WorkerTasks]) -> String {
    let mut text = String::new();
    let tasks: usize = workers.iter().map(|worker| worker.tasks.len()).sum();
    let seconds = |since: crate::error::Instant| (now() - since).num_milliseconds().max(0) as f64 / 1_000.0;
    let _ = writeln!(
        text,
        "{} on {}, from {}",
        count(tasks, "task"),
        count(workers.len(), "worker"),
        if source == "redis" { "Redis" } else { "the database" }
    );
    for worker in workers {
        let _ = writeln!(
            text,
            "\nworker {}  pid {}  {}/{} slots  seen {:.1} s ago  version {}",
            &worker.worker.simple().to_string()[..8],
            worker.process_id,
            worker.tasks.len(),
            worker.slots,
            seconds(worker.seen_at),
            worker.version
        );
        for task in &worker.tasks {
            let _ = writeln!(text, "  {}", line(task, task.started_at.map(seconds)));
        }
    }
    text
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn line(task: &Task, running: Option<f64>) -> String {
    let phase = task.phase.as_deref().unwrap_or("-");
    let stopping = if task.cancel_requested { "  stopping" } else { "" };
    format!(
        "{}  {:<9}  {:<10}  {:>3.0} %  attempt {}  {:>7.1} s{stopping}",
        GlobalId::new(IdKind::Job, task.job),
        task.kind,
        phase,
        task.progress * 100.0,
        task.attempt,
        running.unwrap_or_default(),
    )
}
