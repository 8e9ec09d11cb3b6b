//! Prompts: what a language model is told for each function, and an account's own words in its place.
//!
//! The rules are in `crate::generation::prompts`.

mod mutations;
mod types;

pub use mutations::PromptMutations;
pub use types::{PromptQueries, PromptTemplate, PromptVersion, of_function};
