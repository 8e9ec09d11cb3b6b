//! The carrier between processes: what is published here reaches every process that watches, and the other way round.
//!
//! Each process keeps its own channels and topics; the relay copies between them and Redis. Out goes what this process
//! publishes, at once when nothing is under way and merged with what waits while something is ([`outbox`]). In comes
//! what somebody here watches ([`mirror`]). A doorbell carries the items themselves, so that a token costs one hop; who
//! finds that it does not connect reads the stream. Nothing waits for Redis except a watcher that joins, for half a
//! second at most.

mod mirror;
mod outbox;
mod wire;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::bus::{Bus, Notice};
use crate::redis::Redis;
use outbox::Outbox;

/// How long a watcher that joins waits for the carrier.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// What a process watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Topic {
    Job(Uuid),
    Site(Uuid),
    Account(Uuid),
}

/// What the mirror is asked to do.
#[derive(Debug)]
enum Want {
    Hear(Topic),
    /// The stream of a watched job does not connect.
    Read(Uuid),
    /// Exactly these are watched now.
    Only(Vec<Topic>),
    /// Doorbells were missed.
    Everything,
}

pub(super) struct Relay {
    outbox: Outbox,
    wants: mpsc::UnboundedSender<Want>,
}

impl Relay {
    /// Starts copying; ends with `stop`, after what waits has been sent.
    pub fn start(redis: Redis, bus: &Bus, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let node = Uuid::new_v4().simple().to_string();
        let (wants, asked) = mpsc::unbounded_channel();
        let outbox = Outbox::new(node.clone(), redis.clone());
        tasks.spawn(outbox.clone().run(bus.clone(), stop.clone()));
        let mirror = mirror::Mirror::new(redis, bus.clone(), node, wants.clone());
        tasks.spawn(mirror.clone().hear(stop.clone()));
        tasks.spawn(mirror.run(asked, stop.clone()));
        Relay { outbox, wants }
    }

    /// Takes what was published here on to the others.
    pub fn send(&self, bus: &Bus, notice: Notice) {
        self.outbox.put(bus, notice);
    }

    /// Somebody begins to watch.
    pub fn hear(&self, topic: Topic) {
        // The receiver ends with the process.
        let _ = self.wants.send(Want::Hear(topic));
    }

    /// The watched topics; others are heard no more.
    pub fn hear_only(&self, topics: Vec<Topic>) {
        let _ = self.wants.send(Want::Only(topics));
    }
}

impl Topic {
    /// The name of its doorbell.
    fn bell(self) -> String {
        match self {
            Topic::Job(id) => crate::redis::job_bell(id),
            Topic::Site(id) => format!("site/{}", id.simple()),
            Topic::Account(id) => format!("account/{}", id.simple()),
        }
    }

    fn of_bell(name: &str) -> Option<Self> {
        let (kind, id) = name.split_once('/')?;
        let id = Uuid::try_parse(id).ok()?;
        match kind {
            "job" => Some(Topic::Job(id)),
            "site" => Some(Topic::Site(id)),
            "account" => Some(Topic::Account(id)),
            _ => None,
        }
    }
}

/// Options or prices changed.
const BUILDER: &str = "builder";
/// There may be work.
const WORK: &str = "work";
/// Somebody asked a job to stop.
const CANCEL: &str = "cancel";
/// A credential was ended.
const ACCESS: &str = "access";
