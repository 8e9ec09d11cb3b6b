//! `sitewright watch`: a job or a site of a running server, followed from the terminal.
//!
//! A client like any other: it speaks the public GraphQL protocol over a WebSocket and touches no database.

mod command;
mod follow;
mod place;
mod say;
mod socket;

pub use command::Args;
pub use follow::run;
