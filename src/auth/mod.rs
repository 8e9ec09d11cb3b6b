//! Who is asking: API keys, and the caller that a request runs as.
//!
//! A key is shown once and kept as a hash. Sessions, passwords and roles beyond OWNER are absent.

mod caller;
mod keys;
mod secret;

pub use caller::{Caller, Credential};
pub use keys::{NewKey, authenticate, create, gone_among, is_live, of_account, revoke};
