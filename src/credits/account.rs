//! Accounts and the movements that people make: top-ups and corrections.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::MAX_BALANCE;
use super::ledger::{AccountChange, Movement, apply};
use crate::db::now;
use crate::entities::{CreditEntryKind, account, credit_entry};
use crate::error::{Error, Refusal, Result, Why};
use crate::events::Unit;
use crate::ids::new_id;

/// The account of everybody who reaches a server that asks for no key.
const LOCAL: &str = "local";

/// Opens an account with `initial` credits. A second account of the same name is refused.
pub async fn create_account(unit: &mut Unit, name: &str, initial: i64) -> Result<account::Model> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        let message = "An account's name has 1 to 120 characters and no control characters.";
        return Err(Refusal::invalid(&["name"], "FORMAT", message).into());
    }
    match insert(unit, name, initial).await? {
        Some(account) => Ok(account),
        None => {
            let message = format!("There is an account named \"{name}\" already. Choose another name.");
            Err(Refusal::invalid(&["name"], "UNIQUE", message).into())
        }
    }
}

/// The local account, made at the first start; several starters may try at once.
pub async fn local_account(unit: &mut Unit, initial: i64) -> Result<account::Model> {
    if let Some(account) = find_account(&unit.tx, LOCAL).await? {
        return Ok(account);
    }
    match insert(unit, LOCAL, initial).await? {
        Some(account) => Ok(account),
        None => find_account(&unit.tx, LOCAL)
            .await?
            .ok_or_else(|| Error::internal("the local account could be neither found nor made")),
    }
}

/// An account by its name or by its id.
pub async fn find_account(connection: &impl ConnectionTrait, name: &str) -> Result<Option<account::Model>> {
    let found = account::Entity::find()
        .filter(account::Column::Name.eq(name))
        .one(connection)
        .await?;
    match (found, Uuid::parse_str(name.trim_start_matches("acc_"))) {
        (None, Ok(id)) => Ok(account::Entity::find_by_id(id).one(connection).await?),
        (found, _) => Ok(found),
    }
}

async fn insert(unit: &mut Unit, name: &str, initial: i64) -> Result<Option<account::Model>> {
    let id = new_id();
    let row = account::ActiveModel {
        id: Set(id),
        name: Set(name.to_string()),
        balance: Set(0),
        held: Set(0),
        running: Set(0),
        credit_seq: Set(0),
        event_seq: Set(0),
        created_at: Set(now()),
    };
    let ignore = OnConflict::column(account::Column::Name).do_nothing().to_owned();
    let inserted = account::Entity::insert(row)
        .on_conflict(ignore)
        .exec_without_returning(&unit.tx)
        .await?;
    if inserted == 0 {
        return Ok(None);
    }
    if initial > 0 {
        grant(
            unit,
            id,
            initial,
            "initial",
            Some("first credits of a new account".to_string()),
        )
        .await?;
    }
    Ok(account::Entity::find_by_id(id).one(&unit.tx).await?)
}

/// Adds credits. `payment` makes it idempotent: a second grant under the same name changes nothing.
pub async fn grant(
    unit: &mut Unit,
    account: Uuid,
    amount: i64,
    payment: &str,
    reason: Option<String>,
) -> Result<Option<account::Model>> {
    if !(1..=MAX_BALANCE).contains(&amount) {
        let message = format!("A grant adds 1 to {MAX_BALANCE} credits.");
        return Err(Refusal::invalid(&["amount"], "RANGE", message).into());
    }
    lock(unit, account, amount).await?;
    let known = credit_entry::Entity::find()
        .filter(credit_entry::Column::AccountId.eq(account))
        .filter(credit_entry::Column::Kind.eq(CreditEntryKind::Grant))
        .filter(credit_entry::Column::Reference.eq(payment));
    if known.one(&unit.tx).await?.is_some() {
        return Ok(None);
    }
    let movement = Movement {
        kind: CreditEntryKind::Grant,
        balance: amount,
        held: 0,
        job: None,
        reference: payment.to_string(),
        reason,
    };
    let change = AccountChange {
        account,
        movements: vec![movement],
        ..AccountChange::default()
    };
    match apply(unit, change).await? {
        Ok(account) => Ok(Some(account)),
        Err(shortfall) => Err(Error::internal(format!("a grant was refused: {shortfall:?}"))),
    }
}

/// Corrects a balance by hand, with a reason; never below what is on hold.
pub async fn adjust(unit: &mut Unit, account: Uuid, amount: i64, ticket: &str, reason: &str) -> Result<account::Model> {
    if amount == 0 || reason.trim().is_empty() {
        let message = "An adjustment needs an amount other than 0 and a reason.";
        return Err(Refusal::invalid(&["amount"], "REQUIRED", message).into());
    }
    lock(unit, account, amount).await?;
    let movement = Movement {
        kind: CreditEntryKind::Adjustment,
        balance: amount,
        held: 0,
        job: None,
        reference: ticket.to_string(),
        reason: Some(reason.to_string()),
    };
    let change = AccountChange {
        account,
        movements: vec![movement],
        ..AccountChange::default()
    };
    apply(unit, change).await?.map_err(|shortfall| {
        let (required, available) = (shortfall.required, shortfall.available);
        let message = format!("Only {available} credits are free; the rest is on hold. Take away at most that.");
        Refusal::new(&["amount"], message, Why::InsufficientCredits { required, available }).into()
    })
}

/// Takes the account's lock before looking at its ledger, and refuses what could not be counted.
async fn lock(unit: &Unit, account: Uuid, amount: i64) -> Result<()> {
    let statement = crate::db::sql(
        &unit.tx,
        "SELECT balance FROM accounts WHERE id = $1 {lock}",
        [account.into()],
    );
    let row = unit.tx.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| Error::from(Refusal::not_found(&["account"], "account")))?;
    let balance: i64 = row.try_get("", "balance")?;
    if balance.checked_add(amount).is_none_or(|sum| sum > MAX_BALANCE) {
        let message = format!("An account holds at most {MAX_BALANCE} credits. Add fewer.");
        return Err(Refusal::new(&["amount"], message, Why::LimitExceeded { limit: MAX_BALANCE }).into());
    }
    Ok(())
}
