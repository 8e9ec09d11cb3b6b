//! Reads a reply while it arrives: finished elements at once, the text of the open one before that.
//!
//! A reply is one JSON object with one array that matters (`blocks`, `pages`). A [`Scanner`] walks
//! its bytes once, in linear time, and says when an element opens, what kind it is, which text comes
//! in and when it closes. The closed value is parsed by serde_json and is the authority; the text
//! before it is for people who watch. What an element means is decided elsewhere.

mod error;
mod event;
mod fence;
mod frame;
mod number;
mod scanner;
mod text;

#[cfg(test)]
mod tests;

pub use error::{Error, Fault};
pub use event::{Event, MAX_DEPTH, MAX_ELEMENT, MAX_TOTAL, Path};
pub use scanner::Scanner;
