//! What is kept for ever, and what may be forgotten.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use sitewright::db;
use sitewright::entities::{account_event, blueprint_event, job_event};
use sitewright::jobs;
use uuid::Uuid;

use crate::races::bench::{self, Doing};
use crate::support::Backend;

async fn the_ledger_can_be_neither_changed_nor_shortened(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    for text in [
        "UPDATE credit_entries SET balance_delta = balance_delta + 1",
        "UPDATE credit_entries SET reason = 'better words'",
        "DELETE FROM credit_entries",
    ] {
        let tx = world.app.db.write().await.unwrap();
        let error = db::execute(&tx, text, []).await.expect_err(text);
        assert!(error.to_string().contains("append-only"), "{text}: {error}");
        tx.rollback().await.unwrap();
    }
    assert_eq!(world.account(world.account).await.credit_seq, 1);
    world.settle().await;
}

async fn forgetting_old_events_leaves_every_sequence_whole(backend: Backend) {
    let world = backend.world_with(bench::uncapped).await;
    let engine = bench::process(&world, Doing::Nothing).await;
    let site = world.blueprint(world.account).await;
    let old = bench::queue(&engine, world.account, site, 3).await;
    bench::finish_all(&engine).await;
    // Long ago, all of it: what comes now stays.
    let age: i64 = -8 * 86_400_000;
    world
        .rewrite("UPDATE jobs SET finished_at = {now+$1}", [age.into()])
        .await;
    for table in ["blueprint_events", "account_events"] {
        world
            .rewrite(&format!("UPDATE {table} SET at = {{now+$1}}"), [age.into()])
            .await;
    }
    let unfinished = bench::queue(&engine, world.account, site, 1).await[0];
    let young = bench::queue(&engine, world.account, site, 1).await[0];
    jobs::cancel(&engine, world.account, young).await.unwrap();
    let head = world.account(world.account).await.event_seq;
    jobs::forget_old_events(&engine).await.unwrap();
    world.check().await;
    let of = async |job: Uuid| {
        let query = job_event::Entity::find().filter(job_event::Column::JobId.eq(job));
        query.count(world.app.db.reader()).await.unwrap()
    };
    for job in old {
        assert_eq!(of(job).await, 0);
    }
    assert_eq!((of(unfinished).await, of(young).await), (1, 2));
    let left = account_event::Entity::find()
        .filter(account_event::Column::AccountId.eq(world.account))
        .order_by_asc(account_event::Column::Seq)
        .all(world.app.db.reader())
        .await
        .unwrap();
    // Two starts and a cancel: a hold and a state each, then a release and a state.
    let seqs: Vec<i64> = left.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (head - 5..=head).collect::<Vec<_>>());
    let site_events = blueprint_event::Entity::find()
        .count(world.app.db.reader())
        .await
        .unwrap();
    assert_eq!(site_events, 3);
    bench::finish_all(&engine).await;
    world.check().await;
    // A stream that lost everything goes on with the next number.
    world
        .rewrite("UPDATE account_events SET at = {now+$1}", [age.into()])
        .await;
    jobs::forget_old_events(&engine).await.unwrap();
    world.check().await;
    bench::queue(&engine, world.account, site, 1).await;
    bench::finish_all(&engine).await;
    world.settle().await;
}

on_both!(
    the_ledger_can_be_neither_changed_nor_shortened,
    forgetting_old_events_leaves_every_sequence_whole,
);
