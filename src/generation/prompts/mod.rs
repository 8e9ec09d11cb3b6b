//! What a language model reads: templates with checked variables, data that cannot be mistaken for them, and
//! what an account put in their place.
//!
//! Which functions there are, and what each of them fills in, stands in `functions`.

mod data;
mod store;
mod template;

pub use data::data;
pub use store::{Change, Current, Prompts, current, current_of, read, save, versions_of};
pub use template::{Template, Variable};
