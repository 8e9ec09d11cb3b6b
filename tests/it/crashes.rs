//! Dying at any step: real processes that are killed, stopped and told to end, on files and databases of their own.
//!
//! Whatever happens, a client that repeats its start with its key and its subscription with its cursor sees one job, one
//! charge, each block written once, and one end.

mod points;
mod signals;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sitewright::entities::{BlockStatus, JobState, job};
use uuid::Uuid;

use crate::support::process::run;
use crate::support::{Viewer, World};

/// The job ended well after all that: once, charged once, its blocks written once, its viewer content.
async fn assert_done_once(world: &World, viewer: &Viewer, key: &str, page: Uuid) {
    let jobs = job::Entity::find().filter(job::Column::StartKey.eq(key));
    let jobs = jobs.all(world.app.db.reader()).await.unwrap();
    assert_eq!(jobs.len(), 1, "{jobs:#?}");
    assert_eq!((jobs[0].state, jobs[0].charged), (JobState::Succeeded, Some(20)));
    for block in world.blocks(page).await {
        assert_eq!((block.status, block.revision), (BlockStatus::Ready, 1), "{block:#?}");
    }
    viewer.check(&world.app.db, jobs[0].id, Some(page)).await;
    let verified = run(&["ledger", "verify"], &world.app.config.database.url, &[]).await;
    assert!(verified.status.success(), "{}", verified.stdout);
}
