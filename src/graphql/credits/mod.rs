//! Credits as clients see them. The rules are in `crate::credits`.

mod inputs;
mod mutations;
mod types;

pub use inputs::CreditEntryFilter;
pub use mutations::CreditMutations;
pub use types::{CreditAccount, CreditEntry, CreditEntryConnection, Price};
