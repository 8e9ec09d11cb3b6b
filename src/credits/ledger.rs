//! The ledger: holds are opened and closed, and an account moves by one guarded `UPDATE` a transaction.
//!
//! `seq` is taken under the account row's lock, so the order of the entries is the order of the commits.
//! Lock order (see `jobs`): holds come early, the account last. Everything of an account meets at its row.

use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, EntityTrait, FromQueryResult};
use uuid::Uuid;

use super::MAX_BALANCE;
use crate::db::{now, places, rows};
use crate::entities::{CreditEntryKind, HoldState, account, credit_entry, credit_hold};
use crate::error::{Error, Result};
use crate::events::{Unit, append};
use crate::ids::new_id;

/// Everything that one transaction does to one account.
#[derive(Debug, Default)]
pub struct AccountChange {
    pub account: Uuid,
    /// Slots taken (+) or given back (−).
    pub running: i64,
    /// In the order in which they are to stand in the ledger.
    pub movements: Vec<Movement>,
    /// Jobs whose state changed, for the account's stream.
    pub jobs: Vec<Uuid>,
}

#[derive(Debug)]
pub struct Movement {
    pub kind: CreditEntryKind,
    pub balance: i64,
    pub held: i64,
    pub job: Option<Uuid>,
    /// Unique per account and kind: the job, the payment, the ticket.
    pub reference: String,
    pub reason: Option<String>,
}

impl Movement {
    pub fn hold(job: Uuid, amount: i64) -> Self {
        Movement::of_job(CreditEntryKind::Hold, 0, amount, job)
    }

    /// The two ways a hold closes; neither is written when it is zero.
    pub fn settle(job: Uuid, captured: i64, released: i64) -> impl Iterator<Item = Movement> {
        let capture = (captured > 0).then(|| Movement::of_job(CreditEntryKind::Capture, -captured, -captured, job));
        let release = (released > 0).then(|| Movement::of_job(CreditEntryKind::Release, 0, -released, job));
        capture.into_iter().chain(release)
    }

    fn of_job(kind: CreditEntryKind, balance: i64, held: i64, job: Uuid) -> Self {
        Movement {
            kind,
            balance,
            held,
            job: Some(job),
            reference: job.to_string(),
            reason: None,
        }
    }
}

/// The account cannot pay for the change; nothing was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Shortfall {
    pub required: i64,
    pub available: i64,
}

/// Moves credits and slots, writes the ledger and the account's events.
pub async fn apply(unit: &mut Unit, change: AccountChange) -> Result<Result<account::Model, Shortfall>> {
    let balance: i64 = change.movements.iter().map(|m| m.balance).sum();
    let held: i64 = change.movements.iter().map(|m| m.held).sum();
    let entries = change.movements.len() as i64;
    let events = entries + change.jobs.len() as i64;
    let text = "UPDATE accounts SET balance = balance + $2, held = held + $3, running = running + $4, \
                credit_seq = credit_seq + $5, event_seq = event_seq + $6 \
                WHERE id = $1 AND balance + $2 >= held + $3 AND balance + $2 <= $7 RETURNING *";
    let values = [
        change.account.into(),
        balance.into(),
        held.into(),
        change.running.into(),
        entries.into(),
        events.into(),
        MAX_BALANCE.into(),
    ];
    let Some(row) = rows(&unit.tx, text, values).await?.pop() else {
        let account = account::Entity::find_by_id(change.account).one(&unit.tx).await?;
        let account = account.ok_or_else(|| Error::internal(format!("account {} is gone", change.account)))?;
        if balance > 0 {
            return Err(Error::internal(format!(
                "a balance above {MAX_BALANCE} is not possible"
            )));
        }
        return Ok(Err(Shortfall {
            required: held.max(-balance),
            available: account.balance - account.held,
        }));
    };
    let account = account::Model::from_query_result(&row, "")?;
    write_entries(unit, &account, change, balance, held).await?;
    Ok(Ok(account))
}

/// The same for a change that is covered by what the job holds, or needs no credits: a shortfall is a bug.
pub async fn apply_covered(unit: &mut Unit, change: AccountChange) -> Result<account::Model> {
    let applied = apply(unit, change).await?;
    applied.map_err(|shortfall| Error::internal(format!("a change that is covered was refused: {shortfall:?}")))
}

async fn write_entries(
    unit: &mut Unit,
    account: &account::Model,
    change: AccountChange,
    balance: i64,
    held: i64,
) -> Result<()> {
    let mut seq = account.credit_seq - change.movements.len() as i64;
    let (mut balance, mut held) = (account.balance - balance, account.held - held);
    let mut events = Vec::with_capacity(change.movements.len() + change.jobs.len());
    let mut models = Vec::with_capacity(change.movements.len());
    for movement in change.movements {
        (seq, balance, held) = (seq + 1, balance + movement.balance, held + movement.held);
        let id = new_id();
        events.push(("credits_moved", movement.job, Some(id)));
        models.push(credit_entry::ActiveModel {
            id: Set(id),
            account_id: Set(account.id),
            seq: Set(seq),
            kind: Set(movement.kind),
            balance_delta: Set(movement.balance),
            held_delta: Set(movement.held),
            balance_after: Set(balance),
            held_after: Set(held),
            job_id: Set(movement.job),
            reference: Set(movement.reference),
            reason: Set(movement.reason),
            created_at: Set(now()),
        });
    }
    if !models.is_empty() {
        credit_entry::Entity::insert_many(models)
            .exec_without_returning(&unit.tx)
            .await?;
    }
    events.extend(
        change
            .jobs
            .into_iter()
            .map(|job| ("job_state_changed", Some(job), None)),
    );
    append::account_events(unit, account.id, account.event_seq, &events).await
}

/// Sets credits aside for jobs, with one statement; the account's own `UPDATE` follows. Nothing is held for a price of 0.
pub async fn open_holds(unit: &Unit, account: Uuid, jobs: &[(Uuid, i64)]) -> Result<Vec<Movement>> {
    let priced: Vec<(Uuid, i64)> = jobs.iter().copied().filter(|(_, amount)| *amount != 0).collect();
    if priced.is_empty() {
        return Ok(Vec::new());
    }
    let time = now();
    let holds = priced.iter().map(|(job, amount)| credit_hold::ActiveModel {
        job_id: Set(*job),
        account_id: Set(account),
        amount: Set(*amount),
        state: Set(HoldState::Open),
        captured: Set(0),
        released: Set(0),
        created_at: Set(time),
        closed_at: Set(None),
    });
    credit_hold::Entity::insert_many(holds)
        .exec_without_returning(&unit.tx)
        .await?;
    Ok(priced
        .into_iter()
        .map(|(job, amount)| Movement::hold(job, amount))
        .collect())
}

/// Closes jobs' holds with one statement, keeping so much of each; gives what was kept and what goes back, by job.
///
/// A job without an open hold is not in it: a price of 0, or a site job whose hold closed at its fan-out.
pub async fn close_holds(unit: &Unit, captured: &[(Uuid, i64)]) -> Result<HashMap<Uuid, (i64, i64)>> {
    let mut values: Vec<sea_orm::Value> = vec![now().into()];
    let places = places(
        &mut values,
        captured
            .iter()
            .map(|(job, captured)| [(*job).into(), (*captured).into()]),
    );
    let text = format!(
        "UPDATE credit_holds SET state = 'closed', captured = new.column2, released = amount - new.column2, \
         closed_at = $1 FROM (VALUES {places}) AS new WHERE job_id = new.column1 AND state = 'open' \
         RETURNING job_id, captured, released"
    );
    let rows = rows(&unit.tx, &text, values).await?;
    let closed = rows.iter().map(|row| {
        let (kept, back) = (row.try_get("", "captured")?, row.try_get("", "released")?);
        Ok((row.try_get("", "job_id")?, (kept, back)))
    });
    closed.collect()
}
