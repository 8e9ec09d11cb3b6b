//! `sitewright watch` and `examples/watch_job.rs` as their users run them, against a real server.

use std::process::Command;

use serde_json::{Value, json};
use sitewright::ai::ErrorKind;
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::entities::JobState;
use sitewright::ids::{GlobalId, IdKind};
use sitewright::jobs;
use uuid::Uuid;

use crate::binary::{self, Started, sitewright};
use crate::graphql_served::{self, Served};
use crate::support::Backend;

fn watch(served: &Served, id: &str) -> Command {
    sitewright(&["watch", id, "--url", &served.url("/graphql")])
}

fn watch_json(served: &Served, id: &str) -> Started {
    let mut command = watch(served, id);
    command.arg("--json");
    Started::new(command)
}

fn job_id(job: Uuid) -> String {
    GlobalId::new(IdKind::Job, job).to_string()
}

/// Reads lines until one has this type.
async fn until(watcher: &mut Started, kind: &str) -> Value {
    loop {
        let line = watcher.line().await.expect("more lines");
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["type"] == kind {
            return line;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_site_is_followed_to_its_end_with_all_its_pages() {
    let served = graphql_served::open(Backend::Sqlite).await;
    let world = &served.world;
    world.script.once(When::structure(), Behaviour::Hold { after: 10 });
    let blueprint = world.blueprint(world.account).await;
    let job = world.start_site(world.account, blueprint, 3).await;
    world.script.reached(&When::structure(), 10).await;
    let mut watcher = watch_json(&served, &job_id(job));
    // It has found the job; from here on nothing may be missed.
    assert_eq!(until(&mut watcher, "Job").await["job"]["state"], "RUNNING");
    world.script.release();
    until(&mut watcher, "PagePlanned").await;
    until(&mut watcher, "BlockReady").await;
    let finished = loop {
        let line = until(&mut watcher, "JobFinished").await;
        if line["job"]["parent"].is_null() {
            break line;
        }
    };
    assert_eq!(finished["job"]["charged"], 110);
    assert_eq!(watcher.code().await, Some(0));
    let late = binary::run(watch(&served, &job_id(job))).await;
    assert_eq!(
        (late.code, late.out.as_str()),
        (Some(0), "site job: succeeded, 110 credits charged.\n")
    );
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_is_followed_until_its_jobs_have_ended_and_the_exit_code_says_how() {
    let served = graphql_served::open(Backend::Sqlite).await;
    let world = &served.world;
    let planned = world.planned(world.account).await;
    let failing = Behaviour::Fail {
        kind: ErrorKind::Refusal,
        retry_after: None,
        after: 0,
    };
    world.script.once(When::any_page(), failing);
    let site = GlobalId::new(IdKind::Blueprint, planned.blueprint.id).to_string();
    let mut watcher = Started::new(watch(&served, &site));
    assert!(watcher.remark().await.unwrap().contains("waiting for the next job"));
    let job = world.start_page(world.account, planned.pages[0].id).await;
    let mut last = String::new();
    while let Some(line) = watcher.line().await {
        last = line;
    }
    assert!(last.contains("failed (The writing service declined"), "{last}");
    assert_eq!(watcher.code().await, Some(4));
    assert_eq!(world.finished(job).await.state, JobState::Failed);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_taken_up_where_it_was_lost() {
    let served = graphql_served::open(Backend::Sqlite).await;
    let world = &served.world;
    let planned = world.planned(world.account).await;
    world.script.once(When::any_page(), Behaviour::Hold { after: 900 });
    let job = world.start_page(world.account, planned.pages[0].id).await;
    world.script.reached(&When::any_page(), 900).await;
    let gate = Gate::open(&served.address).await;
    let mut watcher = Started::new(sitewright(&["watch", &job_id(job), "--json", "--url", &gate.url()]));
    let first = until(&mut watcher, "BlockReady").await;
    gate.cut();
    assert!(watcher.remark().await.unwrap().contains("trying again"));
    assert!(watcher.remark().await.unwrap().contains("Connected again"));
    world.script.release();
    let second = until(&mut watcher, "BlockReady").await;
    assert_ne!(first["blockId"], second["blockId"], "a block was told twice");
    let finished = until(&mut watcher, "JobFinished").await;
    assert_eq!(finished["job"]["state"], "SUCCEEDED");
    assert_eq!(watcher.code().await, Some(0));
    world.finished(job).await;
    served.settle().await;
}

/// Passes connections on to the server and can cut all of them.
struct Gate {
    address: String,
    cuts: tokio::sync::watch::Sender<u32>,
}

impl Gate {
    async fn open(server: &str) -> Gate {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let cuts = tokio::sync::watch::Sender::new(0);
        let (server, seen) = (server.to_string(), cuts.subscribe());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, mut cut) = (server.clone(), seen.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut upstream = tokio::net::TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Gate { address, cuts }
    }

    fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_watched_is_said_in_a_sentence() {
    let served = graphql_served::keyed(Backend::Sqlite).await;
    let nobody = job_id(Uuid::nil());
    let cases = [
        (vec![nobody.as_str()], "API key"),
        (vec![&nobody, "--key", "sw_live_wrong"], "refused the key"),
        (
            vec![&nobody, "--key", served.key.as_deref().unwrap()],
            "knows no such job",
        ),
        (vec!["page_1"], "neither a job"),
        (vec![&nobody, "--url", "localhost"], "--url"),
    ];
    for (arguments, part) in cases {
        let mut command = if arguments.contains(&"--url") {
            sitewright(&["watch", arguments[0]])
        } else {
            watch(&served, arguments[0])
        };
        command.args(&arguments[1..]);
        let ended = binary::run(command).await;
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains(part), "{part:?} is missing in {}", ended.err);
    }
    let (address, key) = (served.url("/graphql"), served.key.clone());
    served.settle().await;
    let mut command = sitewright(&["watch", &nobody, "--url", &address]);
    command.envs(key.map(|key| ("SITEWRIGHT_KEY", key)));
    let ended = binary::run(command).await;
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("nothing listens") && ended.err.contains("sitewright serve"),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_address_the_server_of_the_configuration_is_asked() {
    let served = graphql_served::open(Backend::Sqlite).await;
    let mut command = sitewright(&["watch", &job_id(Uuid::nil())]);
    let listen = served.url("").replace("http://", "");
    command.env("SITEWRIGHT_SERVER__LISTEN", listen);
    let ended = binary::run(command).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("knows no such job"), "{}", ended.err);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_ends_the_watching_with_130() {
    let served = graphql_served::open(Backend::Sqlite).await;
    let world = &served.world;
    let planned = world.planned(world.account).await;
    world.script.once(When::any_page(), Behaviour::Stall { after: 900 });
    let job = world.start_page(world.account, planned.pages[0].id).await;
    world.script.reached(&When::any_page(), 900).await;
    let mut watcher = watch_json(&served, &job_id(job));
    until(&mut watcher, "BlockReady").await;
    jobs::cancel(&world.app.engine, world.account, job).await.unwrap();
    let finished = until(&mut watcher, "JobFinished").await;
    assert_eq!(finished["job"]["state"], json!("CANCELLED"));
    assert_eq!(watcher.code().await, Some(130));
    served.settle().await;
}
