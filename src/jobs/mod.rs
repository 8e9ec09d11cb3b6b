//! The job engine: each job is charged at most once, delivers at most one result, and always ends.
//!
//! Exactly-once effects, not exactly-once execution: whoever holds a job writes under a fence
//! (`run_lease`), and every change of writer moves the fence. One transaction starts a job with its hold,
//! one ends it with its result and its price. What a job makes is unknown here: an [`Activity`] does it.
//!
//! Lock order everywhere: idempotency key, parent job, jobs by id (new ones by page and site), holds,
//! blueprints by id, pages, blocks, accounts by id. An insert under a unique index is a lock. The account comes last
//! (decision 0012).

mod activity;
mod cancel;
mod checkpoint;
mod claim;
mod end;
mod engine;
mod fan_out;
mod finish;
mod gather;
mod heartbeat;
mod holder;
pub mod invariants;
mod lookup;
mod postpone;
mod rescue;
mod row;
mod runner;
mod settle;
mod start;
mod step;
mod stop;
mod tasks;
mod waiting;
mod work;

pub use activity::{Activity, Checkpoint, Child, Content, Done, Ending, Failure, Halt, Keeps};
pub use cancel::cancel;
pub use claim::claim;
pub use engine::{Engine, EngineConfig};
pub use gather::Joint;
pub use heartbeat::beat;
pub use holder::hold;
pub use lookup::Lookup;
pub use rescue::{Orphans, rescue};
pub use runner::forget_old_events;
pub use start::{Enqueued, Key, KeyClaim, NewJob, claim_keys, enqueue, request_hash, running_refusal, set_baselines};
pub use step::Step;
pub use tasks::{Task, WorkerTasks, recorded, told};
pub use waiting::{WaitReason, waiting_for};
pub use work::Work;
