//! The offline writer: plans and writes a whole site from the brief and phrase files alone.
//!
//! It gives everybody a working product without an account anywhere, and tests a true double that
//! never misbehaves. The same request always gives the same bytes. What it does not do: understand
//! prose. It recognises facts, trades and tones, and leaves what it cannot know as a placeholder.

mod answer;
mod blocks;
mod brief;
mod facts;
mod ledger;
mod library;
mod offers;
mod outline;
mod place;
mod placement;
mod plan;
mod seed;
mod stock;
mod text;
mod theme;

#[cfg(test)]
mod tests;

use answer::language_or_english;
pub use answer::{warnings, write};
