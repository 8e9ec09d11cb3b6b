//! T0: a start. The key first, then jobs and holds, then the sites and pages, then the account; everything or nothing.
//!
//! Jobs and holds are inserted *before* the account is touched: the other order deadlocks with T4 on
//! Postgres, because an insert under a unique index waits like a lock.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::engine::Engine;
use super::row;
use crate::credits::{self, AccountChange, Shortfall};
use crate::db::{execute, now, rows};
use crate::entities::{JobKind, idempotency_key, job};
use crate::error::{Error, Refusal, Result, Why};
use crate::events::append::JobEntry;
use crate::events::{BlueprintBody, JobEvent, Notice, Unit, append};
use crate::ids::Position;

/// How often a start looks again when what stood in its way ends at that moment.
const LOOKS: usize = 3;

/// What to start.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub id: Uuid,
    pub kind: JobKind,
    pub blueprint_id: Uuid,
    pub page_id: Option<Uuid>,
    pub block_id: Option<Uuid>,
    pub parent_id: Option<Uuid>,
    pub price: i64,
    /// A site job snapshots the price of its pages too.
    pub page_price: Option<i64>,
    pub input: Value,
    pub baseline: Value,
}

/// What an idempotency key says about a start.
pub enum KeyClaim {
    /// Nobody used it: this transaction does.
    New,
    /// The same request was accepted before; these are its jobs.
    Replay(Vec<job::Model>),
}

/// The hash of a request without its key: the mutation and its coerced input.
pub fn request_hash(mutation: &str, input: &Value) -> String {
    let mut hasher = Sha256::new();
    hasher.update(mutation.as_bytes());
    hasher.update([0]);
    hasher.update(input.to_string().as_bytes());
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first statement of a start: takes the key, or finds what was started under it.
pub async fn claim_key(unit: &Unit, account: Uuid, key: &str, hash: &str) -> Result<KeyClaim> {
    let text = "INSERT INTO idempotency_keys (account_id, key, request_hash, created_at) VALUES ($1, $2, $3, $4) \
                ON CONFLICT DO NOTHING";
    let values = [account.into(), key.into(), hash.into(), now().into()];
    if execute(&unit.tx, text, values).await? == 1 {
        return Ok(KeyClaim::New);
    }
    let known = idempotency_key::Entity::find_by_id((account, key.to_string()))
        .one(&unit.tx)
        .await?;
    let known = known.ok_or_else(|| Error::internal("an idempotency key conflicts but cannot be read"))?;
    let query = job::Entity::find()
        .filter(job::Column::AccountId.eq(account))
        .filter(job::Column::StartKey.eq(key))
        .order_by_asc(job::Column::Id);
    let jobs = query.all(&unit.tx).await?;
    if known.request_hash != hash {
        let message = "This idempotencyKey started something else. Use a new key for a new request.";
        let jobs = jobs.iter().map(|job| job.id).collect();
        return Err(Refusal::new(&["input", "idempotencyKey"], message, Why::KeyReused { jobs }).into());
    }
    Ok(KeyClaim::Replay(jobs))
}

/// Jobs that are in the database with their holds and whose credits have yet to be taken: [`Enqueued::pay`] does that,
/// last of all.
#[must_use = "a hold without its credits breaks the ledger"]
pub struct Enqueued {
    pub jobs: Vec<job::Model>,
    change: AccountChange,
}

/// Inserts jobs with their holds. Fan-outs use [`insert_job`] themselves.
pub async fn enqueue(
    unit: &mut Unit,
    engine: &Engine,
    account: Uuid,
    key: &str,
    mut jobs: Vec<NewJob>,
) -> Result<Enqueued> {
    // Page-id order, so that two starts over the same pages wait for each other instead of deadlocking.
    jobs.sort_by_key(|job| (job.page_id, job.id));
    let mut started = Vec::with_capacity(jobs.len());
    for job in &jobs {
        started.push(insert_job(unit, engine, account, Some(key), job).await?);
    }
    let mut movements = Vec::with_capacity(jobs.len());
    for job in &jobs {
        movements.extend(credits::open_hold(unit, account, job.id, job.price).await?);
    }
    announce(unit, &jobs).await?;
    let change = AccountChange {
        account,
        running: 0,
        movements,
        jobs: jobs.iter().map(|job| job.id).collect(),
    };
    Ok(Enqueued { jobs: started, change })
}

impl Enqueued {
    /// Takes the credits, or refuses. From here to the commit everything of the account waits.
    pub async fn pay(self, unit: &mut Unit, engine: &Engine) -> Result<Vec<job::Model>> {
        let account = self.change.account;
        if let Err(shortfall) = credits::apply(unit, self.change).await? {
            return Err(insufficient(shortfall).into());
        }
        check_queue(unit, engine, account, self.jobs.len()).await?;
        unit.after_commit(Notice::Work);
        Ok(self.jobs)
    }
}

/// One row; refused with the running job when the target has one.
pub(super) async fn insert_job(
    unit: &Unit,
    engine: &Engine,
    account: Uuid,
    key: Option<&str>,
    new: &NewJob,
) -> Result<job::Model> {
    let text = "INSERT INTO jobs (id, account_id, blueprint_id, page_id, block_id, parent_id, start_key, kind, \
                state, run_lease, max_attempts, run_at, price, page_price, input, baseline, closed_since_claim, \
                fanned_out, event_lease, event_n, queued_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', 1, $9, {now}, $10, $11, $12, $13, $14, $14, 1, 1, {now}) \
                ON CONFLICT DO NOTHING RETURNING *";
    let values = [
        new.id.into(),
        account.into(),
        new.blueprint_id.into(),
        new.page_id.into(),
        new.block_id.into(),
        new.parent_id.into(),
        key.map(str::to_string).into(),
        new.kind.as_str().into(),
        engine.config().max_attempts.into(),
        new.price.into(),
        new.page_price.into(),
        new.input.clone().into(),
        new.baseline.clone().into(),
        false.into(),
    ];
    for _ in 0..LOOKS {
        if let Some(job) = row::one(unit, text, values.clone()).await? {
            return Ok(job);
        }
        if let Some(running) = running(unit, new).await? {
            return Err(running_refusal(running).into());
        }
        // It ended between the conflict and this look, so the place is free now.
    }
    let message = "Something was just running here. Try again.";
    Err(Refusal::new(&["input"], message, Why::Conflict { current_version: 0 }).into())
}

/// The job that stands in the way of a new one.
async fn running(unit: &Unit, new: &NewJob) -> Result<Option<Uuid>> {
    let (column, target, kinds) = match new.page_id {
        Some(page) => (job::Column::PageId, page, [JobKind::Page, JobKind::Block]),
        None => (
            job::Column::BlueprintId,
            new.blueprint_id,
            [JobKind::Structure, JobKind::Site],
        ),
    };
    let query = job::Entity::find()
        .filter(column.eq(target))
        .filter(job::Column::Kind.is_in(kinds))
        .filter(job::Column::FinishedAt.is_null());
    Ok(query.one(&unit.tx).await?.map(|job| job.id))
}

/// The answer to a second start while one runs.
pub fn running_refusal(job: Uuid) -> Refusal {
    let message = "This is being generated already. Watch the running job, or cancel it first.";
    Refusal::new(&["input"], message, Why::AlreadyRunning { job })
}

fn insufficient(shortfall: Shortfall) -> Refusal {
    let Shortfall { required, available } = shortfall;
    let missing = required - available;
    let message =
        format!("This needs {required} credits and {available} are available. Add {missing} credits, or ask for less.");
    Refusal::new(&["input"], message, Why::InsufficientCredits { required, available })
}

/// The queue's cap, counted under the account's lock, the new jobs included.
async fn check_queue(unit: &Unit, engine: &Engine, account: Uuid, new: usize) -> Result<()> {
    let limit = engine.config().queued_per_account;
    let text = "SELECT count(*) AS n FROM jobs WHERE account_id = $1 AND state = 'queued'";
    let row = rows(&unit.tx, text, [account.into()]).await?.pop();
    let queued: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
    if queued > limit {
        let message = format!(
            "{} jobs are waiting already, and at most {limit} may. Wait for some to end.",
            queued - new as i64
        );
        return Err(Refusal::new(&["input"], message, Why::LimitExceeded { limit }).into());
    }
    Ok(())
}

/// The first event of each job, on its own stream and on that of its site.
async fn announce(unit: &mut Unit, jobs: &[NewJob]) -> Result<()> {
    let entries = jobs.iter().map(|job| JobEntry {
        job: job.id,
        at: Position::new(1, 1),
        durable: None,
        item: None,
        event: &JobEvent::Queued,
    });
    append::job_events(unit, &entries.collect::<Vec<_>>()).await?;
    let mut sites = append::SiteEvents::new();
    for job in jobs {
        let event = (Some(job.id), BlueprintBody::Job(JobEvent::Queued));
        sites.entry(job.blueprint_id).or_default().push(event);
    }
    append::site_events(unit, sites).await
}
