//! The seam to whoever writes: one request in, a stream of text out, in our own words.
//!
//! The engine above asks a [`Provider`] and reads [`Deltas`]; [`partial`] turns the arriving text
//! into finished elements. No provider's wire types leave this folder, and nothing here knows about
//! rows, jobs, credits or what a site is made of.

mod error;
pub mod offline;
mod pacing;
pub mod partial;
mod provider;
mod request;
#[cfg(feature = "faults")]
pub mod scripted;

pub use error::{Error, ErrorKind};
pub use provider::{Delta, Deltas, FinishReason, Offline, Provider, Usage};
pub use request::{Brief, Choice, Message, PageOutline, PageTask, Request, Role, Section, Task};
