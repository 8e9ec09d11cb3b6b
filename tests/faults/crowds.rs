//! Many at once: more starts than an account can pay, and one tenant with a long queue beside one with a single job.

use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use sitewright::entities::{JobState, job};
use sitewright::generation;
use sitewright::ids::{GlobalId, IdKind};
use uuid::Uuid;

use crate::client::{NoAnswer, PATIENCE, data};
use crate::experiments::{Measured, Trial};
use crate::nodes::Nodes;
use crate::stage::{LONG, Stage};
use crate::support::Backend;
use crate::support::process::Server;

/// A hundred starts at once on a balance for twenty.
///
/// Seen to fail: with tests/mutants/read-then-write.patch.
pub async fn overdraft(trial: Trial) -> Measured {
    let stage = Stage::built(trial.backend, 0, |config| config.credits.initial = 20 * 50).await;
    stage.model.speed(300);
    let nodes = match trial.backend {
        Backend::Sqlite => 1,
        Backend::Postgres | Backend::Redis => 3,
    };
    let nodes = Nodes::new(join_all((0..nodes).map(|_| stage.node(LONG))).await);
    let mut sites = Vec::new();
    for _ in 0..100 {
        sites.push(stage.world.blueprint(stage.world.account).await);
    }
    let starts = sites.iter().enumerate().map(|(place, site)| {
        let node = nodes.at(place);
        async move { is_accepted(&node, *site).await }
    });
    let accepted = join_all(starts).await.into_iter().filter(|accepted| *accepted).count();
    assert_eq!(accepted, 20, "of a hundred starts on a balance for twenty");
    while unfinished(&stage, stage.world.account).await > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let account = stage.world.account(stage.world.account).await;
    assert_eq!((account.balance, account.held), (0, 0));
    nodes.stop().await;
    stage.close(&[]).await;
    vec![]
}

async fn is_accepted(server: &Server, site: Uuid) -> bool {
    let site = GlobalId::new(IdKind::Blueprint, site).to_string();
    let query = "mutation($input: GenerateStructureInput!) { start: generateStructure(input: $input) { job { id } userErrors { __typename } } }";
    let input = json!({ "blueprintId": site, "idempotencyKey": Uuid::new_v4().to_string() });
    let variables = json!({ "input": input });
    let repeating = async {
        loop {
            match data(server, None, query, variables.clone()).await {
                Ok(data) => return data,
                // A hundred at once may be too much for a moment: the key makes the repetition harmless.
                Err(NoAnswer::Gone) => panic!("nothing was to befall this node"),
                Err(why) => tokio::time::sleep(why.pause()).await,
            }
        }
    };
    let data = tokio::time::timeout(PATIENCE, repeating).await.expect("it answers");
    match data["start"]["userErrors"][0]["__typename"].as_str() {
        None => data["start"]["job"]["id"].is_string(),
        Some("InsufficientCreditsError") => false,
        Some(other) => panic!("refused by {other}"),
    }
}

/// One tenant queues four hundred, another one: it waits at most two job times.
///
/// Seen to fail: with claims in the order of the queue alone.
pub async fn fairness(trial: Trial) -> Measured {
    let crowd = if trial.is_quick { 120 } else { 400 };
    let stage = Stage::built(trial.backend, 0, |_| {}).await;
    stage.model.speed(400);
    let app = &stage.world.app;
    let single = stage.world.new_account("single", 10_000).await;
    for _ in 0..crowd {
        start(&stage, stage.world.account).await;
    }
    let nodes = Nodes::new([stage
        .node(&[
            ("SITEWRIGHT_JOBS__CONCURRENCY", "4"),
            ("SITEWRIGHT_LIMITS__RUNNING_PER_ACCOUNT", "8"),
            ("SITEWRIGHT_JOBS__LEASE_MS", "30000"),
        ])
        .await]);
    crate::load::flowing(&stage, 4).await;
    let alone = start(&stage, single).await;
    let begun = async {
        loop {
            let job = stage.world.job(alone).await;
            if job.started_at.is_some() {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let job = tokio::time::timeout(Duration::from_secs(60), begun)
        .await
        .expect("it begins");
    let waited = seconds(job.started_at.expect("it began") - job.queued_at);
    // The others need not take their time any more.
    stage.model.speed(0);
    while unfinished(&stage, stage.world.account).await + unfinished(&stage, single).await > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stage.world.job(alone).await.state, JobState::Succeeded);
    let jobs = job::Entity::find().filter(job::Column::StartedAt.lte(job.started_at));
    let jobs = jobs.all(app.db.reader()).await.unwrap();
    let times = jobs
        .iter()
        .filter(|other| other.id != alone && other.state == JobState::Succeeded);
    let times: Vec<f64> = times
        .filter_map(|other| Some(seconds(other.finished_at? - other.started_at?)))
        .collect();
    let longest = times.iter().copied().fold(0.0, f64::max);
    assert!(
        waited <= 2.0 * longest,
        "it waited {waited} s, and a job takes {longest} s"
    );
    nodes.stop().await;
    stage.close(&[]).await;
    vec![("waited s", waited), ("a job takes s", longest)]
}

async fn start(stage: &Stage, account: Uuid) -> Uuid {
    let site = stage.world.blueprint(account).await;
    let key = Uuid::new_v4().to_string();
    let started = generation::start_structure(&stage.world.app, account, site, &key, None).await;
    started.expect("it can be started").jobs[0].id
}

async fn unfinished(stage: &Stage, account: Uuid) -> usize {
    let open = job::Entity::find()
        .filter(job::Column::AccountId.eq(account))
        .filter(job::Column::FinishedAt.is_null());
    open.all(stage.world.app.db.reader()).await.unwrap().len()
}

fn seconds(span: chrono::TimeDelta) -> f64 {
    span.as_seconds_f64()
}
