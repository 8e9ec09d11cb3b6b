//! The bus: hints between tasks and the live stream of each running job. Losing any of it costs
//! latency, never an event: for every hint there is a poll.
//!
//! Everything is in memory; a carrier between processes ([`super::relay`]) copies to and from it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::channel::{Attachment, Channel};
use super::event::Item;
use super::relay::{Relay, Topic};
use crate::redis::Redis;

/// How long the stream of an ended job can be re-read from memory.
const KEEP_ENDED: Duration = Duration::from_secs(15 * 60);
/// How many ended streams are kept at most: 64 of 2,000 small items stay below 20 MB.
const KEEP_ENDED_MAX: usize = 64;
/// How long a stream that nobody here watches or writes is kept where a carrier keeps it too.
const KEEP_COPY: Duration = Duration::from_secs(5 * 60);

/// What a committed transaction has to tell.
#[derive(Debug, Clone)]
pub enum Notice {
    Item {
        job: Uuid,
        item: Arc<Item>,
    },
    Blueprint {
        id: Uuid,
        seq: i64,
    },
    Account {
        id: Uuid,
        seq: i64,
    },
    /// There may be work.
    Work,
    /// Somebody asked this job to stop.
    Cancel {
        job: Uuid,
    },
    /// A credential was ended: connections that have shown it must not wait for the next look at all of them.
    Access,
    /// What a wizard is shown has changed.
    Builder,
}

/// What whoever holds jobs should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// This job is to stop.
    Cancel(Uuid),
    /// Another writer was seen, or hints were lost: ask the database which jobs are still held.
    Doubt,
}

#[derive(Clone)]
pub struct Bus(Arc<Memory>);

struct Memory {
    ring_items: usize,
    jobs: Mutex<HashMap<Uuid, Arc<Channel>>>,
    blueprints: Mutex<HashMap<Uuid, watch::Sender<i64>>>,
    accounts: Mutex<HashMap<Uuid, watch::Sender<i64>>>,
    builder: Notify,
    work: Notify,
    access: Notify,
    hints: broadcast::Sender<Hint>,
    relay: OnceLock<Relay>,
}

impl Bus {
    pub fn in_process(ring_items: usize) -> Self {
        Bus(Arc::new(Memory {
            ring_items,
            jobs: Mutex::default(),
            blueprints: Mutex::default(),
            accounts: Mutex::default(),
            builder: Notify::new(),
            work: Notify::new(),
            access: Notify::new(),
            hints: broadcast::channel(1024).0,
            relay: OnceLock::new(),
        }))
    }

    /// Connects this process's bus with those of all others on the same Redis, until `stop`.
    pub fn join(&self, redis: Redis, tasks: &TaskTracker, stop: &CancellationToken) {
        let relay = Relay::start(redis, self, tasks, stop);
        if self.0.relay.set(relay).is_err() {
            tracing::error!("a bus was joined twice; the first carrier stays");
        }
    }

    pub fn publish(&self, notice: Notice) {
        match &notice {
            Notice::Item { job, item } => {
                self.channel(*job).push(item.clone());
            }
            Notice::Blueprint { id, seq } => announce(&self.0.blueprints, *id, *seq),
            Notice::Account { id, seq } => announce(&self.0.accounts, *id, *seq),
            Notice::Builder => self.builder_here(),
            Notice::Work => self.wake_here(),
            Notice::Cancel { job } => self.cancel_here(*job),
            Notice::Access => self.access_here(),
        }
        if let Some(relay) = self.0.relay.get() {
            relay.send(self, notice);
        }
    }

    /// There may be work for this process.
    pub fn wake_here(&self) {
        self.0.work.notify_one();
    }

    pub(super) fn cancel_here(&self, job: Uuid) {
        // Nobody listening means that no job runs here.
        let _ = self.0.hints.send(Hint::Cancel(job));
    }

    /// Whoever holds jobs should ask the database about them.
    pub(super) fn doubt(&self) {
        let _ = self.0.hints.send(Hint::Doubt);
    }

    pub(super) fn announce_here(&self, topic: Topic, seq: i64) {
        match topic {
            Topic::Site(id) => announce(&self.0.blueprints, id, seq),
            Topic::Account(id) => announce(&self.0.accounts, id, seq),
            Topic::Job(_) => {}
        }
    }

    /// Lets the watchers of a topic look at the database once.
    pub(super) fn nudge(&self, topic: Topic) {
        let (topics, id) = match topic {
            Topic::Site(id) => (&self.0.blueprints, id),
            Topic::Account(id) => (&self.0.accounts, id),
            Topic::Job(_) => return,
        };
        if let Some(sender) = topics.lock().get(&id) {
            sender.send_modify(|_| ());
        }
    }

    pub(super) fn ring_items(&self) -> usize {
        self.0.ring_items
    }

    /// The live stream of a job; made when it is first written or watched.
    pub fn channel(&self, job: Uuid) -> Arc<Channel> {
        self.channel_in(&mut self.0.jobs.lock(), job)
    }

    fn channel_in(&self, jobs: &mut HashMap<Uuid, Arc<Channel>>, job: Uuid) -> Arc<Channel> {
        let new = || Arc::new(Channel::new(self.0.ring_items, self.0.relay.get().is_some()));
        jobs.entry(job).or_insert_with(new).clone()
    }

    /// The live stream of a job that somebody here has written or watched.
    pub(super) fn known_channel(&self, job: Uuid) -> Option<Arc<Channel>> {
        self.0.jobs.lock().get(&job).cloned()
    }

    /// The streams that the carrier lacks a part of.
    pub(super) fn broken_channels(&self) -> Vec<(Uuid, Arc<Channel>)> {
        let jobs = self.0.jobs.lock();
        let broken = jobs.iter().filter(|(_, channel)| channel.is_broken());
        broken.map(|(id, channel)| (*id, channel.clone())).collect()
    }

    pub fn attach_job(&self, job: Uuid) -> Attachment {
        let attachment = {
            // Under the map's lock, so that a sweep cannot take the channel away in between.
            let mut jobs = self.0.jobs.lock();
            Attachment::new(self.channel_in(&mut jobs, job))
        };
        self.hear(Topic::Job(job));
        attachment
    }

    pub fn attach_blueprint(&self, id: Uuid) -> watch::Receiver<i64> {
        let receiver = attach(&self.0.blueprints, id);
        self.hear(Topic::Site(id));
        receiver
    }

    pub fn attach_account(&self, id: Uuid) -> watch::Receiver<i64> {
        let receiver = attach(&self.0.accounts, id);
        self.hear(Topic::Account(id));
        receiver
    }

    fn hear(&self, topic: Topic) {
        if let Some(relay) = self.0.relay.get() {
            relay.hear(topic);
        }
    }

    /// A credential was ended, here or elsewhere.
    pub(super) fn access_here(&self) {
        self.0.access.notify_one();
    }

    /// Resolves when a credential was ended; a hint that came while nobody waited is kept.
    pub async fn access(&self) {
        self.0.access.notified().await;
    }

    /// Options or prices changed, here or elsewhere.
    pub(super) fn builder_here(&self) {
        self.0.builder.notify_one();
    }

    /// Resolves when options or prices changed; a hint that came while nobody waited is kept.
    pub async fn builder(&self) {
        self.0.builder.notified().await;
    }

    /// Resolves when there may be work; a hint that came while nobody waited is kept.
    pub async fn work(&self) {
        self.0.work.notified().await;
    }

    pub fn hints(&self) -> broadcast::Receiver<Hint> {
        self.0.hints.subscribe()
    }

    pub fn watched_jobs(&self) -> Vec<(Uuid, Arc<Channel>)> {
        let jobs = self.0.jobs.lock();
        jobs.iter()
            .filter(|(_, channel)| channel.is_watched())
            .map(|(id, channel)| (*id, channel.clone()))
            .collect()
    }

    pub fn watched_blueprints(&self) -> Vec<Uuid> {
        watched(&self.0.blueprints)
    }

    pub fn watched_accounts(&self) -> Vec<Uuid> {
        watched(&self.0.accounts)
    }

    /// Forgets streams that nobody watches and that nobody will ask for any more.
    pub fn sweep(&self) {
        let relay = self.0.relay.get();
        if let Some(relay) = relay {
            let jobs = self.watched_jobs().into_iter().map(|(id, _)| Topic::Job(id));
            let sites = self.watched_blueprints().into_iter().map(Topic::Site);
            let accounts = self.watched_accounts().into_iter().map(Topic::Account);
            relay.hear_only(jobs.chain(sites).chain(accounts).collect());
        }
        let now = Instant::now();
        let age = if relay.is_some() { KEEP_COPY } else { KEEP_ENDED };
        let mut jobs = self.0.jobs.lock();
        jobs.retain(|_, channel| channel.is_watched() || !channel.is_idle_since(now, age));
        let mut ended: Vec<(Instant, Uuid)> = jobs
            .iter()
            .filter(|(_, channel)| !channel.is_watched())
            .filter_map(|(id, channel)| channel.ended_at().map(|at| (at, *id)))
            .collect();
        ended.sort();
        for (_, id) in ended.iter().take(ended.len().saturating_sub(KEEP_ENDED_MAX)) {
            jobs.remove(id);
        }
        for topics in [&self.0.blueprints, &self.0.accounts] {
            topics.lock().retain(|_, sender| sender.receiver_count() > 0);
        }
    }
}

fn announce(topics: &Mutex<HashMap<Uuid, watch::Sender<i64>>>, id: Uuid, seq: i64) {
    if let Some(sender) = topics.lock().get(&id) {
        sender.send_if_modified(|known| {
            let newer = seq > *known;
            *known = seq.max(*known);
            newer
        });
    }
}

fn attach(topics: &Mutex<HashMap<Uuid, watch::Sender<i64>>>, id: Uuid) -> watch::Receiver<i64> {
    topics
        .lock()
        .entry(id)
        .or_insert_with(|| watch::channel(0).0)
        .subscribe()
}

fn watched(topics: &Mutex<HashMap<Uuid, watch::Sender<i64>>>) -> Vec<Uuid> {
    topics
        .lock()
        .iter()
        .filter(|(_, sender)| sender.receiver_count() > 0)
        .map(|(id, _)| *id)
        .collect()
}
