//! Subscribing: one call a stream, each giving a `Stream` that resumes, heals and ends by itself.

use futures::Stream;
use uuid::Uuid;

use super::bus::Bus;
use super::event::{AccountFeedItem, BlueprintFeedItem, JobFeedItem};
use super::{dense_feed, job_feed};
use crate::db::Db;
use crate::error::Result;
use crate::ids::Position;

/// Where a watcher wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After<P> {
    /// It has seen nothing.
    Start,
    /// It has seen everything up to here.
    At(P),
    /// What it has seen cannot be continued (another epoch): begin with a snapshot.
    Snapshot,
}

#[derive(Clone)]
pub struct Feeds {
    pub(super) db: Db,
    pub(super) bus: Bus,
}

impl Feeds {
    pub fn new(db: Db, bus: Bus) -> Self {
        Feeds { db, bus }
    }

    /// The stream of a job, with its text. Ends after the terminal event.
    pub fn job(&self, job: Uuid, after: After<Position>) -> impl Stream<Item = Result<JobFeedItem>> + Send + use<> {
        job_feed::stream(self.clone(), job, after)
    }

    /// The stream of a site. Ends when the site is deleted.
    pub fn blueprint(
        &self,
        blueprint: Uuid,
        after: After<i64>,
    ) -> impl Stream<Item = Result<BlueprintFeedItem>> + Send + use<> {
        dense_feed::blueprint(self.clone(), blueprint, after)
    }

    /// The stream of an account. Does not end.
    pub fn account(
        &self,
        account: Uuid,
        after: After<i64>,
    ) -> impl Stream<Item = Result<AccountFeedItem>> + Send + use<> {
        dense_feed::account(self.clone(), account, after)
    }
}
