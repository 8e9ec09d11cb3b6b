//! T1: queued -> running. Claims only as many as there are free slots, the account with the fewest
//! running first, then the oldest.
//!
//! Candidates are chosen without locks, then locked in id order skipping what others hold, then their sites, then the
//! accounts, each in id order; the guards are checked again by the statements that write, the cap of an account by what
//! its row says once it was counted up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::engine::{Engine, ms};
use super::row;
use crate::credits::{self, AccountChange};
use crate::db::{marks, rows, sql};
use crate::entities::job;
use crate::error::Result;
use crate::events::append::JobEntry;
use crate::events::{BlueprintBody, JobEvent, Unit, append};
use crate::ids::Position;

/// Rescues without a checkpoint in between after which a job runs alone in its process.
pub(super) const SUSPECT_CRASHES: i32 = 2;

#[derive(Debug, FromQueryResult)]
struct Candidate {
    id: Uuid,
    crashes: i32,
}

/// Claims up to `slots` jobs for this process and commits; the caller runs what it gets.
pub async fn claim(engine: &Engine, slots: usize) -> Result<Vec<job::Model>> {
    Ok(claim_some(engine, slots).await?.jobs)
}

pub(super) async fn claim_some(engine: &Engine, slots: usize) -> Result<Claimed> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if let Claim::Granted(claimed) = look_and_claim(engine, slots).await? {
            return Ok(claimed);
        }
    }
    Ok(Claimed::default())
}

/// What one look brought.
#[derive(Default)]
pub(super) struct Claimed {
    pub jobs: Vec<job::Model>,
    /// There may be more for whoever looks at once: others took some of what was chosen, or it was all that one look takes.
    pub is_part: bool,
}

/// For how long a claim looks again when others took the slots that it counted on.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that one transaction claims: a statement has only so many parameters.
const AT_ONCE: usize = 1_000;

enum Claim {
    Granted(Claimed),
    /// An account has fewer slots than it had when the candidates were chosen. Nothing was written.
    Crowded,
}

async fn look_and_claim(engine: &Engine, slots: usize) -> Result<Claim> {
    if slots == 0 {
        return Ok(Claim::Granted(Claimed::default()));
    }
    let found = candidates(engine, slots.min(AT_ONCE)).await?;
    let candidates = select(&found, engine.held_count());
    if candidates.is_empty() {
        return Ok(Claim::Granted(Claimed::default()));
    }
    let mut unit = engine.unit().await?;
    let locked = lock(&unit, &candidates).await?;
    let started = start(&unit, engine, &candidates, &locked).await?;
    if started.is_empty() {
        unit.rollback().await?;
        return Ok(Claim::Granted(Claimed::default()));
    }
    announce(&mut unit, &started, &locked).await?;
    if !take_slots(&mut unit, engine, &started).await? {
        unit.rollback().await?;
        return Ok(Claim::Crowded);
    }
    unit.commit().await?;
    crate::faults::point("after_claim");
    Ok(Claim::Granted(Claimed {
        is_part: started.len() < candidates.len() || candidates.len() == AT_ONCE,
        jobs: started,
    }))
}

/// A job that may be poison runs alone: bystanders must not be convicted with it.
fn select(found: &[Candidate], held: usize) -> Vec<&Candidate> {
    match found.iter().find(|candidate| candidate.crashes >= SUSPECT_CRASHES) {
        Some(suspect) if held == 0 => vec![suspect],
        // Let the process drain first: nothing new until the suspect has had its turn.
        Some(_) => Vec::new(),
        None => found.iter().collect(),
    }
}

async fn candidates(engine: &Engine, slots: usize) -> Result<Vec<Candidate>> {
    // A suspect is looked at whatever its place in the queue, so that it cannot be starved.
    let text = "WITH due AS ( \
                  SELECT j.id, j.account_id, j.crashes, j.run_at, a.running, \
                    row_number() OVER (PARTITION BY j.account_id ORDER BY j.run_at, j.id) AS place \
                  FROM jobs j JOIN accounts a ON a.id = j.account_id \
                  WHERE j.state = 'queued' AND j.cancel_requested_at IS NULL AND j.run_at <= {now} \
                    AND a.running < $1) \
                SELECT id, crashes FROM due WHERE running + place <= $1 \
                ORDER BY CASE WHEN crashes >= $3 THEN 0 ELSE 1 END, running + place, run_at, id LIMIT $2";
    let connection = engine.db.reader();
    let values = [
        engine.config().running_per_account.into(),
        (slots as i64).into(),
        SUSPECT_CRASHES.into(),
    ];
    Ok(Candidate::find_by_statement(sql(connection, text, values))
        .all(connection)
        .await?)
}

/// Locks those candidates that nobody else holds, in id order; tells where the stream of each stands, for the claim's
/// `UPDATE` moves the row's own position.
async fn lock(unit: &Unit, candidates: &[&Candidate]) -> Result<BTreeMap<Uuid, Position>> {
    let text = format!(
        "SELECT id, event_lease, event_n FROM jobs WHERE id IN ({}) AND state = 'queued' \
         AND cancel_requested_at IS NULL AND run_at <= {{now}} ORDER BY id {{skip locked}}",
        marks(1, candidates.len())
    );
    let values = candidates.iter().map(|candidate| candidate.id.into());
    let mut locked = BTreeMap::new();
    for row in rows(&unit.tx, &text, values).await? {
        let at = Position::new(row.try_get("", "event_lease")?, row.try_get("", "event_n")?);
        locked.insert(row.try_get::<Uuid>("", "id")?, at);
    }
    Ok(locked)
}

/// One statement for all, in the order of the candidates.
async fn start(
    unit: &Unit,
    engine: &Engine,
    candidates: &[&Candidate],
    locked: &BTreeMap<Uuid, Position>,
) -> Result<Vec<job::Model>> {
    if locked.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "UPDATE jobs SET state = 'running', run_lease = run_lease + 1, attempt = attempt + 1, \
         lease_owner = $1, lease_expires_at = {{now+$2}}, deadline_at = COALESCE(deadline_at, {{now+$3}}), \
         started_at = COALESCE(started_at, {{now}}), closed_since_claim = $4, phase = 'preparing', waits_for = NULL, \
         version = version + 1, event_lease = run_lease + 1, event_n = 1 \
         WHERE id IN ({}) AND state = 'queued' AND cancel_requested_at IS NULL RETURNING *",
        marks(5, locked.len())
    );
    let config = engine.config();
    let mut values: Vec<sea_orm::Value> = vec![
        engine.worker.into(),
        ms(config.lease).into(),
        ms(config.deadline).into(),
        false.into(),
    ];
    values.extend(locked.keys().map(|id| (*id).into()));
    let mut started = row::many(unit, &text, values).await?;
    started.sort_by_key(|job| candidates.iter().position(|candidate| candidate.id == job.id));
    Ok(started)
}

/// Takes the slots from the accounts, in the order of their ids; false when one has not so many any more. The rows of
/// accounts are locked here, last of all, so that nobody waits for more than this.
async fn take_slots(unit: &mut Unit, engine: &Engine, started: &[job::Model]) -> Result<bool> {
    let mut accounts: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for job in started {
        accounts.entry(job.account_id).or_default().push(job.id);
    }
    for (account, jobs) in accounts {
        let change = AccountChange {
            account,
            running: jobs.len() as i64,
            movements: Vec::new(),
            jobs,
        };
        if credits::apply_covered(unit, change).await?.running > engine.config().running_per_account {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn announce(unit: &mut Unit, started: &[job::Model], before: &BTreeMap<Uuid, Position>) -> Result<()> {
    let mut sites = append::SiteEvents::new();
    let events: Vec<JobEvent> = started
        .iter()
        .map(|job| JobEvent::Started { attempt: job.attempt })
        .collect();
    let mut entries = Vec::with_capacity(started.len());
    for (job, event) in started.iter().zip(&events) {
        let before = before.get(&job.id).copied();
        entries.push(JobEntry {
            job: job.id,
            at: Position::new(job.run_lease, 1),
            durable: before,
            item: before,
            event,
        });
        if let Some(site) = job.blueprint_id {
            sites
                .entry(site)
                .or_default()
                .push((Some(job.id), BlueprintBody::Job(event.clone())));
        }
    }
    append::job_events(unit, &entries).await?;
    append::site_events(unit, sites).await
}
