//! The balance, its movements, and what things cost.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result};

use crate::entities::{account, credit_entry, price};
use crate::graphql::context::Reach;
use crate::graphql::jobs::GenerationJob;
use crate::graphql::node;
use crate::graphql::paging::connection;
use crate::graphql::scalars::DateTime;
use crate::ids::IdKind;

/// The credits of an account. In a client cache it is one object that every payload and event refreshes; of two
/// readings the one with the higher `version` is the newer.
#[derive(Clone)]
pub struct CreditAccount(pub Arc<account::Model>);

/// The credits of an account. In a client cache it is one object that every payload and event refreshes; of two
/// readings the one with the higher `version` is the newer.
#[Object]
impl CreditAccount {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::Credits, self.0.id)
    }

    /// All credits, those on hold included.
    async fn balance(&self) -> i64 {
        self.0.balance
    }

    /// Credits set aside for jobs that have not ended.
    async fn held(&self) -> i64 {
        self.0.held
    }

    /// What can be spent: `balance` minus `held`.
    async fn available(&self) -> i64 {
        self.0.balance - self.0.held
    }

    /// The number of the newest movement; grows with each.
    async fn version(&self) -> i64 {
        self.0.credit_seq
    }
}

/// Why credits moved.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::CreditEntryKind")]
pub enum CreditEntryKind {
    /// Credits were added.
    Grant,
    /// The price of a job was set aside when it started.
    Hold,
    /// A job was charged: credits on hold were spent.
    Capture,
    /// A job was not charged, or charged less: credits on hold became available again.
    Release,
    /// Captured credits were given back.
    Refund,
    /// An operator corrected the balance; see `reason`.
    Adjustment,
}

/// One movement of credits. Entries are never changed or removed.
#[derive(Clone)]
pub struct CreditEntry(pub Arc<credit_entry::Model>);

/// One movement of credits. Entries are never changed or removed.
#[Object]
impl CreditEntry {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::CreditEntry, self.0.id)
    }

    /// The movement's number within the account, from 1, without holes.
    async fn seq(&self) -> i64 {
        self.0.seq
    }

    /// Why the credits moved.
    async fn kind(&self) -> CreditEntryKind {
        self.0.kind.into()
    }

    /// What was added to the balance, in credits; negative when spent.
    async fn balance_delta(&self) -> i64 {
        self.0.balance_delta
    }

    /// What was added to the credits on hold; negative when a hold was closed.
    async fn held_delta(&self) -> i64 {
        self.0.held_delta
    }

    /// The balance after the movement, in credits.
    async fn balance_after(&self) -> i64 {
        self.0.balance_after
    }

    /// The credits on hold after the movement.
    async fn held_after(&self) -> i64 {
        self.0.held_after
    }

    /// The job that the credits were held for or spent on; null when there was none.
    async fn job(&self, ctx: &Context<'_>) -> Result<Option<GenerationJob>> {
        match self.0.job_id {
            Some(id) => ctx.loaders().job(id).await,
            None => Ok(None),
        }
    }

    /// What the operator noted; null for movements that explain themselves.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// When it happened.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

impl From<credit_entry::Model> for CreditEntry {
    fn from(row: credit_entry::Model) -> Self {
        CreditEntry(Arc::new(row))
    }
}

connection!(CreditEntryConnection CreditEntryEdge CreditEntry "the movements of credits, the newest first");

/// What has a price.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::PriceKind")]
pub enum PriceKind {
    /// Planning a site: generateStructure, and the first part of generateSite.
    Structure,
    /// Writing a page: generatePage, and each page of generatePages and generateSite.
    Page,
    /// Writing one block anew.
    Block,
}

/// What one start costs within a time. A started job keeps the price it started with.
#[derive(Clone)]
pub struct Price(pub Arc<price::Model>);

/// What one start costs within a time. A started job keeps the price it started with.
#[Object]
impl Price {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::Price, self.0.id)
    }

    /// What is priced.
    async fn kind(&self) -> PriceKind {
        self.0.kind.into()
    }

    /// The price, in credits.
    async fn amount(&self) -> i64 {
        self.0.amount
    }

    /// From when it holds.
    async fn valid_from(&self) -> DateTime {
        self.0.valid_from.into()
    }

    /// Until when it holds; null while no other price is set.
    async fn valid_to(&self) -> Option<DateTime> {
        self.0.valid_to.map(DateTime)
    }
}

impl From<price::Model> for Price {
    fn from(row: price::Model) -> Self {
        Price(Arc::new(row))
    }
}
