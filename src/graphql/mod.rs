//! The GraphQL schema: one folder a noun, and one door that every transport goes through.
//!
//! A resolver is guard, convert, call, wrap; the rules live below. [`execute`] and [`subscribe`] are the
//! only ways in: whatever must hold for every request (limits, masking, panics) is done there once. [`strict`] holds
//! what the specification asks for and async-graphql does not do.

mod accounts;
mod answers;
mod audited;
mod context;
mod credits;
mod error;
mod execute;
mod fanout;
mod guard;
mod jobs;
mod loaders;
mod node;
mod operation;
mod options;
mod paging;
mod persisted;
mod prompts;
mod scalars;
mod schema;
mod sites;
mod status;
#[cfg(not(feature = "faults"))]
mod strict;
/// Seen from outside only where tests compare it with the reference implementation.
#[cfg(feature = "faults")]
pub mod strict;
mod user_error;
mod watch;

#[cfg(test)]
mod tests;

pub use answers::Finished;
pub use error::{Code, MASKED, outage, rate_limited};
pub use execute::{
    Answered, Api, Begun, Prepared, Refused, answer, begin, execute, is_fault, is_request_error, prepare, refused,
    resume_at, seen_from,
};
pub use fanout::{Event, Written};
pub use persisted::{DOCUMENT_ID, PERSISTED_QUERY};
pub use schema::{Schema, schema, sdl};
pub use watch::subscribe;
