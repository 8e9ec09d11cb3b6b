//! The stream of an account: movements of credits, and jobs that change their state.

use async_graphql::{Context, Interface, Object, Result};
use uuid::Uuid;

use super::types::GenerationJob;
use crate::error::{Error, Instant};
use crate::events::{AccountBody, AccountFeedItem};
use crate::graphql::accounts::Account;
use crate::graphql::context::Reach;
use crate::graphql::credits::{CreditAccount, CreditEntry};
use crate::graphql::operation::Stamped;
use crate::graphql::scalars::{Cursor, DateTime};
use crate::ids::Cursor as Place;

/// Something that happened in an account. Its events are numbered without holes; applying one twice is harmless.
#[derive(Interface)]
#[graphql(
    field(
        name = "cursor",
        ty = "Cursor",
        desc = "Where the stream stands with this event: pass it as `after` to continue from here."
    ),
    field(name = "at", ty = "DateTime", desc = "When it happened.")
)]
pub enum AccountEvent {
    CreditsMoved(CreditsMoved),
    JobStateChanged(JobStateChanged),
    Snapshot(AccountSnapshot),
}

struct AccountHead {
    cursor: String,
    at: Instant,
}

/// Credits were added, set aside, spent or released.
pub struct CreditsMoved {
    head: AccountHead,
    entry: Uuid,
}

/// Credits were added, set aside, spent or released.
#[Object]
impl CreditsMoved {
    /// Where the stream stands with this event: pass it as `after` to continue from here.
    pub async fn cursor(&self) -> Cursor {
        Cursor(self.head.cursor.clone())
    }

    /// When it happened.
    pub async fn at(&self) -> DateTime {
        self.head.at.into()
    }

    /// The movement.
    async fn entry(&self, ctx: &Context<'_>) -> Result<CreditEntry> {
        let entry = ctx.loaders().credit_entry(self.entry).await?;
        entry.ok_or_else(|| Error::internal("the entry of an event is gone").into())
    }

    /// The credits, in their present state.
    async fn credits(&self, ctx: &Context<'_>) -> Result<CreditAccount> {
        Ok(CreditAccount(Account::of_caller(ctx).await?.0))
    }
}

/// A job came into another state, or its end was asked for.
pub struct JobStateChanged {
    head: AccountHead,
    job: Uuid,
}

/// A job came into another state, or its end was asked for.
#[Object]
impl JobStateChanged {
    /// Where the stream stands with this event: pass it as `after` to continue from here.
    pub async fn cursor(&self) -> Cursor {
        Cursor(self.head.cursor.clone())
    }

    /// When it happened.
    pub async fn at(&self) -> DateTime {
        self.head.at.into()
    }

    /// The job, in its present state.
    async fn job(&self, ctx: &Context<'_>) -> Result<GenerationJob> {
        let job = ctx.loaders().job(self.job).await?;
        job.ok_or_else(|| Error::internal("the job of an event is gone").into())
    }
}

/// Everything up to here: read the account and take it for all that was known. Sent when a cursor cannot be continued.
pub struct AccountSnapshot(AccountHead);

/// Everything up to here: read the account and take it for all that was known. Sent when a cursor cannot be continued.
#[Object]
impl AccountSnapshot {
    /// Where the stream stands with this event: pass it as `after` to continue from here.
    pub async fn cursor(&self) -> Cursor {
        Cursor(self.0.cursor.clone())
    }

    /// When it was taken.
    pub async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// The account, in its present state.
    async fn account(&self, ctx: &Context<'_>) -> Result<Account> {
        Account::of_caller(ctx).await
    }
}

/// Turns what the feed brings into what the client sees.
pub fn account_event(item: AccountFeedItem, id: Uuid, epoch: &str) -> Stamped<AccountEvent> {
    let cursor = Place::Account {
        epoch: epoch.to_string(),
        id,
        seq: item.seq,
    }
    .encode();
    let head = AccountHead {
        cursor: cursor.clone(),
        at: item.time,
    };
    let event = match item.body {
        AccountBody::CreditsMoved { entry_id: entry } => CreditsMoved { head, entry }.into(),
        AccountBody::JobStateChanged { job_id: job } => JobStateChanged { head, job }.into(),
        AccountBody::Snapshot => AccountSnapshot(head).into(),
    };
    Stamped { cursor, event }
}
