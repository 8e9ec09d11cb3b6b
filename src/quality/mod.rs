//! How good a page or a site is, measured without any model: a score from 0 to 100 with a reason for each point lost.
//!
//! Pure: the same rows always give the same report, and nothing is asked or stored. It measures what can be
//! counted (lengths, links, descriptions of pictures, repetitions, what is still to be confirmed); whether the
//! text is any good is not among that.

mod page;
mod score;
mod site;
mod words;

#[cfg(test)]
mod tests;

pub use score::{Code, Finding, Report};
pub use site::Site;
