//! Accounts and their API keys, as clients see them. The rules are in `crate::auth`.

mod audit;
mod inputs;
mod mutations;
mod queries;
mod types;
mod usage;
mod watch_tokens;

pub use audit::AuditEntry;
pub use mutations::AccountMutations;
pub use queries::AccountQueries;
pub use types::{Account, ApiKey};
pub use watch_tokens::WatchMutations;
