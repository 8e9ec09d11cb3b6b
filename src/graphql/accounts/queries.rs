//! Asking who one is, and the operator's view of everybody.

use async_graphql::{Context, ID, Object, Result};
use sea_orm::{EntityTrait, Order};

use super::inputs::AccountFilter;
use super::types::{Account, AccountConnection, Viewer};
use crate::entities::account;
use crate::error::Error;
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::paging::{PageArgs, slice};
use crate::ids::IdKind;

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

    /// Any account of the server, with its credits and API keys; null when there is none. Its sites and jobs are seen with a
    /// key of its own; everybody finds the own account under `viewer`. Needs the role ADMIN.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's global id.")] id: ID,
    ) -> Result<Option<Account>> {
        let Some(id) = node::of_kind(IdKind::Account, &id) else {
            return Ok(None);
        };
        let row = account::Entity::find_by_id(id).one(ctx.app().db.reader()).await;
        Ok(row.map_err(Error::from)?.map(Account::from))
    }

    /// All accounts of the server, the newest first. At most 100 at a time. Needs the role ADMIN.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many entries from the start: 0 to 100, 20 when left out. Not together with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Begin behind this cursor of the same list.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end: 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor of the same list.")] before: Option<String>,
        #[graphql(desc = "Only some accounts.")] filter: Option<AccountFilter>,
    ) -> Result<AccountConnection> {
        let accounts = filter.unwrap_or_default().apply(account::Entity::find());
        let args = PageArgs::new(first, after, last, before);
        let (reader, column) = (ctx.app().db.reader(), account::Column::Id);
        Ok(slice(reader, accounts, column, Order::Desc, &args, |row| row.id)
            .await?
            .into())
    }
}
