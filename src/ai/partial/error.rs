//! Why a reply cannot be read, and where, in words that a log reader can act on.
//!
//! All of it becomes [`ErrorKind::BadOutput`](crate::ai::ErrorKind::BadOutput). The found text itself
//! is absent on purpose: it is untrusted and may be long.

use crate::ai;

/// The first thing wrong with a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {at}")]
pub struct Error {
    pub fault: Fault,
    /// Counted from the first byte that was fed.
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("expected {expected}, found {:?}", char::from(*.found))]
    Unexpected { expected: &'static str, found: u8 },
    #[error("control character 0x{0:02x} inside a string")]
    ControlCharacter(u8),
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    #[error("more than {} levels of nesting", super::MAX_DEPTH)]
    TooDeep,
    #[error("an element of more than {} bytes", super::MAX_ELEMENT)]
    ElementTooLong,
    #[error("a reply of more than {} bytes", super::MAX_TOTAL)]
    TooLong,
    #[error("the property \"{0}\" stands twice")]
    Twice(&'static str),
    #[error("the property \"{0}\" is missing from the object that ends")]
    Missing(&'static str),
    /// Grammatical, yet serde_json refuses it: a number beyond every range.
    #[error("an unreadable value ({0})")]
    Value(String),
    #[error("the reply ends too early")]
    Truncated,
}

impl From<Error> for ai::Error {
    fn from(error: Error) -> Self {
        ai::Error::new(ai::ErrorKind::BadOutput, error.to_string())
    }
}
