//! A language model for tests: OpenAI-compatible, deterministic, and misbehaving on command.
//!
//! It answers `POST /v1/chat/completions` (streamed) and `GET /v1/models` over real HTTP, so that what a
//! test sees has gone through sockets, chunked bodies and an event stream. What it writes is made from the
//! JSON Schema and the prompt of the request: enough for whole sites, and the same each time.
//!
//! A test starts it on a free port and holds the [`Model`]; another process is told what to do through
//! `/control/`, whose routes `control.rs` lists. Dropping the handle stops it.

mod answer;
mod behaviour;
mod book;
mod chunks;
mod control;
mod model;
mod server;
mod words;

pub use behaviour::{Behaviour, Rule, When};
pub use book::{Call, Outcome, Statistics};
pub use model::Model;
