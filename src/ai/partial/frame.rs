//! One open object or array, and how it names the value that stands in it now.
//!
//! Frames make up the path of a text. The values themselves are absent.

pub(super) enum Frame {
    /// An object, at this key.
    Object(String),
    /// An array, at this index.
    Array(usize),
}

impl Frame {
    pub(super) fn name(&self) -> String {
        match self {
            Frame::Object(key) => key.clone(),
            Frame::Array(index) => index.to_string(),
        }
    }
}
