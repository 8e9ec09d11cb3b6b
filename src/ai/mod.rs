//! The seam to whoever writes: one request in, a stream of text out, in our own words.
//!
//! The engine above asks a [`Provider`] and reads [`Deltas`]; [`partial`] turns the arriving text
//! into finished elements. No provider's wire types leave this folder, and nothing here knows about
//! rows, jobs, credits or what a site is made of.

mod breaker;
mod call;
mod chain;
mod error;
pub mod offline;
mod openai;
mod pacing;
pub mod partial;
mod provider;
mod request;
mod schema;
#[cfg(feature = "faults")]
pub mod scripted;

pub use breaker::BreakerSettings;
pub use call::{Call, Outcome};
pub use chain::{Chain, Link};
pub use error::{Error, ErrorKind, Fallback};
pub use openai::Openai;
pub use provider::{Delta, Deltas, FinishReason, Offline, Provider, Usage};
pub use request::{Brief, Choice, Message, PageOutline, PageTask, Request, Role, Section, Task};
pub use schema::Schema;
