//! A client as the documentation wants it: it repeats a start with its key until somebody acknowledges it, and a
//! subscription with its cursor, at whatever node answers, until it has seen the end.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sitewright::ids::{GlobalId, IdKind};
use uuid::Uuid;

use crate::nodes::Nodes;
use crate::stage::Stage;
use crate::support::Viewer;
use crate::support::process::{Server, Socket, heard};

/// How long a client waits before it tries another node.
const AGAIN: Duration = Duration::from_millis(50);
/// How long it waits when it is told to try again in a few seconds.
const LATER: Duration = Duration::from_millis(500);
/// Longer than any job of a trial takes, outages included: one of the demonstration's waited for two minutes in the queue
/// and was not written after four, beside other work.
pub const PATIENCE: Duration = Duration::from_secs(480);

/// What is to be written.
#[derive(Debug, Clone, Copy)]
pub enum Wish {
    Plan(Uuid),
    Page(Uuid),
    /// A plan and so many pages.
    Site(Uuid, i64),
}

pub struct Client {
    pub wish: Wish,
    pub key: String,
    /// With which API key it comes, where servers want one.
    pub credential: Option<String>,
    /// Once it was acknowledged.
    pub job: Option<Uuid>,
    pub viewer: Viewer,
    /// How often a stream broke off before its end, and it had to go on at another node.
    pub moves: usize,
    /// How often it was told that the database is away, or too busy.
    pub refusals: usize,
    /// How often it was told that its key had started the job before.
    pub replays: usize,
    /// Whether nobody wrote its page after it.
    pub is_page_kept: bool,
}

/// Why there is no answer with data.
#[derive(Debug)]
pub enum NoAnswer {
    Gone,
    /// The server says SERVICE_UNAVAILABLE.
    Unavailable,
    /// Too many ask, and it says when to come back: five hundred who reconnect at once hear that.
    Wait(Duration),
}

impl NoAnswer {
    /// What an answer says instead of data, when that is temporary.
    fn of(answer: &Value) -> Option<NoAnswer> {
        let extensions = &answer["errors"][0]["extensions"];
        match extensions["code"].as_str()? {
            "SERVICE_UNAVAILABLE" => Some(NoAnswer::Unavailable),
            "RATE_LIMITED" => {
                let wait = extensions["retryAfterMs"].as_u64().expect("it says for how long");
                Some(NoAnswer::Wait(Duration::from_millis(wait)))
            }
            _ => None,
        }
    }

    /// How long who gets it waits before asking again.
    pub fn pause(&self) -> Duration {
        match self {
            NoAnswer::Gone => AGAIN,
            NoAnswer::Unavailable => LATER,
            NoAnswer::Wait(wait) => *wait,
        }
    }
}

impl Client {
    pub fn new(wish: Wish) -> Client {
        Client {
            wish,
            key: Uuid::new_v4().to_string(),
            credential: None,
            job: None,
            viewer: Viewer::default(),
            moves: 0,
            refusals: 0,
            replays: 0,
            is_page_kept: true,
        }
    }

    /// One try. A second acknowledgement names the same job.
    pub async fn try_start(&mut self, server: &Server) -> Result<Uuid, NoAnswer> {
        let (mutation, kind, mut input) = match self.wish {
            Wish::Plan(site) => ("generateStructure", "GenerateStructureInput", of_site(site)),
            Wish::Page(page) => {
                let page = GlobalId::new(IdKind::Page, page).to_string();
                ("generatePage", "GeneratePageInput", json!({ "pageId": page }))
            }
            Wish::Site(site, pages) => {
                let mut input = of_site(site);
                input["maxPages"] = json!(pages);
                ("generateSite", "GenerateSiteInput", input)
            }
        };
        input["idempotencyKey"] = json!(self.key);
        let query = format!(
            "mutation($input: {kind}!) {{ start: {mutation}(input: $input) {{ job {{ id }} replayed userErrors {{ message }} }} }}"
        );
        let answer = data(server, self.credential.as_deref(), &query, json!({ "input": input })).await;
        self.refusals += usize::from(matches!(answer, Err(NoAnswer::Unavailable)));
        let data = answer?;
        let job = data["start"]["job"]["id"].as_str();
        let job = job.and_then(|id| GlobalId::parse_as(IdKind::Job, id));
        let job = job.unwrap_or_else(|| panic!("nothing was started: {data}"));
        assert!(
            self.job.is_none_or(|known| known == job),
            "one key, two jobs: {self:?} and {job}"
        );
        self.replays += usize::from(data["start"]["replayed"] == true);
        self.job = Some(job);
        Ok(job)
    }

    /// Tries at one node after the other until one acknowledges.
    pub async fn start(&mut self, nodes: &Nodes, first: usize) -> Uuid {
        let trying = async {
            for place in first.. {
                match self.try_start(&nodes.at(place)).await {
                    Ok(job) => return job,
                    Err(why) => tokio::time::sleep(why.pause()).await,
                }
            }
            unreachable!("the places go round and round")
        };
        let tried = tokio::time::timeout(PATIENCE, trying).await;
        tried.expect("a start is acknowledged by somebody")
    }

    /// Watches on one socket, until the stream or the connection ends, or the viewer has seen enough; says which.
    pub async fn watch(&mut self, stage: &Stage, server: &Server, enough: impl Fn(&Viewer) -> bool) -> bool {
        self.watch_at(stage, server.address, enough).await
    }

    /// The same on another way to a server.
    pub async fn watch_at(&mut self, stage: &Stage, way: SocketAddr, enough: impl Fn(&Viewer) -> bool) -> bool {
        let job = self.job.expect("it was started");
        let Ok(mut socket) = Socket::open(way, self.credential.as_deref()).await else {
            return false;
        };
        if socket
            .subscribe(job, &self.viewer, &stage.world.app.epoch)
            .await
            .is_err()
        {
            return false;
        }
        while let Some(word) = socket.hear().await {
            let why = match word["type"].as_str() {
                Some("next") => NoAnswer::of(&word["payload"]),
                Some("error") => NoAnswer::of(&json!({ "errors": word["payload"] })),
                Some("complete") if self.viewer.ended > 0 => return false,
                // Whoever is told so before the end would never come back.
                _ => panic!("the server says {word} to {self:?}"),
            };
            if let Some(why) = why {
                self.refusals += usize::from(matches!(why, NoAnswer::Unavailable));
                tokio::time::sleep(why.pause()).await;
                return false;
            }
            self.viewer.hear(&stage.world.app.db, heard(&word["payload"])).await;
            if enough(&self.viewer) {
                return true;
            }
        }
        self.moves += usize::from(self.viewer.ended == 0);
        false
    }

    /// Watches until the job's end, or until the viewer has seen enough, on one node after the other.
    pub async fn follow(&mut self, stage: &Stage, nodes: &Nodes, first: usize, enough: impl Fn(&Viewer) -> bool) {
        let following = async {
            for place in first.. {
                if self.watch(stage, &nodes.at(place), &enough).await || self.viewer.ended > 0 {
                    return;
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        if tokio::time::timeout(PATIENCE, following).await.is_err() {
            let job = stage.world.job(self.job.expect("it was started")).await;
            panic!("the stream does not end: {self:?}, {job:#?}");
        }
    }

    /// From the start to the end.
    pub async fn live(&mut self, stage: &Stage, nodes: &Nodes, first: usize) {
        self.start(nodes, first).await;
        self.follow(stage, nodes, first, |_| false).await;
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{:?} {:?} at {:?}", self.wish, self.job, self.viewer.cursor)?;
        write!(f, ", {} moves, {} refusals", self.moves, self.refusals)?;
        write!(f, ", {} snapshots", self.viewer.snapshots)
    }
}

fn of_site(site: Uuid) -> Value {
    json!({ "blueprintId": GlobalId::new(IdKind::Blueprint, site).to_string() })
}

/// An answer's data; only what the server itself calls temporary may be without.
pub async fn data(server: &Server, key: Option<&str>, query: &str, variables: Value) -> Result<Value, NoAnswer> {
    let answer = server.ask(key, query, variables).await.map_err(|_| NoAnswer::Gone)?;
    if let Some(why) = NoAnswer::of(&answer) {
        return Err(why);
    }
    assert!(answer.get("errors").is_none(), "{answer}");
    Ok(answer["data"].clone())
}
