//! A writer that misbehaves on command, so that tests can watch the engine cope.
//!
//! A [`Script`] is a handle: tests give it rules, pass a clone to the server inside
//! [`Provider::Scripted`](super::Provider::Scripted), and wait on what the calls do instead of
//! sleeping. It also reads its rules from text, for processes that are started by a test:
//!
//! ```text
//! page:about times=1 -> cut after=200; structure attempt=1 -> fail rate_limited retry_after_ms=50; any -> behave
//! ```
//!
//! Only builds with the feature `faults` have it. What it writes when it behaves is the offline
//! writer's reply; it invents no content of its own.

mod behaviour;
mod calls;
mod script;
mod text;

#[cfg(test)]
mod tests;

pub use behaviour::{About, Behaviour, Subject, When};
pub use calls::{Call, Outcome};
pub use script::Script;
