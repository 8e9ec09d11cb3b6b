//! What is wrong with an input: where, which rule, and a sentence that says what to do next.
//!
//! The same shape answers a person (as a `ValidationError`) and a model (as the correction of its
//! reply), so that every rule has one wording. How it is shown is not decided here.

use std::fmt;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, from the outside in: names in camelCase, list entries by their number from 0.
    pub path: Vec<String>,
    pub constraint: Constraint,
    /// A whole sentence that says what to do next.
    pub message: String,
}

/// Which rule is broken, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    Required,
    TooLong,
    TooFew,
    TooMany,
    ControlCharacters,
    /// It does not have the form it must have: a URL, a colour, one of a few words.
    Format,
}

impl Constraint {
    /// The code on the wire: `TOO_LONG`.
    pub fn as_str(self) -> &'static str {
        match self {
            Constraint::Required => "REQUIRED",
            Constraint::TooLong => "TOO_LONG",
            Constraint::TooFew => "TOO_FEW",
            Constraint::TooMany => "TOO_MANY",
            Constraint::ControlCharacters => "CONTROL_CHARACTERS",
            Constraint::Format => "FORMAT",
        }
    }
}

impl Problem {
    pub fn new(path: &[impl AsRef<str>], constraint: Constraint, message: impl Into<String>) -> Problem {
        let path = path.iter().map(|part| part.as_ref().to_owned()).collect();
        Problem {
            path,
            constraint,
            message: message.into(),
        }
    }

    /// A problem of the input as a whole: it is not even the kind of thing that was asked for.
    pub fn whole(message: impl Into<String>) -> Problem {
        Problem {
            path: Vec::new(),
            constraint: Constraint::Format,
            message: message.into(),
        }
    }
}

/// `items[1].title: Write …`, which is also how a correction names the place to a model.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", place(&self.path), self.message)
    }
}

/// A path as people write it: `items[1].title`.
pub(crate) fn place(path: &[String]) -> String {
    let mut place = String::new();
    for part in path {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            place.push_str(&format!("[{part}]"));
        } else {
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(part);
        }
    }
    place
}
