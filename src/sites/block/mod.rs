//! Blocks: the sixteen kinds, what each contains, and how a writer's JSON becomes one.
//!
//! Rows, positions, locks and revisions are absent: this is the content model only.

mod kind;
mod kinds;
mod read;
mod schema;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

#[allow(unused_imports)] // The edge makes its GraphQL types from the list.
pub(crate) use kind::with_block_kinds;
pub use kind::{BlockKind, Content};
pub use kinds::*;
pub use read::{PLACEHOLDERS_MAX, Written, read_block};
pub use schema::page_schema;
