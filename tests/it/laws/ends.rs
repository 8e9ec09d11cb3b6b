//! Ends that nobody asked for, and the ones that cost nothing: deadlines, crashes, spent attempts, restarts.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sitewright::ai::ErrorKind;
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::entities::{BlockStatus, JobState, blueprint_event};
use sitewright::jobs::{self, Orphans};
use uuid::Uuid;

use crate::races::bench::{self, Doing};
use crate::support::{Backend, World};

/// Moves a job's deadline into the past.
async fn make_late(world: &World, job: Uuid) {
    let text = "UPDATE jobs SET deadline_at = {now+$2} WHERE id = $1";
    world.rewrite(text, [job.into(), (-1_000_i64).into()]).await;
}

/// Seen to fail with a rescuer that looks at running jobs only.
async fn a_job_beyond_its_deadline_fails_whether_it_runs_or_waits(backend: Backend) {
    let world = backend.world_with(bench::uncapped).await;
    let engine = bench::process(&world, Doing::Nothing).await;
    let site = world.blueprint(world.account).await;
    let ids = bench::queue(&engine, world.account, site, 3).await;
    let (waiting, other) = (ids[0], ids[2]);
    for id in &ids {
        let text = "UPDATE jobs SET run_at = {now+$2} WHERE id = $1";
        let delay: i64 = if *id == ids[1] { 0 } else { 60_000 };
        world.rewrite(text, [(*id).into(), delay.into()]).await;
    }
    let running = jobs::claim(&engine, 3).await.unwrap().pop().expect("one is due");
    assert_eq!(running.id, ids[1]);
    make_late(&world, waiting).await;
    make_late(&world, running.id).await;
    assert_eq!(jobs::rescue(&engine, Orphans::Expired).await.unwrap(), 2);
    for (id, lease, crashes) in [(waiting, 2, 0), (running.id, 3, 0)] {
        let job = world.job(id).await;
        assert_eq!((job.state, job.charged), (JobState::Failed, Some(0)));
        assert_eq!((job.run_lease, job.crashes), (lease, crashes));
        assert_eq!(job.error_code.as_deref(), Some("DEADLINE"));
    }
    assert_eq!(world.job(other).await.state, JobState::Queued);
    // Whoever held it learns that it holds nothing.
    jobs::hold(engine.clone(), running.clone()).await;
    assert_eq!(world.job(running.id).await.state, JobState::Failed);
    let row = world.account(world.account).await;
    assert_eq!((row.balance, row.held, row.running), (10_000, 20, 0));
    jobs::cancel(&engine, world.account, other).await.unwrap();
    world.settle().await;
}

async fn a_job_that_three_processes_died_of_is_quarantined(backend: Backend) {
    let world = backend.world_with(bench::uncapped).await;
    let engine = bench::process(&world, Doing::Nothing).await;
    let site = world.blueprint(world.account).await;
    let poison = bench::queue(&engine, world.account, site, 1).await[0];
    for crashes in 1..=2 {
        let claimed = jobs::claim(&engine, 8).await.unwrap();
        assert_eq!(claimed.len(), 1);
        assert_eq!(jobs::rescue(&engine, Orphans::All).await.unwrap(), 1);
        let job = world.job(poison).await;
        assert_eq!(
            (job.state, job.crashes, job.attempt),
            (JobState::Queued, crashes, crashes)
        );
    }
    let bystander = bench::queue(&engine, world.account, site, 1).await[0];
    let claimed = jobs::claim(&engine, 8).await.unwrap();
    let ids: Vec<Uuid> = claimed.iter().map(|job| job.id).collect();
    assert_eq!(ids, [poison], "a suspect is claimed alone");
    assert_eq!(jobs::rescue(&engine, Orphans::All).await.unwrap(), 1);
    let job = world.job(poison).await;
    assert_eq!((job.state, job.crashes), (JobState::Quarantined, 3));
    assert_eq!((job.charged, job.error_code.as_deref()), (Some(0), Some("CRASHED")));
    bench::finish_all(&engine).await;
    assert_eq!(world.job(bystander).await.state, JobState::Succeeded);
    assert_eq!(world.account(world.account).await.balance, 10_000 - 20);
    world.settle().await;
}

/// Seen to fail with suspects claimed like others.
async fn a_suspect_runs_alone_until_its_next_checkpoint(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let site = bench::planned(&world).await;
    let suspect = world.start_page(world.account, site.pages[0].id).await;
    world
        .rewrite("UPDATE jobs SET crashes = 2 WHERE id = $1", [suspect.into()])
        .await;
    let other = world.start_page(world.account, site.pages[1].id).await;
    world.script.once(When::of_job(suspect), Behaviour::Hold { after: 0 });
    let world = world.started().await;
    world.script.reached(&When::of_job(suspect), 0).await;
    world.script.release();
    for job in [suspect, other] {
        assert_eq!(world.finished(job).await.state, JobState::Succeeded);
    }
    // The site's stream tells the order of commits: the other began only after the suspect's first block.
    let events = blueprint_event::Entity::find()
        .filter(blueprint_event::Column::BlueprintId.eq(site.blueprint.id))
        .order_by_asc(blueprint_event::Column::Seq)
        .all(world.app.db.reader())
        .await
        .unwrap();
    let first = |job: Uuid, kind: &str| {
        let of = |event: &blueprint_event::Model| event.job_id == Some(job) && event.kind == kind;
        events.iter().position(of).expect("an event")
    };
    assert!(first(suspect, "block_closed") < first(other, "started"));
    assert_eq!(world.job(suspect).await.crashes, 0, "a checkpoint forgives");
    world.settle().await;
}

async fn a_job_whose_attempts_are_spent_fails_and_costs_nothing(backend: Backend) {
    let world = backend.world().await;
    let site = world.planned(world.account).await;
    let before = world.account(world.account).await.balance;
    let overloaded = Behaviour::Fail {
        kind: ErrorKind::Overloaded,
        retry_after: None,
        after: 0,
    };
    world.script.always(When::any_page(), overloaded);
    let job = world.start_page(world.account, site.pages[0].id).await;
    let ended = world.finished(job).await;
    assert_eq!((ended.state, ended.attempt), (JobState::Failed, ended.max_attempts));
    assert_eq!(world.script.calls(&When::any_page()).len(), ended.max_attempts as usize);
    assert_eq!((ended.charged, ended.error_retryable), (Some(0), Some(true)));
    assert_eq!(world.account(world.account).await.balance, before);
    world.settle().await;
}

async fn a_restart_in_the_middle_of_a_page_costs_no_attempt_and_writes_no_block_twice(backend: Backend) {
    let mut world = backend.world().await;
    let site = world.planned(world.account).await;
    let page = site.pages[0].id;
    world.script.once(When::any_page(), Behaviour::Stall { after: 900 });
    let job = world.start_page(world.account, page).await;
    world.script.reached(&When::any_page(), 900).await;
    world.stop_loops().await;
    let given = world.job(job).await;
    assert_eq!((given.state, given.attempt, given.crashes), (JobState::Queued, 0, 0));
    assert!(given.written > 0, "the script must stop in the middle");
    world.check().await;
    let next = world.another_process().await;
    let claimed = jobs::claim(&next.engine, 1)
        .await
        .unwrap()
        .pop()
        .expect("it is due at once");
    jobs::hold(next.engine.clone(), claimed).await;
    let ended = world.job(job).await;
    assert_eq!(
        (ended.state, ended.attempt, ended.charged),
        (JobState::Succeeded, 1, Some(20))
    );
    for block in world.blocks(page).await {
        assert_eq!((block.status, block.revision), (BlockStatus::Ready, 1));
    }
    world.settle().await;
}

async fn a_job_that_is_cancelled_before_it_runs_costs_nothing(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let blueprint = world.blueprint(world.account).await;
    let job = world.start_site(world.account, blueprint, 4).await;
    assert_eq!(world.account(world.account).await.held, 130);
    let engine = &world.app.engine;
    let ended = jobs::cancel(engine, world.account, job).await.unwrap();
    assert_eq!((ended.state, ended.charged), (JobState::Cancelled, Some(0)));
    let again = jobs::cancel(engine, world.account, job).await.unwrap();
    assert_eq!(again, ended, "cancelling twice changes nothing");
    let row = world.account(world.account).await;
    assert_eq!((row.balance, row.held, row.credit_seq), (10_000, 0, 3));
    assert!(jobs::claim(engine, 8).await.unwrap().is_empty());
    world.settle().await;
}

on_both!(
    a_job_beyond_its_deadline_fails_whether_it_runs_or_waits,
    a_job_that_three_processes_died_of_is_quarantined,
    a_suspect_runs_alone_until_its_next_checkpoint,
    a_job_whose_attempts_are_spent_fails_and_costs_nothing,
    a_restart_in_the_middle_of_a_page_costs_no_attempt_and_writes_no_block_twice,
    a_job_that_is_cancelled_before_it_runs_costs_nothing,
);
