//! What a wizard needs before anything exists: the lists to choose from, and the prices.

mod cache;
mod mutations;
mod queries;
mod types;

pub use cache::{MetadataCache, price};
pub use mutations::OptionMutations;
pub use queries::OptionQueries;
pub use types::BuilderOption;
