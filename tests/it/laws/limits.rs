//! Who must wait, and who is told no.

use sitewright::ai::scripted::{Behaviour, When};
use sitewright::entities::JobState;
use sitewright::error::{Error, Result, Why};
use sitewright::generation::{self, Started};
use sitewright::jobs::{self, WaitReason, waiting_for};
use uuid::Uuid;

use crate::races::bench;
use crate::support::Backend;

fn refusal(result: Result<Started>) -> Why {
    match result {
        Err(Error::Refused(refusals)) => refusals.into_iter().next().expect("a reason").why,
        Err(error) => panic!("{}", error.cause()),
        Ok(started) => panic!("accepted: {started:?}"),
    }
}

async fn a_job_that_waits_says_what_for(backend: Backend) {
    let world = backend.world_with(|config| config.limits.running_per_account = 1).await;
    let site = bench::planned(&world).await;
    let engine = &world.app.engine;
    let first = world.start_page(world.account, site.pages[0].id).await;
    let second = world.start_page(world.account, site.pages[1].id).await;
    let why = async |id| waiting_for(engine, &world.job(id).await).await.unwrap();
    world.rewrite("DELETE FROM workers", []).await;
    assert_eq!(why(first).await, Some(WaitReason::NoWorker));
    jobs::beat(engine).await.unwrap();
    assert_eq!(why(first).await, None);
    let claimed = jobs::claim(engine, 8).await.unwrap();
    assert_eq!(claimed.len(), 1, "one at a time");
    assert_eq!(why(claimed[0].id).await, None);
    let waiting = if claimed[0].id == first { second } else { first };
    assert_eq!(why(waiting).await, Some(WaitReason::AccountLimit));
    world.script.once(When::any_page(), Behaviour::Cut { after: 0 });
    jobs::hold(engine.clone(), claimed[0].clone()).await;
    let text = "UPDATE jobs SET run_at = {now+$2} WHERE id = $1";
    world.rewrite(text, [claimed[0].id.into(), 60_000_i64.into()]).await;
    assert_eq!(why(claimed[0].id).await, Some(WaitReason::Retry));
    world.rewrite(text, [claimed[0].id.into(), 0_i64.into()]).await;
    for _ in 0..2 {
        let job = jobs::claim(engine, 8).await.unwrap().pop().expect("one is due");
        jobs::hold(engine.clone(), job).await;
    }
    assert_eq!(world.job(second).await.state, JobState::Succeeded);
    world.settle().await;
}

async fn a_start_beyond_the_queues_cap_is_refused_whole(backend: Backend) {
    let world = backend.world_with(|config| config.limits.queued_per_account = 3).await;
    let site = bench::planned(&world).await;
    let account = world.account;
    let pages: Vec<Uuid> = site.pages.iter().map(|page| page.id).take(4).collect();
    let held = world.account(account).await.held;
    let four = generation::start_pages(&world.app, account, &pages, "four", None).await;
    assert_eq!(refusal(four), Why::LimitExceeded { limit: 3 });
    assert_eq!(world.account(account).await.held, held, "nothing of it is started");
    let three = generation::start_pages(&world.app, account, &pages[..3], "three", None).await;
    let jobs = three.unwrap().jobs;
    assert_eq!(jobs.len(), 3);
    let one_more = generation::start_page(&world.app, account, pages[3], "one more", None).await;
    assert!(matches!(one_more, Err(Error::Refused(_))));
    let one_more = generation::start_page(&world.app, account, pages[3], "one-more", None).await;
    assert_eq!(refusal(one_more), Why::LimitExceeded { limit: 3 });
    for job in jobs {
        jobs::cancel(&world.app.engine, account, job.id).await.unwrap();
    }
    world.settle().await;
}

async fn a_site_is_not_planned_while_its_pages_are_written_nor_the_other_way_round(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let site = bench::planned(&world).await;
    let (app, account, id) = (&world.app, world.account, site.blueprint.id);
    let writing = world.start_page(account, site.pages[0].id).await;
    let plan = generation::start_structure(app, account, id, "plan", None).await;
    assert_eq!(refusal(plan), Why::AlreadyRunning { job: writing });
    let whole = generation::start_site(app, account, id, "site", None, 4).await;
    assert_eq!(refusal(whole), Why::AlreadyRunning { job: writing });
    let twice = generation::start_page(app, account, site.pages[0].id, "twice", None).await;
    assert_eq!(refusal(twice), Why::AlreadyRunning { job: writing });
    jobs::cancel(&app.engine, account, writing).await.unwrap();
    let plan = generation::start_structure(app, account, id, "plan", None)
        .await
        .unwrap();
    let planning = plan.jobs[0].id;
    let page = generation::start_page(app, account, site.pages[0].id, "page", None).await;
    assert_eq!(refusal(page), Why::AlreadyRunning { job: planning });
    let whole = generation::start_site(app, account, id, "site", None, 4).await;
    assert_eq!(refusal(whole), Why::AlreadyRunning { job: planning });
    jobs::cancel(&app.engine, account, planning).await.unwrap();
    world.settle().await;
}

on_both!(
    a_job_that_waits_says_what_for,
    a_start_beyond_the_queues_cap_is_refused_whole,
    a_site_is_not_planned_while_its_pages_are_written_nor_the_other_way_round,
);
