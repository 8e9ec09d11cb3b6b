//! How the list of credit entries is narrowed, and what the operator's mutations take.

use async_graphql::{ID, InputObject};
use sea_orm::{ColumnTrait, QueryFilter, Select};
use uuid::Uuid;

use super::types::{CreditEntryKind, PriceKind};
use crate::entities::credit_entry;
use crate::graphql::node;
use crate::graphql::scalars::DateTime;
use crate::ids::IdKind;

/// Only some credit entries. Fields that are left out do not narrow the list.
#[derive(InputObject, Default)]
pub struct CreditEntryFilter {
    /// Only entries of these kinds.
    pub kinds: Option<Vec<CreditEntryKind>>,
    /// Only entries of this job; an id that names no job of yours gives an empty list.
    pub job_id: Option<ID>,
}

impl CreditEntryFilter {
    pub fn apply(self, mut select: Select<credit_entry::Entity>) -> Select<credit_entry::Entity> {
        if let Some(kinds) = self.kinds {
            let kinds = kinds.into_iter().map(crate::entities::CreditEntryKind::from);
            select = select.filter(credit_entry::Column::Kind.is_in(kinds));
        }
        if let Some(id) = self.job_id {
            let job = node::of_kind(IdKind::Job, &id).unwrap_or(Uuid::nil());
            select = select.filter(credit_entry::Column::JobId.eq(job));
        }
        select
    }
}

/// Credits to add to an account.
#[derive(InputObject)]
pub struct GrantCreditsInput {
    /// The account's global id.
    pub account_id: ID,
    /// How many credits: 1 to 2,000,000,000.
    pub amount: i64,
    /// Why, on one line of 1 to 500 characters. The account's owner reads it in the ledger.
    pub reason: String,
    /// Names this grant, such as the id of a payment: the same key for the same account adds once. 1 to 128 characters.
    pub idempotency_key: String,
}

/// A new price of one kind of start.
#[derive(InputObject)]
pub struct SavePriceInput {
    /// What is priced.
    pub kind: PriceKind,
    /// The price in credits: 0 to 1,000,000.
    pub amount: i64,
    /// From when it holds; now when it is left out or null. A price that had been set for later is dropped.
    pub valid_from: Option<DateTime>,
}
