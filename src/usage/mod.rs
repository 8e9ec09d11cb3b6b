//! What calls to writers took: a row for each, and sums of them.
//!
//! An account for people, not a ledger: credits are charged by the job (`credits`), whatever its calls took. A
//! process that is killed loses the rows of the calls that were under way, and of those that ended the moment before.

mod recorder;
mod totals;

pub use recorder::record;
pub use totals::{Day, Total, by_day, of_jobs};
