//! Sites: blueprints, their pages and blocks, and the rules of their content.
//!
//! `store` finds rows through their owner and writes them in the caller's transaction; `blueprints`
//! is what people do to a site; `merge` lays a new plan over what exists. The rest is the content
//! model. Jobs, credits and prices are absent: they belong to those who start and end work.

pub mod block;
pub mod blueprints;
pub mod brief;
pub mod markdown;
pub mod merge;
pub mod problem;
pub mod reply;
pub mod said;
pub mod store;
pub mod structure;
pub mod text;
pub mod url;

pub use blueprints::{ChangeBlueprint, NewBlueprint, create_blueprint, delete_blueprint, update_blueprint};
