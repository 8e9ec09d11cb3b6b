//! A model's server that does everything wrong: jobs end in time, with the right word, and nobody is asked for nothing.

use std::time::Duration;

use model_server::{Behaviour, When};
use rand::seq::SliceRandom;
use sitewright::entities::{BlockStatus, JobState};

use crate::client::{Client, Wish};
use crate::experiments::{Measured, Trial};
use crate::footprint::Footprint;
use crate::nodes::Nodes;
use crate::stage::Stage;
use crate::support::misbehaviour::{odd, wrong};
use crate::support::process::Environment;

/// The key that nodes have (stage.rs).
const KEY: &str = "sk-faults";
/// Rows of the quick set.
const SOME: usize = 6;

/// Its name, what the server does, the failure that the job ends with, and whether it is tried again.
type Row = (&'static str, Behaviour, &'static str, bool);

/// Two attempts; what is to be told as TIMEOUT comes soon.
const HASTY: Environment = &[
    ("SITEWRIGHT_JOBS__LEASE_MS", "30000"),
    ("SITEWRIGHT_JOBS__MAX_ATTEMPTS", "2"),
    ("SITEWRIGHT_AI__FIRST_TOKEN_MS", "1000"),
    ("SITEWRIGHT_AI__IDLE_MS", "1000"),
    ("SITEWRIGHT_AI__TOTAL_MS", "10000"),
];
/// Two attempts, and the patience that is the default: no busy machine makes another failure look like TIMEOUT.
const PATIENT: Environment = &[
    ("SITEWRIGHT_JOBS__LEASE_MS", "30000"),
    ("SITEWRIGHT_JOBS__MAX_ATTEMPTS", "2"),
];

pub async fn rows(mut trial: Trial) -> Measured {
    let stage = Stage::with_pages(trial.backend, 1).await;
    let (mut wrong, mut odd) = (wrong(KEY), odd());
    if trial.is_quick {
        wrong.shuffle(&mut trial.chance);
        wrong.truncate(SOME);
        odd.shuffle(&mut trial.chance);
        odd.truncate(1);
    }
    let count = wrong.len() + odd.len();
    let page = stage.pages[0];
    let mut clients = Vec::new();
    let (late, others): (Vec<_>, Vec<_>) = wrong.into_iter().partition(|(_, _, code, _)| *code == "TIMEOUT");
    let hasty = Nodes::new([stage.node(HASTY).await]);
    fail(&stage, &hasty, late, &mut clients).await;
    hasty.stop().await;
    let nodes = Nodes::new([stage.node(PATIENT).await]);
    fail(&stage, &nodes, others, &mut clients).await;
    for (name, behaviour) in odd {
        stage.model.clear().always(When::any(), behaviour.clone());
        // Its words are made safe on the way into the store, so what streams by differs from it: the page is compared
        // at the end of the job, and in `tests/it`.
        let mut client = Client::new(Wish::Page(page));
        client.start(&nodes, 0).await;
        let job = ended(&stage, &client).await;
        match (&behaviour, job.state) {
            // What it says may be no section at all; then nothing of it may stay.
            (Behaviour::Taint { .. }, JobState::Failed) => {
                assert_eq!(job.error_code.as_deref(), Some("BAD_OUTPUT"), "{name}: {job:#?}");
            }
            _ => assert_eq!(job.state, JobState::Succeeded, "{name}: {job:#?}"),
        }
        for block in stage
            .world
            .blocks(page)
            .await
            .into_iter()
            .filter(|block| block.status == BlockStatus::Ready)
        {
            let content = block.content.unwrap_or_default().to_string();
            let found = ["\\u0000", "\u{202e}", "\"javascript:", "\u{fffd}"]
                .into_iter()
                .find(|bad| content.contains(bad));
            assert!(found.is_none(), "{name}: {found:?} in {content}");
        }
    }
    stage.model.clear().speed(400);
    let mut well = Client::new(Wish::Page(page));
    well.live(&stage, &nodes, 0).await;
    let job = stage.world.job(well.job.expect("it was started")).await;
    assert_eq!(job.state, JobState::Succeeded, "and then it goes well: {job:#?}");
    nodes.stop().await;
    // The page is compared as it is stored now; what earlier jobs left of it was overwritten since.
    crate::checks::forget_pages(&mut clients);
    clients.push(well);
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    vec![("rows", count as f64)]
}

/// Writes the page once with each of these, on the only node: the job fails in time and with the right word.
async fn fail(stage: &Stage, nodes: &Nodes, rows: Vec<Row>, clients: &mut Vec<Client>) {
    let at_first = Footprint::of(stage, &nodes.at(0)).await;
    for (name, behaviour, code, is_tried_again) in rows {
        stage.model.clear().always(When::any(), behaviour);
        let mut client = Client::new(Wish::Page(stage.pages[0]));
        client.live(stage, nodes, 0).await;
        let job = stage.world.job(client.job.expect("it was started")).await;
        assert_eq!(
            (job.state, job.error_code.as_deref()),
            (JobState::Failed, Some(code)),
            "{name}: {job:#?}"
        );
        assert!(
            job.finished_at < job.deadline_at && job.charged == Some(0),
            "{name}: {job:#?}"
        );
        // The sections that it asked for again alone are counted at the end (checks.rs).
        let calls = stage.model.calls(&When::of_job(job.id));
        let pages = calls.iter().filter(|call| call.function == "page").count();
        assert_eq!(pages, if is_tried_again { 2 } else { 1 }, "{name}");
        let idle = tokio::time::timeout(Duration::from_secs(30), stage.model.idle()).await;
        assert!(idle.is_ok(), "{name}: a call is still running");
        clients.push(client);
    }
    stage.model.clear();
    at_first.is_back(stage, &nodes.at(0)).await;
}

async fn ended(stage: &Stage, client: &Client) -> sitewright::entities::job::Model {
    let look = async {
        loop {
            let job = stage.world.job(client.job.expect("it was started")).await;
            if job.state.is_terminal() {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look)
        .await
        .expect("the job ends")
}
