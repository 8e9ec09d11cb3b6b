//! T0: a start. The key first, then jobs and holds, then the sites and pages, then the account; everything or nothing.
//!
//! Jobs and holds are inserted *before* the account is touched: the other order deadlocks with T4 on
//! Postgres, because an insert under a unique index waits like a lock.

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::engine::Engine;
use super::row;
use crate::credits::{self, AccountChange, Shortfall};
use crate::db::{execute, marks, now, places, rows};
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
    /// The idempotency key of its start; a page of a site has none.
    pub start_key: Option<String>,
    pub price: i64,
    /// A site job snapshots the price of its pages too.
    pub page_price: Option<i64>,
    pub input: Value,
}

/// An idempotency key and the hash of the request that it stands for.
pub struct Key<'a> {
    pub key: &'a str,
    pub hash: &'a str,
}

/// What idempotency keys say about starts.
pub enum KeyClaim {
    /// Nobody used them: this transaction does.
    New,
    /// The same request was accepted before; these are its jobs.
    Replay(Vec<job::Model>),
    /// One of several was used, or is there twice. Each is to be claimed by itself.
    Known,
}

/// The hash of a request without its key: the mutation and its coerced input.
pub fn request_hash(mutation: &str, input: &Value) -> String {
    let mut hasher = Sha256::new();
    hasher.update(mutation.as_bytes());
    hasher.update([0]);
    hasher.update(input.to_string().as_bytes());
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first statement of a start: takes the keys, or finds what was started under the only one.
pub async fn claim_keys(unit: &Unit, account: Uuid, keys: &[Key<'_>]) -> Result<KeyClaim> {
    let mut sorted: Vec<&Key> = keys.iter().collect();
    // In one order, so that two starts with the same keys wait for each other instead of deadlocking.
    sorted.sort_by_key(|key| key.key);
    let rows = sorted.iter().map(|key| idempotency_key::ActiveModel {
        account_id: Set(account),
        key: Set(key.key.to_string()),
        request_hash: Set(key.hash.to_string()),
        created_at: Set(now()),
    });
    let known = OnConflict::new().do_nothing().to_owned();
    let taken = idempotency_key::Entity::insert_many(rows)
        .on_conflict(known)
        .exec_without_returning(&unit.tx)
        .await?;
    match (taken == keys.len() as u64, keys) {
        (true, _) => Ok(KeyClaim::New),
        (false, [key]) => replay(unit, account, key).await,
        (false, _) => Ok(KeyClaim::Known),
    }
}

async fn replay(unit: &Unit, account: Uuid, Key { key, hash }: &Key<'_>) -> Result<KeyClaim> {
    let known = idempotency_key::Entity::find_by_id((account, key.to_string()))
        .one(&unit.tx)
        .await?;
    let known = known.ok_or_else(|| Error::internal("an idempotency key conflicts but cannot be read"))?;
    let query = job::Entity::find()
        .filter(job::Column::AccountId.eq(account))
        .filter(job::Column::StartKey.eq(*key))
        .order_by_asc(job::Column::Id);
    let jobs = query.all(&unit.tx).await?;
    if known.request_hash != *hash {
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
    /// Whether all of their sites are; one may have been deleted meanwhile.
    pub are_there: bool,
    change: AccountChange,
}

/// Inserts jobs with their holds, pages in the order of their ids and plans in that of their sites, and marks the sites
/// with the SQL of `mark` (see [`append::site_events_with`]).
pub async fn enqueue(
    unit: &mut Unit,
    engine: &Engine,
    account: Uuid,
    mut jobs: Vec<NewJob>,
    mark: &str,
) -> Result<Enqueued> {
    // So that two starts over the same pages or sites wait for each other instead of deadlocking.
    jobs.sort_by_key(|job| (job.page_id, job.blueprint_id, job.id));
    let started = insert_jobs(unit, engine, account, &jobs).await?;
    let holds: Vec<(Uuid, i64)> = jobs.iter().map(|job| (job.id, job.price)).collect();
    let movements = credits::open_holds(unit, account, &holds).await?;
    let are_there = announce(unit, &jobs, mark).await?;
    let change = AccountChange {
        account,
        running: 0,
        movements,
        jobs: jobs.iter().map(|job| job.id).collect(),
    };
    Ok(Enqueued {
        jobs: started,
        are_there,
        change,
    })
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

/// One statement for all; refused with the running job when the target of one has one. They come back in their order.
pub(super) async fn insert_jobs(
    unit: &Unit,
    engine: &Engine,
    account: Uuid,
    new: &[NewJob],
) -> Result<Vec<job::Model>> {
    let mut inserted: HashMap<Uuid, job::Model> = HashMap::with_capacity(new.len());
    for _ in 0..LOOKS {
        let missing: Vec<&NewJob> = new.iter().filter(|job| !inserted.contains_key(&job.id)).collect();
        for job in insert(unit, engine, account, &missing).await? {
            inserted.insert(job.id, job);
        }
        if inserted.len() == new.len() {
            return Ok(new.iter().filter_map(|job| inserted.remove(&job.id)).collect());
        }
        for job in missing.iter().filter(|job| !inserted.contains_key(&job.id)) {
            if let Some(running) = running(unit, job).await? {
                return Err(running_refusal(running).into());
            }
        }
        // What was in the way ended between the conflict and this look, so the place is free now.
    }
    let message = "Something was just running here. Try again.";
    Err(Refusal::new(&["input"], message, Why::Conflict { current_version: 0 }).into())
}

async fn insert(unit: &Unit, engine: &Engine, account: Uuid, new: &[&NewJob]) -> Result<Vec<job::Model>> {
    /// Values of a row that are its own.
    const OWN: usize = 10;
    let mut values: Vec<sea_orm::Value> = vec![
        account.into(),
        engine.config().max_attempts.into(),
        false.into(),
        Value::Array(Vec::new()).into(),
    ];
    let mut places = Vec::with_capacity(new.len());
    for job in new {
        let own = marks(values.len() + 1, OWN);
        places.push(format!(
            "({own}, $1, 'queued', 1, $2, {{now}}, $3, $3, 1, 1, {{now}}, $4)"
        ));
        values.extend([
            job.id.into(),
            job.blueprint_id.into(),
            job.page_id.into(),
            job.block_id.into(),
            job.parent_id.into(),
            job.start_key.clone().into(),
            job.kind.as_str().into(),
            job.price.into(),
            job.page_price.into(),
            job.input.clone().into(),
        ]);
    }
    let text = format!(
        "INSERT INTO jobs (id, blueprint_id, page_id, block_id, parent_id, start_key, kind, price, page_price, input, \
         account_id, state, run_lease, max_attempts, run_at, closed_since_claim, fanned_out, event_lease, event_n, \
         queued_at, baseline) VALUES {} ON CONFLICT DO NOTHING RETURNING *",
        places.join(", ")
    );
    row::many(unit, &text, values).await
}

/// Notes which revisions each job may replace, of jobs that the caller has made or locked.
pub async fn set_baselines(unit: &Unit, baselines: Vec<(Uuid, Value)>) -> Result<()> {
    if baselines.is_empty() {
        return Ok(());
    }
    let mut values = Vec::new();
    let places = places(
        &mut values,
        baselines
            .into_iter()
            .map(|(job, baseline)| [job.into(), baseline.into()]),
    );
    let text =
        format!("UPDATE jobs SET baseline = new.column2 FROM (VALUES {places}) AS new WHERE jobs.id = new.column1");
    execute(&unit.tx, &text, values).await?;
    Ok(())
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

/// The first event of each job, on its own stream and on that of its site; false when one of the sites is gone.
async fn announce(unit: &mut Unit, jobs: &[NewJob], mark: &str) -> Result<bool> {
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
    let expected = sites.len();
    Ok(append::site_events_with(unit, sites, mark).await? == expected)
}
