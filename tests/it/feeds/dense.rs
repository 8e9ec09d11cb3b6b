//! The streams of sites and accounts: dense numbers, every place of which can be continued.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use sea_orm::{EntityTrait, QueryOrder};
use sitewright::credits;
use sitewright::db::execute;
use sitewright::entities::{credit_entry, job};
use sitewright::error::Result;
use sitewright::events::{AccountBody, AccountFeedItem, After, BlueprintBody, BlueprintFeedItem, JobEvent, Unit};
use sitewright::{app::App, sites};
use uuid::Uuid;

use crate::support::{Backend, PATIENCE, World};

type Feed<T> = Pin<Box<dyn Stream<Item = Result<T>> + Send>>;

async fn take<T: Send>(feed: &mut Feed<T>, count: usize) -> Vec<T> {
    let items = feed.take(count).map(Result::unwrap).collect::<Vec<_>>();
    tokio::time::timeout(PATIENCE, items)
        .await
        .unwrap_or_else(|_| panic!("{count} items do not come"))
}

fn of_site(app: &App, site: Uuid, after: After<i64>) -> Feed<BlueprintFeedItem> {
    Box::pin(app.feeds.blueprint(site, after))
}

fn of_account(app: &App, account: Uuid, after: After<i64>) -> Feed<AccountFeedItem> {
    Box::pin(app.feeds.account(account, after))
}

async fn delete(world: &World, text: &str, id: Uuid, upto: i64) {
    let tx = world.app.db.write().await.unwrap();
    execute(&tx, text, [id.into(), upto.into()]).await.unwrap();
    tx.commit().await.unwrap();
}

/// A written site, with everything that its watcher heard from the first event on.
async fn written(world: &World) -> (Uuid, Vec<BlueprintFeedItem>) {
    let site = world.blueprint(world.account).await;
    let job = world.start_site(world.account, site, 4).await;
    let mut feed = of_site(&world.app, site, After::At(0));
    let mut transcript = take(&mut feed, 1).await;
    world.finished(job).await;
    let head = world.site(site).await.blueprint.event_seq;
    transcript.extend(take(&mut feed, usize::try_from(head - 1).unwrap()).await);
    (site, transcript)
}

async fn a_sites_events_resume_from_every_number(backend: Backend) {
    let world = backend.world().await;
    let (site, transcript) = written(&world).await;
    let numbers: Vec<i64> = transcript.iter().map(|item| item.seq).collect();
    assert_eq!(numbers, (1..=transcript.len() as i64).collect::<Vec<_>>());
    let finished = |item: &&BlueprintFeedItem| matches!(item.body, BlueprintBody::Job(JobEvent::Finished { .. }));
    let ends: Vec<_> = transcript.iter().filter(finished).map(|item| item.job_id).collect();
    assert_eq!(
        ends.len(),
        1 + world.site(site).await.pages.len(),
        "the site's and each page's"
    );
    assert!(!transcript.iter().any(|item| item.body == BlueprintBody::Snapshot));

    let watching = world.watching_process().await;
    let mut feeds = Vec::new();
    for seq in 0..=transcript.len() {
        // Alternately where the events were announced and where nobody heard them.
        let app = if seq % 2 == 0 { &world.app } else { &watching.app };
        let mut feed = of_site(app, site, After::At(seq as i64));
        let rest = take(&mut feed, transcript.len() - seq).await;
        let bodies = rest.iter().map(|item| (item.seq, &item.body));
        assert!(
            bodies.eq(transcript[seq..].iter().map(|item| (item.seq, &item.body))),
            "after {seq}"
        );
        feeds.push(feed);
    }
    // A deleted site has one last event for everybody who watches, and then no stream.
    sites::delete_blueprint(&world.app.db, &world.app.bus, world.account, site, None)
        .await
        .unwrap();
    for mut feed in feeds {
        let last = take(&mut feed, 2).await;
        assert_eq!(last.len(), 1, "{last:?}");
        assert_eq!(
            (last[0].seq, &last[0].body),
            (transcript.len() as i64 + 1, &BlueprintBody::Changed { deleted: true })
        );
    }
    assert!(take(&mut of_site(&world.app, site, After::Start), 1).await.is_empty());
    watching.stop().await;
    world.settle().await;
}

// Seen to fail: when `continuous` takes rows behind a hole for the next ones.
async fn a_sites_cursor_that_cannot_be_continued_gets_a_snapshot(backend: Backend) {
    let world = backend.world().await;
    let (site, transcript) = written(&world).await;
    let head = transcript.len() as i64;
    let snapshot = async |after| {
        let first = take(&mut of_site(&world.app, site, after), 1).await;
        (first[0].seq, first[0].body == BlueprintBody::Snapshot)
    };
    for after in [After::Start, After::Snapshot, After::At(head + 1), After::At(i64::MAX)] {
        assert_eq!(snapshot(after).await, (head, true), "{after:?}");
    }
    delete(
        &world,
        "DELETE FROM blueprint_events WHERE blueprint_id = $1 AND seq <= $2",
        site,
        10,
    )
    .await;
    for seq in 0..10 {
        assert_eq!(snapshot(After::At(seq)).await, (head, true), "after {seq}");
    }
    assert_eq!(snapshot(After::At(10)).await, (11, false));
    delete(
        &world,
        "DELETE FROM blueprint_events WHERE blueprint_id = $1 AND seq <= $2",
        site,
        head,
    )
    .await;
    assert_eq!(snapshot(After::At(11)).await, (head, true), "nothing is kept");
    // A snapshot is no end: what happens next follows it.
    let mut feed = of_site(&world.app, site, After::At(1));
    take(&mut feed, 1).await;
    let page = world.site(site).await.pages[0].id;
    let job = world.start_page(world.account, page).await;
    let next = take(&mut feed, 1).await;
    assert_eq!(
        (next[0].seq, &next[0].body),
        (head + 1, &BlueprintBody::Job(JobEvent::Queued))
    );
    world.finished(job).await;
    world.settle().await;
}

async fn an_accounts_stream_starts_now_and_keeps_the_order_of_commits(backend: Backend) {
    let world = backend.world().await;
    let other = world.new_account("other", 500).await;
    let before = world.account(world.account).await.event_seq;
    let mut now = of_account(&world.app, world.account, After::Start);
    let first = tokio::spawn(async move { (take(&mut now, 1).await, now) });
    // It begins at its first poll: that it stands is known when the grant arrives, so grant until it does.
    let mut grants = 0;
    while !first.is_finished() {
        let mut unit = Unit::begin(&world.app.db, &world.app.bus).await.unwrap();
        credits::grant(&mut unit, world.account, 1, &format!("payment {grants}"), None)
            .await
            .unwrap();
        unit.commit().await.unwrap();
        grants += 1;
    }
    let (mut heard, mut now) = first.await.unwrap();
    assert!(heard[0].seq > before, "what was before is not replayed");
    let site = world.blueprint(world.account).await;
    let job = world.start_site(world.account, site, 4).await;
    world.finished(job).await;
    let head = world.account(world.account).await.event_seq;
    let count = usize::try_from(head - heard[0].seq).unwrap();
    heard.extend(take(&mut now, count).await);
    let first = heard[0].seq;
    let numbers: Vec<i64> = heard.iter().map(|item| item.seq).collect();
    assert_eq!(numbers, (first..=head).collect::<Vec<_>>());

    // Every movement of credits in the ledger's order, and each job at least when queued, started and ended.
    let entries = credit_entry::Entity::find().order_by_asc(credit_entry::Column::Seq);
    let entries = entries.all(world.app.db.reader()).await.unwrap();
    let of_ours = entries.iter().filter(|entry| entry.account_id == world.account);
    let ledger: Vec<Uuid> = of_ours.map(|entry| entry.id).collect();
    let moved = heard.iter().filter_map(|item| match item.body {
        AccountBody::CreditsMoved { entry_id } => Some(entry_id),
        _ => None,
    });
    let moved: Vec<Uuid> = moved.collect();
    assert!(ledger.ends_with(&moved), "{moved:?}\n{ledger:?}");
    for job in job::Entity::find().all(world.app.db.reader()).await.unwrap() {
        let changes = heard
            .iter()
            .filter(|item| item.body == AccountBody::JobStateChanged { job_id: job.id });
        assert!(changes.count() >= 3, "{job:?}");
    }

    let watching = world.watching_process().await;
    for item in heard.iter().step_by(3) {
        let mut feed = of_account(&watching.app, world.account, After::At(item.seq));
        let rest = take(&mut feed, usize::try_from(head - item.seq).unwrap()).await;
        assert!(
            rest.iter()
                .map(|i| &i.body)
                .eq(heard[(item.seq - first) as usize + 1..].iter().map(|i| &i.body))
        );
    }
    for after in [After::Snapshot, After::At(head + 1)] {
        let first = take(&mut of_account(&world.app, world.account, after), 1).await;
        assert_eq!(
            (first[0].seq, &first[0].body),
            (head, &AccountBody::Snapshot),
            "{after:?}"
        );
    }
    delete(
        &world,
        "DELETE FROM account_events WHERE account_id = $1 AND seq <= $2",
        world.account,
        head - 1,
    )
    .await;
    let first = take(&mut of_account(&world.app, world.account, After::At(head - 2)), 1).await;
    assert_eq!((first[0].seq, &first[0].body), (head, &AccountBody::Snapshot));
    assert_eq!(world.account(other).await.balance, 500);
    watching.stop().await;
    world.settle().await;
}

on_every_carrier!(
    a_sites_events_resume_from_every_number,
    a_sites_cursor_that_cannot_be_continued_gets_a_snapshot,
    an_accounts_stream_starts_now_and_keeps_the_order_of_commits,
);
