//! A unit of work: one write transaction and what is to be announced once it has committed.
//!
//! Nothing is published before the commit, so a watcher can never see what a rollback takes back.

use sea_orm::DatabaseTransaction;

use super::bus::{Bus, Notice};
use crate::db::Db;
use crate::error::Result;

pub struct Unit {
    pub tx: DatabaseTransaction,
    bus: Bus,
    notices: Vec<Notice>,
    words: Vec<Box<dyn FnOnce() + Send + Sync>>,
}

impl Unit {
    pub async fn begin(db: &Db, bus: &Bus) -> Result<Self> {
        Ok(Unit {
            tx: db.write().await?,
            bus: bus.clone(),
            notices: Vec::new(),
            words: Vec::new(),
        })
    }

    /// Announces `notice` after the commit, in the order of the calls.
    pub fn after_commit(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Says something in the log once the commit has made it true.
    pub fn log_after_commit(&mut self, say: impl FnOnce() + Send + Sync + 'static) {
        self.words.push(Box::new(say));
    }

    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await?;
        for notice in self.notices {
            self.bus.publish(notice);
        }
        self.words.into_iter().for_each(|say| say());
        Ok(())
    }

    /// Takes everything back; nothing is announced.
    pub async fn rollback(self) -> Result<()> {
        Ok(self.tx.rollback().await?)
    }
}
