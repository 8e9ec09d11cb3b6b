//! T1: queued -> running. Claims only as many as there are free slots, the account with the fewest
//! running first, then the oldest.
//!
//! Candidates are chosen without locks, then locked in id order skipping what others hold, then the
//! accounts in id order; the guards are checked again by the statements that write.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::engine::{Engine, ms};
use super::row;
use crate::credits::{self, AccountChange};
use crate::db::{rows, sql};
use crate::entities::job;
use crate::error::{Error, Result};
use crate::events::append::JobEntry;
use crate::events::{BlueprintBody, JobEvent, Unit, append};
use crate::ids::Position;

/// Rescues without a checkpoint in between after which a job runs alone in its process.
pub(super) const SUSPECT_CRASHES: i32 = 2;

#[derive(Debug, FromQueryResult)]
struct Candidate {
    id: Uuid,
    account_id: Uuid,
    crashes: i32,
}

/// Claims up to `slots` jobs for this process and commits; the caller runs what it gets.
pub async fn claim(engine: &Engine, slots: usize) -> Result<Vec<job::Model>> {
    if slots == 0 {
        return Ok(Vec::new());
    }
    let found = candidates(engine, slots).await?;
    let candidates = select(&found, engine.held_count());
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let mut unit = engine.unit().await?;
    let mut granted = Vec::new();
    let locked = lock(&unit, &candidates).await?;
    for (account, ids) in by_account(&candidates, &locked) {
        granted.extend(grant(&mut unit, engine, account, ids).await?);
    }
    if granted.is_empty() {
        unit.rollback().await?;
        return Ok(Vec::new());
    }
    announce(&mut unit, &granted, &locked).await?;
    unit.commit().await?;
    crate::faults::point("after_claim");
    Ok(granted)
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
                SELECT id, account_id, crashes FROM due WHERE running + place <= $1 \
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
    let marks: Vec<String> = (1..=candidates.len()).map(|n| format!("${n}")).collect();
    let text = format!(
        "SELECT id, event_lease, event_n FROM jobs WHERE id IN ({}) AND state = 'queued' \
         AND cancel_requested_at IS NULL ORDER BY id {{skip locked}}",
        marks.join(", ")
    );
    let values = candidates.iter().map(|candidate| candidate.id.into());
    let mut locked = BTreeMap::new();
    for row in rows(&unit.tx, &text, values).await? {
        let at = Position::new(row.try_get("", "event_lease")?, row.try_get("", "event_n")?);
        locked.insert(row.try_get::<Uuid>("", "id")?, at);
    }
    Ok(locked)
}

/// The locked jobs by account, in id order. Within an account the order of the candidates decides, should the cap grant
/// only some.
fn by_account(candidates: &[&Candidate], locked: &BTreeMap<Uuid, Position>) -> BTreeMap<Uuid, Vec<Uuid>> {
    let mut accounts: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| locked.contains_key(&candidate.id)) {
        accounts.entry(candidate.account_id).or_default().push(candidate.id);
    }
    accounts
}

/// Takes slots under the account's cap and starts as many jobs.
async fn grant(unit: &mut Unit, engine: &Engine, account: Uuid, mut ids: Vec<Uuid>) -> Result<Vec<job::Model>> {
    let cap = engine.config().running_per_account;
    let text = "SELECT running FROM accounts WHERE id = $1 {lock}";
    let row = rows(&unit.tx, text, [account.into()]).await?.pop();
    let running: i64 = row.map_or(Ok(cap), |row| row.try_get("", "running"))?;
    ids.truncate(usize::try_from(cap - running).unwrap_or(0));
    let mut started = Vec::with_capacity(ids.len());
    for id in ids {
        started.extend(start(unit, engine, id).await?);
    }
    if started.is_empty() {
        return Ok(started);
    }
    let jobs: Vec<Uuid> = started.iter().map(|job| job.id).collect();
    let change = AccountChange {
        account,
        running: jobs.len() as i64,
        movements: Vec::new(),
        jobs,
    };
    match credits::apply(unit, change).await? {
        Ok(_) => Ok(started),
        Err(shortfall) => Err(Error::internal(format!("a claim moves no credits, yet: {shortfall:?}"))),
    }
}

async fn start(unit: &Unit, engine: &Engine, id: Uuid) -> Result<Option<job::Model>> {
    let text = "UPDATE jobs SET state = 'running', run_lease = run_lease + 1, attempt = attempt + 1, \
                lease_owner = $2, lease_expires_at = {now+$3}, deadline_at = COALESCE(deadline_at, {now+$4}), \
                started_at = COALESCE(started_at, {now}), closed_since_claim = $5, phase = 'preparing', waits_for = NULL, \
                version = version + 1, event_lease = run_lease + 1, event_n = 1 \
                WHERE id = $1 AND state = 'queued' AND cancel_requested_at IS NULL RETURNING *";
    let config = engine.config();
    let values = [
        id.into(),
        engine.worker.into(),
        ms(config.lease).into(),
        ms(config.deadline).into(),
        false.into(),
    ];
    row::one(unit, text, values).await
}

async fn announce(unit: &mut Unit, started: &[job::Model], before: &BTreeMap<Uuid, Position>) -> Result<()> {
    // Blueprints are locked in the order of their ids.
    let mut sites: BTreeMap<Uuid, Vec<_>> = BTreeMap::new();
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
    for (site, events) in sites {
        append::blueprint_events(unit, site, &events).await?;
    }
    Ok(())
}
