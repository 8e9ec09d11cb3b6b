//! The doctor's table over the API.

mod queries;
mod types;

pub use queries::StatusQueries;
