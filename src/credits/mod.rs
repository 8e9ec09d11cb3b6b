//! Credits: what a start costs, what is set aside for it, and the append-only ledger of every movement.
//!
//! A machine below the job engine, which calls it in the transaction that starts or ends a job. One guarded
//! `UPDATE` of the account row per transaction does it all: read-then-write accepted 182 holds of 50 on a
//! balance of 1,000 when it was tried on Postgres; the guarded form exactly 20.

mod account;
mod grant;
mod ledger;
mod policy;
mod prices;

pub use account::{adjust, create_account, find_account, grant, local_account};
pub use grant::{Granted, grant_once};
pub use ledger::{AccountChange, Movement, Shortfall, apply, apply_covered, close_holds, open_holds};
pub use policy::{Ending, captured};
pub use prices::{Prices, price_rows, prices, seed_prices, set_price};

/// The largest balance: what a GraphQL Int can carry, rounded down.
pub const MAX_BALANCE: i64 = 2_000_000_000;
