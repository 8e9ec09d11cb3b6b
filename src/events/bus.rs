//! The bus: hints between tasks and the live stream of each running job. Losing any of it costs
//! latency, never an event: for every hint there is a poll.
//!
//! A closed set of carriers behind one type. The in-process one is all that a single process needs;
//! a carrier between processes joins here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast, watch};
use uuid::Uuid;

use super::channel::{Attachment, Channel};
use super::event::Item;

/// How long the stream of an ended job can be re-read from memory.
const KEEP_ENDED: Duration = Duration::from_secs(15 * 60);
/// How many ended streams are kept at most: 64 of 2,000 small items stay below 20 MB.
const KEEP_ENDED_MAX: usize = 64;

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
}

#[derive(Clone)]
pub struct Bus(Arc<Memory>);

struct Memory {
    ring_items: usize,
    jobs: Mutex<HashMap<Uuid, Arc<Channel>>>,
    blueprints: Mutex<HashMap<Uuid, watch::Sender<i64>>>,
    accounts: Mutex<HashMap<Uuid, watch::Sender<i64>>>,
    work: Notify,
    cancels: broadcast::Sender<Uuid>,
}

impl Bus {
    pub fn in_process(ring_items: usize) -> Self {
        Bus(Arc::new(Memory {
            ring_items,
            jobs: Mutex::default(),
            blueprints: Mutex::default(),
            accounts: Mutex::default(),
            work: Notify::new(),
            cancels: broadcast::channel(1024).0,
        }))
    }

    pub fn publish(&self, notice: Notice) {
        match notice {
            Notice::Item { job, item } => {
                self.channel(job).push(item);
            }
            Notice::Blueprint { id, seq } => announce(&self.0.blueprints, id, seq),
            Notice::Account { id, seq } => announce(&self.0.accounts, id, seq),
            Notice::Work => self.0.work.notify_one(),
            Notice::Cancel { job } => {
                // Nobody listening means that no job runs here.
                let _ = self.0.cancels.send(job);
            }
        }
    }

    /// The live stream of a job; made when it is first written or watched.
    pub fn channel(&self, job: Uuid) -> Arc<Channel> {
        let mut jobs = self.0.jobs.lock();
        jobs.entry(job)
            .or_insert_with(|| Arc::new(Channel::new(self.0.ring_items)))
            .clone()
    }

    pub fn attach_job(&self, job: Uuid) -> Attachment {
        // Under the map's lock, so that a sweep cannot take the channel away in between.
        let mut jobs = self.0.jobs.lock();
        let channel = jobs
            .entry(job)
            .or_insert_with(|| Arc::new(Channel::new(self.0.ring_items)));
        Attachment::new(channel.clone())
    }

    pub fn attach_blueprint(&self, id: Uuid) -> watch::Receiver<i64> {
        attach(&self.0.blueprints, id)
    }

    pub fn attach_account(&self, id: Uuid) -> watch::Receiver<i64> {
        attach(&self.0.accounts, id)
    }

    /// Resolves when there may be work; a hint that came while nobody waited is kept.
    pub async fn work(&self) {
        self.0.work.notified().await;
    }

    pub fn cancels(&self) -> broadcast::Receiver<Uuid> {
        self.0.cancels.subscribe()
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
        let now = Instant::now();
        let mut jobs = self.0.jobs.lock();
        jobs.retain(|_, channel| channel.is_watched() || !channel.is_idle_since(now, KEEP_ENDED));
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
