//! Real processes: the built binary, started with a configuration of its own, and clients that talk to it as strangers
//! do. A process is killed when its guard goes; nothing is waited for but its words, its answers and its end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sitewright::ids::{Cursor, GlobalId, IdKind};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use super::viewer::{Heard, Viewer, What};
use super::world::{PATIENCE, World};

/// The environment of a process; later entries win.
pub type Environment<'a> = &'a [(&'a str, &'a str)];

/// A process of the built binary.
pub struct Process {
    pid: Pid,
    words: watch::Receiver<Words>,
}

/// What a process said so far, and how it ended.
#[derive(Default)]
struct Words {
    stdout: String,
    stderr: Vec<String>,
    status: Option<ExitStatus>,
}

/// How a process that has ended did.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Process {
    /// Starts `sitewright` with these arguments on this database, in an empty folder and with nothing of our own
    /// environment.
    pub fn start(arguments: &[&str], database: &str, environment: Environment) -> Process {
        let folder = tempfile::tempdir().expect("a folder for the process");
        let mut child = Command::new(env!("CARGO_BIN_EXE_sitewright"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("DATABASE_URL", database)
            .env("SITEWRIGHT_LOG__FORMAT", "json")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start the built binary");
        let pid = Pid::from_child(&child);
        let (sender, words) = watch::channel(Words::default());
        let sender = Arc::new(sender);
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let hear = sender.clone();
        let out = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                hear.send_modify(|words| words.stdout.push_str(&format!("{line}\n")));
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                sender.send_modify(|words| words.stderr.push(line));
            }
            out.join().ok();
            let status = child.wait().expect("a child can be waited for");
            sender.send_modify(|words| words.status = Some(status));
            drop(folder);
        });
        Process { pid, words }
    }

    pub fn signal(&self, signal: Signal) {
        // Its id is nobody else's as long as it was not waited for.
        if self.words.borrow().status.is_none() {
            kill_process(self.pid, signal).ok();
        }
    }

    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits for its end.
    pub async fn ended(&self) -> Ended {
        let mut words = self.words.clone();
        let waited = tokio::time::timeout(PATIENCE, words.wait_for(|words| words.status.is_some())).await;
        let words = waited.unwrap_or_else(|_| panic!("it does not end:\n{}", self.log()));
        let words = words.expect("its reader ends after it");
        Ended {
            status: words.status.expect("it ended"),
            stdout: words.stdout.clone(),
            stderr: words.stderr.join("\n"),
        }
    }

    /// Waits for a line of its log; none when it ends without.
    pub async fn says(&self, text: &str) -> Option<String> {
        let mut found = None;
        let mut words = self.words.clone();
        let mut look = |words: &Words| {
            found = words.stderr.iter().find(|line| line.contains(text)).cloned();
            found.is_some() || words.status.is_some()
        };
        if tokio::time::timeout(PATIENCE, words.wait_for(&mut look)).await.is_err() {
            panic!("it does not say {text:?}:\n{}", self.log());
        }
        found
    }

    pub fn log(&self) -> String {
        self.words.borrow().stderr.join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if std::thread::panicking() {
            eprintln!("--- process {} said:\n{}", self.id(), self.log());
        }
    }
}

/// Runs a command to its end.
pub async fn run(arguments: &[&str], database: &str, environment: Environment<'_>) -> Ended {
    Process::start(arguments, database, environment).ended().await
}

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
        let http = reqwest::Client::new();
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

    /// The data of an answer without errors; an error of the connection when the server is gone.
    pub async fn graphql(&self, query: &str, variables: Value) -> reqwest::Result<Value> {
        let request = self.http.post(format!("http://{}/graphql", self.address));
        let request = request
            .timeout(PATIENCE)
            .json(&json!({ "query": query, "variables": variables }));
        let answer: Value = request.send().await?.json().await?;
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

/// A graphql-transport-ws connection with one subscription.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

const JOB_EVENTS: &str = "subscription($job: ID!, $after: Cursor) { jobEvents(jobId: $job, after: $after) { __typename cursor \
    ... on BlockReady { blockId } ... on TextWritten { blockId path offset text } \
    ... on JobSnapshot { blocks { id status } open { blockId path text } } } }";

impl Socket {
    pub async fn open(address: SocketAddr, key: Option<&str>) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (stream, _) = tokio_tungstenite::connect_async(request).await?;
        let mut socket = Socket(stream);
        let payload = key.map(|key| json!({ "Authorization": format!("Bearer {key}") }));
        socket
            .say(json!({ "type": "connection_init", "payload": payload.unwrap_or(json!({})) }))
            .await?;
        Ok(socket)
    }

    pub async fn subscribe(&mut self, job: Uuid, viewer: &Viewer, epoch: &str) -> Result<(), tungstenite::Error> {
        let after = viewer.cursor.map(|at| {
            let epoch = epoch.to_string();
            Cursor::Job { epoch, id: job, at }.encode()
        });
        let job = GlobalId::new(IdKind::Job, job).to_string();
        self.ask(JOB_EVENTS, json!({ "job": job, "after": after })).await
    }

    pub async fn ask(&mut self, query: &str, variables: Value) -> Result<(), tungstenite::Error> {
        // A server that is gone says nothing; any other first word is the acknowledgement.
        match self.hear().await {
            Some(word) => assert_eq!(word["type"], "connection_ack", "{word}"),
            None => return Err(tungstenite::Error::ConnectionClosed),
        }
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "id": "1", "type": "subscribe", "payload": payload }))
            .await
    }

    /// The next event of a job; none when the stream is complete or the server is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        self.payload().await.map(|payload| heard(&payload))
    }

    /// The next result as it comes.
    pub async fn payload(&mut self) -> Option<Value> {
        let mut word = self.hear().await?;
        match word["type"].as_str() {
            Some("next") => Some(word["payload"].take()),
            Some("complete") => None,
            _ => panic!("the server says {word}"),
        }
    }

    async fn say(&mut self, word: Value) -> Result<(), tungstenite::Error> {
        self.0.send(Message::text(word.to_string())).await
    }

    async fn hear(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }
}

pub fn heard(payload: &Value) -> Heard {
    assert!(payload.get("errors").is_none(), "{payload}");
    let event = &payload["data"]["jobEvents"];
    let cursor = event["cursor"].as_str().and_then(Cursor::decode);
    let Some(Cursor::Job { at, .. }) = cursor else {
        panic!("no cursor in {payload}")
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let block = |value: &Value| GlobalId::parse_as(IdKind::Block, &text(value)).expect("a block's id");
    let path = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let what = match event["__typename"].as_str().unwrap_or_default() {
        "JobStarted" | "RetryScheduled" => What::Reset,
        "BlockOpened" => What::Opened,
        "BlockReady" => What::Closed(block(&event["blockId"])),
        "JobFinished" => What::Finished,
        "TextWritten" => What::Text {
            block: block(&event["blockId"]),
            path: path(&event["path"]),
            offset: event["offset"]
                .as_u64()
                .and_then(|n| n.try_into().ok())
                .expect("an offset"),
            text: text(&event["text"]),
        },
        "JobSnapshot" => What::Snapshot {
            ready: list(&event["blocks"])
                .iter()
                .filter(|b| b["status"] == "READY")
                .map(|b| block(&b["id"]))
                .collect(),
            open: list(&event["open"])
                .iter()
                .map(|o| (block(&o["blockId"]), path(&o["path"]), text(&o["text"])))
                .collect(),
        },
        _ => What::Other,
    };
    Heard { at, what }
}
