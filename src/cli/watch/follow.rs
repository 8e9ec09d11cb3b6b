//! Following: find out what to wait for, subscribe, and come back with the cursor when the connection is lost.
//!
//! The site's cursor is read before the states of its jobs, so an end in between is seen as an event.

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::http::Uri;

use super::command::Args;
use super::place::{Subject, socket_address};
use super::say::Voice;
use super::socket::{Socket, Trouble};
use crate::cli::failure::Failure;

/// One document for all operations: they share their fragments.
const OPERATIONS: &str = include_str!("operations.graphql");

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Follows what `args` name on the server at `url` until the end, whatever happens to the connection, or until Ctrl-C.
pub async fn run(args: Args, url: &str) -> Result<ExitCode, Failure> {
    let mut follower = Follower {
        address: socket_address(url)?,
        key: args.key.filter(|key| !key.trim().is_empty()),
        subject: Subject::read(&args.id)?,
        voice: Voice::new(args.json),
        plan: None,
        last_state: None,
        is_heard: false,
    };
    tokio::select! {
        outcome = follower.follow() => outcome,
        _ = tokio::signal::ctrl_c() => {
            follower.voice.note("Stopped watching; the job goes on.");
            Ok(ExitCode::from(130))
        }
    }
}

struct Follower {
    address: Uri,
    key: Option<String>,
    subject: Subject,
    voice: Voice,
    /// Known once the server has been asked; forgotten when the server could not continue from our cursor.
    plan: Option<Plan>,
    /// The state in which an awaited job ended; the worst, if there were several.
    last_state: Option<Ending>,
    /// Whether the present connection has brought anything.
    is_heard: bool,
}

/// What is subscribed to, and which ends are waited for.
struct Plan {
    stream: Stream,
    cursor: Option<String>,
    /// Jobs that have not ended.
    awaited: HashSet<String>,
}

enum Stream {
    /// One job.
    Job(String),
    /// A site; of one SITE job with its pages, or of all its jobs.
    Site { blueprint: String, job: Option<String> },
}

/// How a job ended, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Succeeded,
    Cancelled,
    Failed,
}

impl Ending {
    fn of(job: &Value) -> Option<Ending> {
        match job["state"].as_str()? {
            "SUCCEEDED" => Some(Ending::Succeeded),
            "CANCELLED" => Some(Ending::Cancelled),
            "FAILED" | "QUARANTINED" => Some(Ending::Failed),
            _ => None,
        }
    }

    fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Ending::Succeeded => 0,
            Ending::Failed => 4,
            Ending::Cancelled => 130,
        })
    }
}

impl Follower {
    async fn follow(&mut self) -> Result<ExitCode, Failure> {
        let mut wait = FIRST_WAIT;
        let mut is_lost = false;
        let mut was_open = false;
        loop {
            self.is_heard = false;
            let trouble = match Socket::open(&self.address, self.key.as_deref()).await {
                Ok(socket) => {
                    if std::mem::replace(&mut is_lost, false) {
                        self.voice.note("Connected again.");
                    }
                    was_open = true;
                    match self.session(socket).await {
                        Ok(ending) => return Ok(ending.code()),
                        Err(trouble) => trouble,
                    }
                }
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Lasting(failure) => return Err(failure),
                Trouble::Passing(reason) if !was_open => {
                    return Err(Failure::bad_input(format!(
                        "There is no connection: {reason}. Start the server with `sitewright serve`, or name another one with --url."
                    )));
                }
                Trouble::Passing(reason) => {
                    // Once for each loss, not for each attempt.
                    if !std::mem::replace(&mut is_lost, true) {
                        self.voice
                            .note(&format!("The connection was lost ({reason}); trying again."));
                    }
                }
            }
            if self.is_heard {
                wait = FIRST_WAIT;
            }
            // Many watchers of one server must not come back in step.
            tokio::time::sleep(wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// One connection, from asking what to wait for to the end.
    async fn session(&mut self, mut socket: Socket) -> Result<Ending, Trouble> {
        loop {
            let plan = match self.plan.take() {
                Some(plan) => plan,
                None => match self.make_plan(&mut socket).await? {
                    Planned::Over(ending) => return Ok(ending),
                    Planned::Follow(plan) => plan,
                },
            };
            let (query, variables) = plan.subscription();
            self.plan = Some(plan);
            socket.subscribe(&query, variables).await?;
            while let Some(data) = socket.event().await? {
                self.is_heard = true;
                let Some(event) = data.as_object().and_then(|data| data.values().next()) else {
                    continue;
                };
                match self.take(event) {
                    Next::Go => {}
                    Next::End(ending) => return Ok(ending),
                    // It stands for events that are gone, perhaps for the awaited one: ask again, and start from there.
                    Next::Ask => return Err(Trouble::Passing("the server cannot continue from here".to_string())),
                }
            }
            // The stream ended by itself: what it was about is over, or gone.
            self.plan = None;
        }
    }

    fn missing(&self, what: &str) -> Trouble {
        let server = self.address.authority().map(ToString::to_string).unwrap_or_default();
        Trouble::Lasting(Failure::bad_input(format!(
            "The server {server} knows no such {what}. Check the id and --url, and whether the key belongs to the same \
             account."
        )))
    }

    async fn make_plan(&mut self, socket: &mut Socket) -> Result<Planned, Trouble> {
        match self.subject.clone() {
            Subject::Job(id) => self.plan_job(socket, id).await,
            Subject::Blueprint(id) => self.plan_site(socket, id).await,
        }
    }

    async fn plan_job(&mut self, socket: &mut Socket, id: String) -> Result<Planned, Trouble> {
        let place = socket.ask(&only("Where"), json!({ "job": id })).await?;
        let job = &place["job"];
        if job.is_null() {
            return Err(self.missing("job"));
        }
        let site = job["blueprint"]["id"].as_str().filter(|_| job["kind"] == "SITE");
        let state = socket.ask(&only("State"), json!({ "job": id })).await?;
        if let Some(ending) = Ending::of(&state["job"]) {
            self.voice.state(&state["job"]);
            return Ok(Planned::Over(ending));
        }
        let (stream, cursor) = match site {
            Some(blueprint) => {
                let stream = Stream::Site {
                    blueprint: blueprint.to_string(),
                    job: Some(id.clone()),
                };
                (stream, job["blueprint"]["eventCursor"].as_str().map(str::to_string))
            }
            None => (Stream::Job(id.clone()), None),
        };
        self.voice.state(&state["job"]);
        let awaited = HashSet::from([id]);
        Ok(Planned::Follow(Plan {
            stream,
            cursor,
            awaited,
        }))
    }

    async fn plan_site(&mut self, socket: &mut Socket, id: String) -> Result<Planned, Trouble> {
        let answer = socket.ask(&only("Site"), json!({ "blueprint": id })).await?;
        let site = &answer["blueprint"];
        if site.is_null() {
            return Err(self.missing("site"));
        }
        let jobs = site["jobs"]["edges"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|edge| &edge["node"]);
        let awaited: HashSet<String> = jobs
            .filter(|job| job["parent"].is_null())
            .filter_map(|job| job["id"].as_str().map(str::to_string))
            .collect();
        match (awaited.is_empty(), self.last_state) {
            // Asked again after a gap in which everything ended.
            (true, Some(ending)) => return Ok(Planned::Over(ending)),
            (true, None) => self
                .voice
                .note("Nothing of this site is being generated; waiting for the next job."),
            (false, _) => self
                .voice
                .note(&format!("Watching {}.", site["name"].as_str().unwrap_or("the site"))),
        }
        let cursor = site["eventCursor"].as_str().map(str::to_string);
        let stream = Stream::Site {
            blueprint: id,
            job: None,
        };
        Ok(Planned::Follow(Plan {
            stream,
            cursor,
            awaited,
        }))
    }

    fn take(&mut self, event: &Value) -> Next {
        let Some(plan) = &mut self.plan else { return Next::Ask };
        if let Some(cursor) = event["cursor"].as_str() {
            plan.cursor = Some(cursor.to_string());
        }
        let (kind, job) = (event["type"].as_str().unwrap_or_default(), &event["job"]);
        if !plan.concerns(job) {
            return Next::Go;
        }
        self.voice.event(event);
        let id = job["id"].as_str().unwrap_or_default();
        match kind {
            "BlueprintSnapshot" => {
                self.plan = None;
                Next::Ask
            }
            "JobQueued" | "JobStarted" if job["parent"].is_null() => {
                plan.awaited.insert(id.to_string());
                Next::Go
            }
            "JobFinished" if job["parent"].is_null() || plan.awaited.contains(id) => {
                plan.awaited.remove(id);
                self.last_state = self.last_state.max(Ending::of(job));
                match self.last_state {
                    Some(ending) if plan.awaited.is_empty() => Next::End(ending),
                    _ => Next::Go,
                }
            }
            _ => Next::Go,
        }
    }
}

enum Planned {
    Follow(Plan),
    /// It had ended before we came.
    Over(Ending),
}

enum Next {
    Go,
    End(Ending),
    Ask,
}

impl Plan {
    fn subscription(&self) -> (String, Value) {
        match &self.stream {
            Stream::Job(id) => (only("WatchJob"), json!({ "job": id, "after": self.cursor })),
            Stream::Site { blueprint, .. } => (
                only("WatchSite"),
                json!({ "blueprint": blueprint, "after": self.cursor }),
            ),
        }
    }

    /// Whether an event is about what is watched; what is about no job concerns everybody.
    fn concerns(&self, job: &Value) -> bool {
        let wanted = match &self.stream {
            Stream::Site { job: Some(wanted), .. } => wanted.as_str(),
            _ => return true,
        };
        job.is_null() || job["id"] == wanted || job["parent"]["id"] == wanted
    }
}

/// One operation with its fragments: a document with several needs a name beside it, and unused ones are refused.
fn only(name: &str) -> String {
    let parts: Vec<&str> = OPERATIONS.split("\n\n").collect();
    let head = |part: &str| part.split(['(', ' ']).nth(1).unwrap_or_default().to_string();
    let mut wanted = vec![name.to_string()];
    let mut document = String::new();
    let mut at = 0;
    while let Some(name) = wanted.get(at).cloned() {
        at += 1;
        let Some(part) = parts.iter().find(|part| head(part) == name) else {
            continue;
        };
        document.push_str(part);
        document.push('\n');
        for spread in part.lines().filter_map(|line| line.trim().strip_prefix("...")) {
            let is_new = !spread.starts_with(' ') && !wanted.iter().any(|known| known == spread);
            if is_new {
                wanted.push(spread.to_string());
            }
        }
    }
    document
}
