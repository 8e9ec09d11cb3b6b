//! What must be true after every trial, whatever was done to the processes.

use std::collections::BTreeMap;

use model_server::When;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Statement};
use sitewright::entities::{JobState, job, job_event};
use uuid::Uuid;

use crate::client::{Client, Wish};
use crate::stage::Stage;
use crate::support::process::run;
use crate::support::redis::TestRedis;

/// How often a section that cannot stay is asked for again.
const ASKED_AGAIN: usize = 2;

pub async fn all(stage: &Stage, clients: &[&Client]) {
    stage.world.check().await;
    let verified = run(&["ledger", "verify"], &stage.world.app.config.database.url, &[]).await;
    assert!(verified.status.success(), "{}", verified.stdout);
    for client in clients {
        of_client(stage, client).await;
    }
    letter_by_letter(stage, clients).await;
    calls(stage).await;
    stage.world.redis.iter().for_each(keys);
}

/// What one client was told and saw.
pub async fn of_client(stage: &Stage, client: &Client) {
    acknowledged(stage, client).await;
    streamed(stage, client).await;
    undisturbed(stage, client);
}

/// What is left in Redis goes by itself: a quarter of an hour after the end of its job, or after an hour where Redis was
/// away, or the writer died, when it ended.
///
/// Seen to fail: with a limit of a quarter of an hour here, after a soak.
pub fn keys(redis: &TestRedis) {
    for (key, ttl) in redis.keys() {
        // A key may go between the two questions: then there is none, and none is asked of it.
        assert!(
            ttl == -2 || (0..=60 * 60 * 1_000).contains(&ttl),
            "{key} lives for {ttl} ms"
        );
    }
}

/// A start that was acknowledged exists, once for its key.
async fn acknowledged(stage: &Stage, client: &Client) {
    let jobs = job::Entity::find().filter(job::Column::StartKey.eq(client.key.as_str()));
    let jobs = jobs.all(stage.world.app.db.reader()).await.unwrap();
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id).collect();
    let known: Vec<Uuid> = client.job.into_iter().collect();
    assert_eq!(ids, known, "the jobs of one key, and the acknowledged one");
    assert!(jobs.iter().all(|job| job.state.is_terminal()), "{jobs:#?}");
}

/// What the client saw is whole: every event once, one end, and the page as it is stored.
async fn streamed(stage: &Stage, client: &Client) {
    let page = match client.wish {
        Wish::Page(page) if client.is_page_kept => Some(page),
        _ => None,
    };
    let job = client.job.expect("it was acknowledged");
    client.viewer.check(&stage.world.app.db, job, page).await;
}

/// It had to move, and to come back, no more often than what befell the nodes explains.
///
/// Seen to fail: with a process that dies, in a trial that does not say so.
fn undisturbed(stage: &Stage, client: &Client) {
    assert!(client.moves <= stage.moves, "{client:?}: {} are explained", stage.moves);
    assert!(
        client.refusals <= stage.refusals,
        "{client:?}: {} are explained",
        stage.refusals
    );
}

/// Somebody heard the text of a page as it was written, so that there was something to compare. Without Redis a client
/// hears it only from the process that writes it, which may be another one for all of them.
async fn letter_by_letter(stage: &Stage, clients: &[&Client]) {
    let mut written = 0;
    for client in clients.iter().filter(|client| matches!(client.wish, Wish::Page(_))) {
        let job = stage.world.job(client.job.expect("it was acknowledged")).await;
        written += usize::from(job.state == JobState::Succeeded);
    }
    let is_carried = !stage.world.app.db.is_postgres() || stage.world.redis.is_some();
    let compared: usize = clients.iter().map(|client| client.viewer.compared).sum();
    assert!(
        compared > 0 || written == 0 || !is_carried,
        "no text was compared with what is stored"
    );
}

/// For clients whose page was written again by a later job: only their events are compared, not what the page is now.
pub fn forget_pages(clients: &mut [Client]) {
    clients.iter_mut().for_each(|client| client.is_page_kept = false);
}

/// The model was asked for a plan or a page once for each time that the job began, and for a section alone at most twice
/// in each life of its job: a process that dies or stops forgets how often it asked.
async fn calls(stage: &Stage) {
    let db = stage.world.app.db.reader();
    let (mut begun, mut lives) = (BTreeMap::<Uuid, usize>::new(), BTreeMap::<Uuid, usize>::new());
    for event in job_event::Entity::find().all(db).await.unwrap() {
        let reason = event.payload["reason"].as_str().unwrap_or_default();
        match event.kind.as_str() {
            "started" => *begun.entry(event.job_id).or_default() += 1,
            "retrying" if reason.contains("the work continues") => *lives.entry(event.job_id).or_insert(1) += 1,
            _ => {}
        }
    }
    let mut asked = BTreeMap::<(Uuid, String), usize>::new();
    for call in stage.model.calls(&When::any()) {
        let job = call
            .job
            .parse()
            .unwrap_or_else(|_| panic!("a call of nobody: {call:?}"));
        *asked.entry((job, call.function)).or_default() += 1;
    }
    for ((id, function), asked) in asked {
        let job = stage.world.job(id).await;
        let began = begun.get(&id).copied().unwrap_or_default();
        let most = match (function.as_str(), job.page_id) {
            ("structure", None) | ("page", Some(_)) => began,
            ("block", Some(page)) => {
                let sections = stage.world.blocks(page).await.len();
                ASKED_AGAIN * sections * lives.get(&id).unwrap_or(&1)
            }
            _ => panic!("{function} is nothing to ask for {job:#?}"),
        };
        assert!(
            asked <= most,
            "{asked} calls of {function} for a job that began {began} times: {job:#?}"
        );
    }
}

/// The job ended well: charged once, and each block written once.
pub async fn written_once(stage: &Stage, client: &Client) {
    let job = stage.world.job(client.job.expect("it was acknowledged")).await;
    assert_eq!(
        (job.state, job.charged),
        (JobState::Succeeded, Some(job.price)),
        "{job:#?}"
    );
    if let Wish::Page(page) = client.wish {
        for block in stage.world.blocks(page).await {
            assert_eq!(block.revision, 1, "a block was written twice: {block:#?}");
        }
    }
}

/// How many jobs succeeded, and how many killed three processes within one block, which is what a poison job looks like.
/// Any other end fails, and so do too few that succeeded.
pub async fn succeeded_or_poison(stage: &Stage, clients: &[Client], least: usize) -> [usize; 2] {
    let mut ends = [0, 0];
    for client in clients {
        let job = stage.world.job(client.job.expect("it was acknowledged")).await;
        match job.state {
            JobState::Succeeded => ends[0] += 1,
            JobState::Quarantined if job.crashes >= 3 => ends[1] += 1,
            _ => panic!("a job ended otherwise: {job:#?}"),
        }
    }
    assert!(
        ends[0] >= least,
        "{ends:?}: so many succeeded, and so many killed processes"
    );
    ends
}

/// However often it moved, the job used one attempt and nobody was taken for dead.
pub async fn first_attempt(stage: &Stage, client: &Client) {
    let job = stage.world.job(client.job.expect("it was acknowledged")).await;
    assert_eq!((job.attempt, job.crashes), (1, 0), "{job:#?}");
}

/// SQLite itself finds nothing wrong with its file.
pub async fn integrity(stage: &Stage) {
    let text = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
    let row = stage.world.app.db.reader().query_one_raw(text).await.unwrap().unwrap();
    assert_eq!(row.try_get::<String>("", "integrity_check").unwrap(), "ok");
}
