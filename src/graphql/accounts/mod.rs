//! Accounts and their API keys, as clients see them. The rules are in `crate::auth`.

mod inputs;
mod mutations;
mod queries;
mod types;

pub use mutations::AccountMutations;
pub use queries::AccountQueries;
pub use types::{Account, ApiKey};
