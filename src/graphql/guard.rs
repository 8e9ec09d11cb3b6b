//! What a role may do. Whose rows it may see is not a question here: rows are found through their owner.

use async_graphql::{Context, Result};

use super::context::Reach;
use super::error::Code;
use crate::auth::Caller;
use crate::entities::Role;

/// The caller, if their role is at least `role`.
pub fn require<'a>(ctx: &Context<'a>, role: Role) -> Result<&'a Caller> {
    let caller = ctx.caller();
    if caller.role >= role {
        return Ok(caller);
    }
    let message = format!(
        "This key's role is {}, but this needs {}. Use a key with that role.",
        caller.role.as_str().to_uppercase(),
        role.as_str().to_uppercase()
    );
    Err(Code::Forbidden.error(message))
}
