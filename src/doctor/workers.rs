//! Who runs jobs: a product whose worker never started accepts work and does nothing.

use std::time::Duration;

use chrono::TimeDelta;

use super::database::told;
use super::report::{Category, Check};
use crate::db::{Db, now};
use crate::error::Result;
use crate::ids::{GlobalId, IdKind};
use crate::jobs::{Task, WorkerTasks, recorded};

pub const NAME: &str = "workers";
/// For how long a process that ended without a word is worth a warning.
const NEWS: TimeDelta = TimeDelta::minutes(10);

/// `offset`: how much the database's clock, by which workers sign, is ahead of ours.
pub async fn check(db: &Db, lease: Duration, offset: TimeDelta) -> Check {
    told(Category::Workers, NAME, look(db, lease, offset).await)
}

async fn look(db: &Db, lease: Duration, offset: TimeDelta) -> Result<Check> {
    let known = recorded(db).await?;
    let silence = |worker: &WorkerTasks| (now() + offset - worker.seen_at).max(TimeDelta::zero());
    // A process beats several times within a lease.
    let is_alive = |worker: &WorkerTasks| silence(worker).to_std().is_ok_and(|silence| silence < lease);
    let alive = known.iter().filter(|worker| is_alive(worker)).count();
    let lost = known
        .iter()
        .filter(|worker| !is_alive(worker) && silence(worker) < NEWS)
        .count();
    let details = known
        .iter()
        .flat_map(|worker| describe(worker, silence(worker), is_alive(worker)))
        .collect();
    let (slots, busy) = known
        .iter()
        .filter(|worker| is_alive(worker))
        .fold((0, 0), |(slots, busy), worker| {
            (slots + worker.slots, busy + worker.tasks.len())
        });
    Ok(row(alive, lost, slots, busy).with(details))
}

fn row(alive: usize, lost: usize, slots: i64, busy: usize) -> Check {
    if alive == 0 || slots == 0 {
        let found = "No process runs jobs: whatever is started waits.";
        let action = "Start one: `sitewright serve`, or `sitewright serve --role worker` beside API processes, with \
                      jobs.concurrency of 1 or more and the same database.url.";
        return Check::broken(Category::Workers, NAME, found, action);
    }
    let found = format!("{alive} alive, {busy} of {slots} slots taken.");
    if lost > 0 {
        let found = format!("{found} {lost} fell silent within the last ten minutes.");
        let action = "Look into the log of the silent process; its jobs are taken over by the others after a lease.";
        return Check::warning(Category::Workers, NAME, found, action);
    }
    Check::ok(Category::Workers, NAME, found)
}

fn describe(worker: &WorkerTasks, silence: TimeDelta, is_alive: bool) -> Vec<String> {
    let state = if is_alive { "alive" } else { "silent" };
    let head = format!(
        "{} {state}, pid {}, version {}, seen {:.1} s ago, {} of {} slots",
        &worker.worker.simple().to_string()[..8],
        worker.process_id,
        worker.version,
        silence.num_milliseconds() as f64 / 1_000.0,
        worker.tasks.len(),
        worker.slots,
    );
    let tasks = worker.tasks.iter().map(|task| format!("  {}", describe_task(task)));
    std::iter::once(head).chain(tasks).collect()
}

fn describe_task(task: &Task) -> String {
    let id = GlobalId::new(IdKind::Job, task.job);
    let phase = task.phase.as_deref().unwrap_or("starting");
    format!("{id} {} {phase}, {:.0} %", task.kind, task.progress * 100.0)
}
