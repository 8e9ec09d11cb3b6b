//! Asking who one is.

use async_graphql::{Context, Object, Result};

use super::types::{Account, Viewer};
use crate::graphql::context::Reach;

#[derive(Default)]
pub struct AccountQueries;

#[Object]
impl AccountQueries {
    /// Who is asking: the account, the role and the key of this request.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        let caller = ctx.caller();
        let api_key = match caller.api_key() {
            Some(id) => ctx.loaders().api_key(id).await?,
            None => None,
        };
        let account = Account::of_caller(ctx).await?;
        Ok(Viewer {
            account,
            role: caller.role.into(),
            api_key,
        })
    }
}
