//! Credits as clients see them. The rules are in `crate::credits`.

mod inputs;
mod types;

pub use inputs::CreditEntryFilter;
pub use types::{CreditAccount, CreditEntry, CreditEntryConnection, Price};
