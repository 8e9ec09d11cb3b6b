//! What a scanner tells, and how much of a reply it puts up with.
//!
//! Positions in elements are given as text, since keys and indexes both occur. Meanings are absent.

use serde_json::Value;
use std::sync::Arc;

/// Levels of nesting, the root object being the first.
pub const MAX_DEPTH: usize = 64;
/// Bytes of one element.
pub const MAX_ELEMENT: usize = 256 * 1024;
/// Bytes of a whole reply.
pub const MAX_TOTAL: usize = 4 * 1024 * 1024;

/// Keys and indexes from an element down to one of its strings: `["items", "0", "title"]`.
pub type Path = Arc<[String]>;

/// What happened in the watched array.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An element's brace was seen.
    Opened { index: usize },
    /// The element's own `kind` closed. Comes at most once, and first only if the writer wrote it first.
    Kind { index: usize, kind: String },
    /// The next decoded characters of a string value (never of a key, never of `kind`); not empty.
    Text { index: usize, path: Path, text: String },
    /// The element is whole. Where it repeats a key, this value is right and the texts were not.
    Closed { index: usize, value: Value },
}
