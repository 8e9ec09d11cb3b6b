//! The audit trail: who did what, when and with which result, one entry for each change that was asked for.
//!
//! An entry is inserted by the very transaction that changes something (`db::each_beginning_with`), so a committed
//! change is never without its trace; what came of it is noted right after (docs/adr/0010). An entry that was never
//! completed belongs to a process that ended in between: its change was made. It holds ids and codes, never a text of
//! the input and never a secret.

mod keep;
mod record;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

pub use keep::{forget, keep};
pub use record::{
    Act, Actor, Entries, Outcome, command, conclude, note_concluded, note_done, note_refusal, note_subject,
    present_entries, recorded,
};

use crate::entities::audit_entry;

/// The account's trail.
pub fn of_account(account: Uuid) -> Select<audit_entry::Entity> {
    audit_entry::Entity::find().filter(audit_entry::Column::AccountId.eq(account))
}
