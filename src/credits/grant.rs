//! Credits that an operator gives: once for each key, with the entry that says so.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::account::grant;
use crate::db::Db;
use crate::entities::{CreditEntryKind, account, credit_entry};
use crate::error::{Error, Refusal, Result};
use crate::events::{Bus, Unit};

const KEY_MAX: usize = 128;
const REASON_MAX: usize = 500;

/// What a grant came to.
#[derive(Debug, Clone)]
pub struct Granted {
    pub account: account::Model,
    pub entry: credit_entry::Model,
    /// The key had been used for this grant before: nothing was added now.
    pub replayed: bool,
}

/// Adds credits once for each `key` of an account. The same key with another amount is refused.
pub async fn grant_once(db: &Db, bus: &Bus, account: Uuid, amount: i64, key: &str, reason: &str) -> Result<Granted> {
    let (key, reason) = (key.trim(), reason.trim());
    check(key, reason)?;
    let mut unit = Unit::begin(db, bus).await?;
    let known = account::Entity::find_by_id(account).one(&unit.tx).await?;
    let known = known.ok_or_else(|| Refusal::not_found(&["accountId"], "account"))?;
    let granted = grant(&mut unit, account, amount, key, Some(reason.to_string())).await?;
    let entry = credit_entry::Entity::find()
        .filter(credit_entry::Column::AccountId.eq(account))
        .filter(credit_entry::Column::Kind.eq(CreditEntryKind::Grant))
        .filter(credit_entry::Column::Reference.eq(key))
        .one(&unit.tx)
        .await?;
    let entry = entry.ok_or_else(|| Error::internal("a grant left no entry"))?;
    if granted.is_none() && entry.balance_delta != amount {
        let message = format!(
            "This idempotencyKey granted {} credits before. Take a new key for another grant.",
            entry.balance_delta
        );
        return Err(Refusal::invalid(&["idempotencyKey"], "REUSED", message).into());
    }
    unit.commit().await?;
    Ok(Granted {
        replayed: granted.is_none(),
        account: granted.unwrap_or(known),
        entry,
    })
}

fn check(key: &str, reason: &str) -> Result<()> {
    let is_line =
        |text: &str, most: usize| (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let mut refusals = Vec::new();
    if !is_line(key, KEY_MAX) {
        let message = format!("An idempotencyKey has 1 to {KEY_MAX} characters: take a new one for each grant.");
        refusals.push(Refusal::invalid(&["idempotencyKey"], "LENGTH", message));
    }
    if !is_line(reason, REASON_MAX) {
        let message = format!("Say why on one line of 1 to {REASON_MAX} characters: the account's owner reads it.");
        refusals.push(Refusal::invalid(&["reason"], "LENGTH", message));
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(refusals))
    }
}
