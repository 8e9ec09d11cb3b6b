//! How the list of credit entries is narrowed.

use async_graphql::{ID, InputObject};
use sea_orm::{ColumnTrait, QueryFilter, Select};
use uuid::Uuid;

use super::types::CreditEntryKind;
use crate::entities::credit_entry;
use crate::graphql::node;
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
