//! Asking the doctor of the process that answers.

use async_graphql::{Context, Object, Result};

use super::types::SystemStatus;
use crate::doctor::{Subject, examine};
use crate::graphql::context::Reach;

#[derive(Default)]
pub struct StatusQueries;

#[Object]
impl StatusQueries {
    /// What the system needs, whether it has it, and what to do when not: the table of `sitewright doctor`, through the
    /// connections of the process that answers. It reads much of the database: ask now and then, not every second.
    /// Needs the role ADMIN.
    async fn system_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Also ask the model for one token, which its provider may charge for.",
            default = false
        )]
        probe: bool,
    ) -> Result<SystemStatus> {
        Ok(SystemStatus(examine(&Subject::of(ctx.app(), probe)).await))
    }
}
