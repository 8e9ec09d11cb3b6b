//! What the system needs, whether it has it, and what to do when not: a table for people, scripts and the API.
//!
//! A row is looked at where it would be used, and says what it found. A row that cannot be looked at because another
//! one is broken is skipped, so the table points at the cause. The doctor changes nothing: it creates no database,
//! applies no migration and repairs no row; each broken row names who does.

mod database;
mod examine;
mod machine;
mod model;
mod queue;
mod report;
mod workers;

pub use examine::{Subject, examine, in_short, unconfigured};
pub use report::{Category, Check, Health, Report};
