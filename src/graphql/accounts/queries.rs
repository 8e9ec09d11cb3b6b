//! Asking who one is, and for the operator which accounts there are.

use async_graphql::{Context, ID, Object, Result};
use sea_orm::{EntityTrait, Order};

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
    /// key of its own. Needs the role ADMIN.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's global id.")] id: ID,
    ) -> Result<Option<Account>> {
        let Some(id) = node::of_kind(IdKind::Account, &id) else {
            return Ok(None);
        };
        let found = account::Entity::find_by_id(id).one(ctx.app().db.reader()).await;
        Ok(found.map_err(Error::from)?.map(Account::from))
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
    ) -> Result<AccountConnection> {
        let args = PageArgs::new(first, after, last, before);
        let (reader, column) = (ctx.app().db.reader(), account::Column::Id);
        let accounts = slice(reader, account::Entity::find(), column, Order::Desc, &args, |row| {
            row.id
        });
        Ok(accounts.await?.into())
    }
}
