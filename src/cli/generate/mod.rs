//! `sitewright generate`: a brief file in, a finished website out, in one process.
//!
//! The same pipeline as the server's, on a temporary database unless one is named: options and brief are
//! checked, a SITE job is started and followed, and what it made is written as files. Absent: serving,
//! and changing a site that exists already; the API does both.

mod board;
pub(super) mod brief_file;
pub(super) mod choices;
mod command;
mod export;
mod files;
mod run;
pub(super) mod scratch;
mod show;
mod summary;

pub use command::Args;
pub use run::{quiet, run};
