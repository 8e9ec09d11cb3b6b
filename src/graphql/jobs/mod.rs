//! Jobs and their events, as clients see them. The rules are in `crate::generation`, `crate::jobs` and `crate::events`.

mod account_events;
mod blueprint_events;
mod event_types;
mod inputs;
mod job_events;
mod mutations;
mod queries;
mod quote;
mod subscriptions;
mod types;

pub use inputs::JobFilter;
#[cfg(test)]
pub use job_events::job_event;
pub use job_events::{JobEvent, TextWritten};
pub use mutations::JobMutations;
pub use queries::JobQueries;
pub use subscriptions::Subscription;
pub use types::{GenerationJob, GenerationJobConnection};
