//! A server as a process, and what a client asks of it over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use sitewright::ids::{GlobalId, IdKind};
use uuid::Uuid;

use super::{Environment, Process, Socket};
use crate::support::viewer::Viewer;
use crate::support::world::{PATIENCE, World};

/// A server that answers.
pub struct Server {
    pub process: Process,
    pub address: SocketAddr,
    epoch: String,
    http: reqwest::Client,
}

/// The job of a start, and whether it had been started before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    pub job: Uuid,
    pub replayed: bool,
}

impl Server {
    /// Serves the world's database. Its leases are short where several processes may share it, so that a rescue is
    /// soon.
    pub async fn start(world: &World, environment: Environment<'_>) -> Server {
        let process = Server::launch(world, environment);
        Server::ready(process, world).await
    }

    pub fn launch(world: &World, environment: Environment) -> Process {
        let mut all = vec![
            ("SITEWRIGHT_SERVER__LISTEN", "127.0.0.1:0"),
            ("SITEWRIGHT_SERVER__GRACE_MS", "0"),
            ("SITEWRIGHT_AI__PROVIDER", "scripted"),
            ("SITEWRIGHT_JOBS__POLL_MS", "50"),
            ("SITEWRIGHT_JOBS__RETRY_BASE_MS", "1"),
            ("SITEWRIGHT_JOBS__RETRY_CAP_MS", "5"),
            ("SITEWRIGHT_EVENTS__POLL_MS", "100"),
        ];
        if world.app.db.is_postgres() {
            all.extend([
                ("SITEWRIGHT_JOBS__LEASE_MS", "300"),
                ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "100"),
                ("SITEWRIGHT_JOBS__RESCUE_MS", "50"),
            ]);
        } else {
            // Nobody waits for a lease on a file: its next process knows that the holders are gone.
            all.push(("SITEWRIGHT_JOBS__LEASE_MS", "600000"));
        }
        all.extend(environment);
        Process::start(&["serve"], &world.app.config.database.url, &all)
    }

    /// Waits until a launched process serves.
    pub async fn ready(process: Process, world: &World) -> Server {
        let line = process.says("serving; ").await;
        let line = line.unwrap_or_else(|| panic!("it does not serve:\n{}", process.log()));
        let line: Value = serde_json::from_str(&line).expect("the log is JSON");
        let address = line["address"].as_str().and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address: {line}"));
        // Nothing is kept open between two requests: what a server still holds then is its own.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build();
        let http = http.expect("a client");
        let ready = http.get(format!("http://{address}/readyz")).send().await;
        match ready {
            Ok(ready) => assert_eq!(ready.status(), 200),
            // A process that is to die may have died by now; one that lives and does not answer fails here.
            Err(_) => drop(process.ended().await),
        }
        let epoch = world.app.epoch.clone();
        Server {
            process,
            address,
            epoch,
            http,
        }
    }

    /// A whole answer, its errors included, to whoever holds this key.
    pub async fn ask(&self, key: Option<&str>, query: &str, variables: Value) -> reqwest::Result<Value> {
        let mut request = self.http.post(format!("http://{}/graphql", self.address));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let request = request
            .timeout(PATIENCE)
            .json(&json!({ "query": query, "variables": variables }));
        request.send().await?.json().await
    }

    /// The data of an answer without errors; an error of the connection when the server is gone.
    pub async fn graphql(&self, query: &str, variables: Value) -> reqwest::Result<Value> {
        let answer = self.ask(None, query, variables).await?;
        assert!(answer.get("errors").is_none(), "{answer}");
        Ok(answer["data"].clone())
    }

    pub async fn start_page(&self, page: Uuid, key: &str) -> reqwest::Result<Started> {
        let input = json!({ "pageId": GlobalId::new(IdKind::Page, page).to_string(), "idempotencyKey": key });
        self.start_job("generatePage", "GeneratePageInput", input).await
    }

    pub async fn start_structure(&self, site: Uuid, key: &str) -> reqwest::Result<Started> {
        let input = json!({ "blueprintId": GlobalId::new(IdKind::Blueprint, site).to_string(), "idempotencyKey": key });
        self.start_job("generateStructure", "GenerateStructureInput", input)
            .await
    }

    pub async fn start_site(&self, site: Uuid, key: &str, pages: i64) -> reqwest::Result<Started> {
        let site = GlobalId::new(IdKind::Blueprint, site).to_string();
        let input = json!({ "blueprintId": site, "idempotencyKey": key, "maxPages": pages });
        self.start_job("generateSite", "GenerateSiteInput", input).await
    }

    async fn start_job(&self, mutation: &str, kind: &str, input: Value) -> reqwest::Result<Started> {
        let query = format!(
            "mutation($input: {kind}!) {{ start: {mutation}(input: $input) {{ job {{ id }} replayed userErrors {{ message }} }} }}"
        );
        let data = self.graphql(&query, json!({ "input": input })).await?;
        let job = data["start"]["job"]["id"]
            .as_str()
            .and_then(|id| GlobalId::parse_as(IdKind::Job, id));
        Ok(Started {
            job: job.unwrap_or_else(|| panic!("nothing was started: {data}")),
            replayed: data["start"]["replayed"] == true,
        })
    }

    /// Lets a viewer watch a job from where it stands until the end of the job or of the server, or until it has seen
    /// enough.
    pub async fn watch(&self, world: &World, viewer: &mut Viewer, job: Uuid, enough: impl Fn(&Viewer) -> bool) {
        self.watch_within(PATIENCE, world, viewer, job, enough).await;
    }

    /// The same for a stream that may take longer than others.
    pub async fn watch_within(
        &self,
        patience: Duration,
        world: &World,
        viewer: &mut Viewer,
        job: Uuid,
        enough: impl Fn(&Viewer) -> bool,
    ) {
        let watching = async {
            let Ok(mut socket) = Socket::open(self.address, None).await else {
                return;
            };
            if socket.subscribe(job, viewer, &self.epoch).await.is_err() {
                return;
            }
            while let Some(heard) = socket.next().await {
                viewer.hear(&world.app.db, heard).await;
                if enough(viewer) {
                    return;
                }
            }
        };
        if tokio::time::timeout(patience, watching).await.is_err() {
            panic!("the stream of {job} does not end: {viewer:#?}");
        }
    }

    /// Asks for an orderly end and gets it.
    pub async fn stop(self) {
        self.process.signal(Signal::TERM);
        let ended = self.process.ended().await;
        assert!(ended.status.success(), "{ended:?}");
    }
}
