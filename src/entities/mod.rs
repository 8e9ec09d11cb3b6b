//! The rows, one file a table: what the database holds and nothing about what it means.
//!
//! Relations are absent on purpose: every join in this code base is a deliberate query through the owner.

pub mod account;
pub mod account_event;
pub mod api_key;
pub mod block;
pub mod blueprint;
pub mod blueprint_event;
pub mod builder_option;
pub mod credit_entry;
pub mod credit_hold;
pub mod idempotency_key;
pub mod job;
pub mod job_event;
pub mod meta;
pub mod page;
pub mod price;
pub mod revision;
pub mod states;
pub mod worker;

pub use states::*;
