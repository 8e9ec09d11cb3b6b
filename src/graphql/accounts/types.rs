//! The account, its keys, and who is looking.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter};

use super::audit::{AuditEntryConnection, AuditEntryFilter};
use super::usage::ModelUsage;
use crate::entities::{account, api_key, audit_entry, credit_entry};
use crate::error::Error;
use crate::graphql::context::Reach;
use crate::graphql::credits::{CreditAccount, CreditEntryConnection, CreditEntryFilter};
use crate::graphql::error::Code;
use crate::graphql::node;
use crate::graphql::paging::{MOST, PageArgs, Slice, connection, slice};
use crate::graphql::scalars::{Cursor, DateTime};
use crate::ids::{Cursor as Place, IdKind};
use crate::{audit, auth, usage};

/// What a credential may do; each role may do all that the one before it may.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::Role")]
pub enum Role {
    /// Sees and watches the account's sites, jobs and credits.
    Viewer,
    /// Creates, edits and generates sites, which spends credits.
    Editor,
    /// Manages the account's API keys as well.
    Owner,
    /// Runs the server: sees every account.
    Admin,
}

/// Who is asking.
#[derive(SimpleObject)]
pub struct Viewer {
    /// The account that everything is found in and charged to.
    pub account: Account,
    /// What the credential may do.
    pub role: Role,
    /// The API key that was used; null with another credential, and on a server that needs none.
    pub api_key: Option<ApiKey>,
}

/// A customer: sites, credits and API keys belong to one.
#[derive(Clone)]
pub struct Account(pub Arc<account::Model>);

/// A customer: sites, credits and API keys belong to one.
#[Object]
impl Account {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::Account, self.0.id)
    }

    /// The account's name, for people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The credits: what there is, what is set aside for jobs, what can be spent.
    async fn credits(&self) -> CreditAccount {
        CreditAccount(self.0.clone())
    }

    /// The movements of credits, the newest first. At most 100 at a time.
    async fn credit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many entries from the start: 0 to 100, 20 when left out. Not together with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Begin behind this cursor of the same list.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end: 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor of the same list.")] before: Option<String>,
        #[graphql(desc = "Only some entries.")] filter: Option<CreditEntryFilter>,
    ) -> Result<CreditEntryConnection> {
        let mut entries = credit_entry::Entity::find().filter(credit_entry::Column::AccountId.eq(self.0.id));
        if let Some(filter) = filter {
            entries = filter.apply(entries);
        }
        let args = PageArgs::new(first, after, last, before);
        let reader = ctx.app().db.reader();
        let column = credit_entry::Column::Seq;
        Ok(slice(reader, entries, column, Order::Desc, &args, |row| row.seq)
            .await?
            .into())
    }

    /// The newest 100 API keys, the newest first, revoked and expired ones included; `allApiKeys` pages through all of
    /// them. Their secrets are not kept. Needs the role OWNER.
    async fn api_keys(&self, ctx: &Context<'_>) -> Result<Vec<ApiKey>> {
        let newest = PageArgs::new(Some(MOST), None, None, None);
        let keys = self.keys(ctx, &newest).await?.rows.into_iter();
        Ok(keys.map(|(_, key)| ApiKey::from(key)).collect())
    }

    /// All API keys, the newest first, revoked and expired ones included. At most 100 at a time. Needs the role OWNER.
    async fn all_api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many entries from the start: 0 to 100, 20 when left out. Not together with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Begin behind this cursor of the same list.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end: 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor of the same list.")] before: Option<String>,
    ) -> Result<ApiKeyConnection> {
        let args = PageArgs::new(first, after, last, before);
        Ok(self.keys(ctx, &args).await?.into())
    }

    /// Who did what: the audit trail, the newest first. At most 100 at a time. Needs the role OWNER.
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many entries from the start: 0 to 100, 20 when left out. Not together with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Begin behind this cursor of the same list.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end: 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor of the same list.")] before: Option<String>,
        #[graphql(desc = "Only some entries.")] filter: Option<AuditEntryFilter>,
    ) -> Result<AuditEntryConnection> {
        let entries = filter.unwrap_or_default().apply(audit::of_account(self.0.id));
        let args = PageArgs::new(first, after, last, before);
        let (reader, column) = (ctx.app().db.reader(), audit_entry::Column::Id);
        Ok(slice(reader, entries, column, Order::Desc, &args, |row| row.id)
            .await?
            .into())
    }

    /// What the account's calls to writers took between two moments, at most 366 days apart. Needs the role OWNER.
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Calls that ended at this moment or later.")] from: DateTime,
        #[graphql(desc = "Calls that ended before this moment.")] to: DateTime,
    ) -> Result<ModelUsage> {
        if !(chrono::Duration::zero()..=chrono::Duration::days(366)).contains(&(to.0 - from.0)) {
            return Err(Code::BadUserInput.error("Ask for 0 to 366 days: `to` lies at most so far behind `from`."));
        }
        let days = usage::by_day(ctx.app().db.reader(), self.0.id, from.0, to.0).await?;
        Ok(days.into())
    }

    /// Where `accountEvents` stands, read together with this account: query, then subscribe from here, and nothing is
    /// lost in between.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Cursor {
        let epoch = ctx.app().epoch.clone();
        Cursor(
            Place::Account {
                epoch,
                id: self.0.id,
                seq: self.0.event_seq,
            }
            .encode(),
        )
    }
}

impl Account {
    async fn keys(&self, ctx: &Context<'_>, args: &PageArgs) -> Result<Slice<api_key::Model>> {
        let (reader, keys) = (ctx.app().db.reader(), auth::of_account(self.0.id));
        slice(reader, keys, api_key::Column::Id, Order::Desc, args, |row| row.id).await
    }

    /// The caller's own account.
    pub async fn of_caller(ctx: &Context<'_>) -> Result<Account> {
        let id = ctx.caller().account;
        let account = ctx.loaders().account(id).await?;
        account.ok_or_else(|| Error::internal(format!("the account {id} does not exist")).into())
    }
}

/// A credential of an account. Only its hash is kept: the secret is shown once, by createApiKey.
#[derive(Clone)]
pub struct ApiKey(pub Arc<api_key::Model>);

/// A credential of an account. Only its hash is kept: the secret is shown once, by createApiKey.
#[Object]
impl ApiKey {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::ApiKey, self.0.id)
    }

    /// What people call it, 1 to 120 characters.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The beginning of the secret, to tell keys apart.
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// What the key may do.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it stops working by itself; null for never.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// When it was revoked; null while it was not.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }

    /// When it was last used, to the minute; null for never.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }
}

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        ApiKey(Arc::new(row))
    }
}

impl From<account::Model> for Account {
    fn from(row: account::Model) -> Self {
        Account(Arc::new(row))
    }
}

connection!(AccountConnection AccountEdge Account "all accounts of the server, the newest first");
connection!(ApiKeyConnection ApiKeyEdge ApiKey "the account's API keys, the newest first");
