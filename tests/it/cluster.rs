//! The operator's topology, started by the script that a person would use: two servers of the API and two workers behind
//! the proxy of docker-compose.yml, restarted one after the other while they are at work.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};
use sitewright::config::{self, Source};
use sitewright::db::Db;
use sitewright::entities::{JobState, job, job_event};
use sitewright::ids::{Cursor, GlobalId, IdKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::support::process::{Socket, heard, run};
use crate::support::{PATIENCE, Viewer};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/cluster.sh");
/// Sites before the restart begins, and with each node that is back.
const AT_FIRST: usize = 4;
const WITH_EACH: usize = 2;
const PAGES: i64 = 6;
/// How long a client waits before it tries again.
const AGAIN: Duration = Duration::from_millis(100);

/// Stops the cluster when the test is killed; a cluster that was stopped is none of its business.
const WATCHER: &str = r#"while kill -0 "$1" 2>/dev/null; do sleep 0.5; done; exec "$2" stop"#;

struct Cluster {
    folder: PathBuf,
    values: HashMap<String, String>,
    http: reqwest::Client,
    db: Db,
    epoch: String,
    /// Sockets that ended before their stream did.
    broken: AtomicUsize,
}

/// The script with a command, in a folder of its own.
fn script(folder: &PathBuf, command: &str) -> Command {
    let mut script = Command::new("bash");
    script
        .args([SCRIPT, command])
        .env("CLUSTER", folder)
        .env("BINARY", env!("CARGO_BIN_EXE_sitewright"))
        // Enough work at a time, slow enough that a restart finds it under way, and no time to finish it.
        .env("SITEWRIGHT_LIMITS__RUNNING_PER_ACCOUNT", "16")
        .env("SITEWRIGHT_AI__OFFLINE_TOKENS_PER_SECOND", "250")
        .env("SITEWRIGHT_CREDITS__INITIAL", "100000")
        .env("SITEWRIGHT_SERVER__GRACE_MS", "200")
        .stdin(Stdio::null());
    script
}

impl Cluster {
    #[expect(
        clippy::zombie_processes,
        reason = "the watcher has to outlive us, and init reaps it"
    )]
    async fn start() -> Cluster {
        let folder = std::env::temp_dir().join(format!("sitewright-cluster-{}", Uuid::new_v4().simple()));
        Command::new("sh")
            .args(["-c", WATCHER, "watcher", &std::process::id().to_string(), SCRIPT])
            .env("CLUSTER", &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("start the watcher of the cluster");
        let started = script(&folder, "start").output().expect("bash runs");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&started.stdout),
            String::from_utf8_lossy(&started.stderr)
        );
        assert!(started.status.success(), "{said}");
        let values = std::fs::read_to_string(folder.join("cluster.env")).expect("the cluster's values");
        let values: HashMap<String, String> = values
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        assert!(values.contains_key("PROXY"), "the test needs haproxy: {said}");
        let mut config = config::load(&Source::default())
            .expect("the defaults are valid")
            .database;
        config.url = format!(
            "postgres://sitewright:{}@{}/sitewright?sslmode=disable",
            values["POSTGRES_PASSWORD"], values["POSTGRES"]
        );
        let db = Db::connect(&config, "test").await.expect("the database answers");
        let epoch = sitewright::boot::epoch(&db).await.expect("it has an epoch");
        Cluster {
            folder,
            values,
            http: reqwest::Client::new(),
            db,
            epoch,
            broken: AtomicUsize::new(0),
        }
    }

    fn proxy(&self) -> &str {
        &self.values["PROXY"]
    }

    fn key(&self) -> &str {
        &self.values["KEY"]
    }

    /// Whether a node could not reach its database in time; then it is waited for, as the answer says.
    async fn is_refused(&self, answer: &Value) -> bool {
        let is_refused = answer["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE";
        if is_refused {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        is_refused
    }

    /// The data of an answer. What got no answer is sent again, as a client has to do: a start has its key.
    async fn graphql(&self, query: &str, variables: Value) -> Value {
        let trying = async {
            loop {
                let request = self.http.post(format!("http://{}/graphql", self.proxy()));
                let request = request
                    .bearer_auth(self.key())
                    .json(&json!({ "query": query, "variables": variables }));
                if let Ok(answer) = request.send().await
                    && answer.status() == 200
                {
                    let answer: Value = answer.json().await.expect("JSON");
                    if self.is_refused(&answer).await {
                        continue;
                    }
                    assert!(answer.get("errors").is_none(), "{answer}");
                    return answer["data"].clone();
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        let answer = tokio::time::timeout(PATIENCE, trying).await;
        answer.unwrap_or_else(|_| panic!("no answer to {query}"))
    }

    /// Sites without pages; making one twice would not be harmless, so nothing restarts meanwhile.
    async fn sites(&self, count: usize) -> Vec<String> {
        let mut sites = Vec::new();
        for number in 0..count {
            let brief = json!({ "businessName": format!("Hearth & Crumb {number}"), "objectives": ["Take orders"],
                "summary": "A family bakery that bakes sourdough overnight and sells it from seven in the morning.",
                "customBusinessType": "Bakery" });
            let made = self
                .graphql(
                    "mutation($input: CreateBlueprintInput!) { createBlueprint(input: $input) { blueprint { id } } }",
                    json!({ "input": { "name": format!("site {number}"), "brief": brief } }),
                )
                .await;
            let id = made["createBlueprint"]["blueprint"]["id"].as_str();
            sites.push(id.expect("it was made").to_string());
        }
        sites
    }

    async fn start_site(&self, site: &str) -> Uuid {
        let started = self
            .graphql(
                "mutation($input: GenerateSiteInput!) { generateSite(input: $input) { job { id } userErrors { message } } }",
                json!({ "input": { "blueprintId": site, "idempotencyKey": site, "maxPages": PAGES } }),
            )
            .await;
        let id = started["generateSite"]["job"]["id"].as_str();
        let id = id.unwrap_or_else(|| panic!("not started: {started}"));
        GlobalId::parse_as(IdKind::Job, id).expect("a job's id")
    }

    async fn socket(&self) -> Socket {
        loop {
            let address = self.proxy().parse().expect("an address");
            match Socket::open(address, Some(self.key())).await {
                Ok(socket) => return socket,
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// Waits before a stream goes on on another socket.
    async fn reconnect(&self) {
        self.broken.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(AGAIN).await;
    }

    fn stop(&self) -> std::process::Output {
        script(&self.folder, "stop").output().expect("bash runs")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in ["proxy", "api-1", "api-2", "worker-1", "worker-2"] {
                let log = std::fs::read_to_string(self.folder.join(format!("{node}.log"))).unwrap_or_default();
                let lines: Vec<&str> = log.lines().filter(|line| !line.contains("job ended")).collect();
                eprintln!("--- {node}\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
            }
        }
        if self.folder.exists() {
            self.stop();
        }
    }
}

/// Follows one job over as many sockets as it takes, from cursor to cursor, and holds what it saw against the database.
async fn follow_job(cluster: Arc<Cluster>, id: Uuid) {
    let mut viewer = Viewer::default();
    let following = async {
        'again: loop {
            let mut socket = cluster.socket().await;
            if socket.subscribe(id, &viewer, &cluster.epoch).await.is_ok() {
                while let Some(payload) = socket.payload().await {
                    if cluster.is_refused(&payload).await {
                        continue 'again;
                    }
                    viewer.hear(&cluster.db, heard(&payload)).await;
                }
            }
            if viewer.ended > 0 {
                return;
            }
            cluster.reconnect().await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, following).await;
    assert!(ended.is_ok(), "the stream of {id} does not end: {viewer:?}");
    let row = job::Entity::find_by_id(id)
        .one(cluster.db.reader())
        .await
        .unwrap()
        .unwrap();
    viewer.check(&cluster.db, id, row.page_id).await;
}

const SITE_EVENTS: &str = "subscription($site: ID!, $after: Cursor) { blueprintEvents(blueprintId: $site, after: $after) { \
    __typename cursor job { id kind } } }";

/// Follows a site until its job ends, and each of its pages from its first event on; every event comes once.
async fn follow_site(cluster: Arc<Cluster>, site: String) {
    let (mut seen, mut pages) = (0, HashMap::<Uuid, JoinHandle<()>>::new());
    // From the very first event; without a place the answer would be a snapshot.
    let id = GlobalId::parse_as(IdKind::Blueprint, &site).expect("a site's id");
    let first = Cursor::Blueprint {
        epoch: cluster.epoch.clone(),
        id,
        seq: 0,
    };
    let mut after = json!(first.encode());
    let following = async {
        'again: loop {
            let mut socket = cluster.socket().await;
            let variables = json!({ "site": site, "after": after });
            if socket.ask(SITE_EVENTS, variables).await.is_ok() {
                while let Some(payload) = socket.payload().await {
                    if cluster.is_refused(&payload).await {
                        continue 'again;
                    }
                    assert!(payload.get("errors").is_none(), "{payload}");
                    let event = &payload["data"]["blueprintEvents"];
                    after = event["cursor"].clone();
                    let place = after.as_str().and_then(Cursor::decode);
                    let Some(Cursor::Blueprint { seq, .. }) = place else {
                        panic!("no cursor: {payload}")
                    };
                    assert_eq!(
                        seq,
                        seen + 1,
                        "every event of a site comes once and in order: {payload}"
                    );
                    seen = seq;
                    let kind = event["job"]["kind"].as_str();
                    let Some(id) = event["job"]["id"].as_str() else {
                        continue;
                    };
                    if kind == Some("PAGE") {
                        let id = GlobalId::parse_as(IdKind::Job, id).expect("a job's id");
                        let watch = || tokio::spawn(follow_job(cluster.clone(), id));
                        pages.entry(id).or_insert_with(watch);
                    } else if event["__typename"] == "JobFinished" {
                        return;
                    }
                }
            }
            cluster.reconnect().await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, following).await;
    assert!(ended.is_ok(), "the stream of {site} does not end; it stands at {seen}");
    for page in pages.into_values() {
        page.await.expect("a page's watcher is content");
    }
}

/// Restarts every node, one after the other, and tells of each that is back.
fn restart(folder: &PathBuf) -> mpsc::UnboundedReceiver<String> {
    let mut child = script(folder, "restart")
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash runs");
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let out = child.stdout.take().expect("piped");
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            tell.send(line).ok();
        }
        let status = child.wait().expect("a child can be waited for");
        assert!(status.success(), "the restart failed: {status}");
    });
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_no_event_and_consumes_no_attempt() {
    let cluster = Arc::new(Cluster::start().await);
    let mut sites = cluster.sites(AT_FIRST + 4 * WITH_EACH).await.into_iter();
    let (mut accepted, mut watchers) = (BTreeSet::new(), Vec::new());
    let mut start = async |count: usize| {
        for site in sites.by_ref().take(count) {
            accepted.insert(cluster.start_site(&site).await);
            watchers.push(tokio::spawn(follow_site(cluster.clone(), site)));
        }
    };
    start(AT_FIRST).await;
    let mut restarted = restart(&cluster.folder);
    let mut back = Vec::new();
    while let Some(line) = tokio::time::timeout(PATIENCE, restarted.recv())
        .await
        .expect("it goes on")
    {
        back.push(line.split(' ').next().unwrap_or_default().to_string());
        start(WITH_EACH).await;
    }
    assert_eq!(back, ["api-1", "api-2", "worker-1", "worker-2"]);
    for watcher in watchers {
        watcher.await.expect("a site's watcher is content");
    }

    let jobs = job::Entity::find().all(cluster.db.reader()).await.unwrap();
    assert!(jobs.len() >= 60, "{} jobs are not much of a load", jobs.len());
    assert_eq!(accepted.len(), AT_FIRST + 4 * WITH_EACH);
    assert!(accepted.iter().all(|id| jobs.iter().any(|job| job.id == *id)));
    for job in &jobs {
        assert_eq!(
            (job.state, job.attempt, job.crashes),
            (JobState::Succeeded, 1, 0),
            "{job:?}"
        );
    }
    // No attempt was used, so that every one of these was given back by a process that ended.
    let handed_over = job_event::Entity::find().filter(job_event::Column::Kind.eq("retrying"));
    let handed_over = handed_over.count(cluster.db.reader()).await.unwrap();
    let broken = cluster.broken.load(Ordering::Relaxed);
    assert!(handed_over > 0, "no job was handed over");
    assert!(broken > 0, "no socket was ended by the restart");
    println!(
        "{} jobs, {handed_over} handed over, {broken} sockets reconnected",
        jobs.len()
    );

    let url = format!(
        "postgres://sitewright:{}@{}/sitewright?sslmode=disable",
        cluster.values["POSTGRES_PASSWORD"], cluster.values["POSTGRES"]
    );
    // The four processes that stopped have taken themselves off the list.
    let redis = format!(
        "redis://:{}@{}",
        cluster.values["REDIS_PASSWORD"], cluster.values["REDIS"]
    );
    let listed = run(&["tasks", "--json"], &url, &[("REDIS_URL", &redis)]).await;
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("no list: {listed:?}"));
    let workers = listed["workers"].as_array().map(Vec::len);
    assert_eq!(
        (listed["source"].as_str(), workers),
        (Some("redis"), Some(2)),
        "{listed}"
    );
    let verified = run(&["ledger", "verify"], &url, &[]).await;
    assert!(verified.status.success(), "{verified:?}");
    cluster.db.close().await;
    let stopped = cluster.stop();
    assert!(stopped.status.success() && !cluster.folder.exists(), "{stopped:?}");
}
