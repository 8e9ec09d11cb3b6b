//! Statement-level races: every transition against those that want the same row at the same moment.
//!
//! Each test was seen to fail with its guard removed; the comment above it says how. Where two guards hide
//! one another (Postgres checks a condition again after it waited for a row's lock) it says that too. On
//! SQLite one writer follows another, so what only a row lock prevents can fail on Postgres only.

pub mod bench;
mod claims;
mod ends;
mod numbers;
mod starts;
