//! Out: what this process publishes goes to Redis at once when nothing is under way, and merged with what waits while
//! something is. No timer, and nothing that a slow Redis could make grow: text that cannot be sent is dropped, and how
//! it adds up is told with the next item that can.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::bus::{Bus, Notice};
use super::super::channel::Channel;
use super::super::event::{Item, ItemBody};
use super::super::open_text::utf16_len;
use super::{ACCESS, BUILDER, CANCEL, Topic, WORK, wire};
use crate::redis::{Append, Appended, Down, Entry, Redis};

/// Items of one job that may wait; what comes on top is dropped and told as open text.
const WAITING: usize = 2_000;
/// How often the open text is told while it flows.
const TELL: Duration = Duration::from_secs(1);
/// How long the stream of a job is kept after its last item, and after its end.
const KEEP: Duration = Duration::from_secs(60 * 60);
const KEEP_ENDED: Duration = Duration::from_secs(15 * 60);

#[derive(Clone)]
pub(super) struct Outbox(Arc<Inner>);

struct Inner {
    node: String,
    redis: Redis,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Default)]
struct Waiting {
    jobs: HashMap<Uuid, Batch>,
    /// The newest number of each topic.
    heads: HashMap<Topic, i64>,
    cancels: Vec<Uuid>,
    builder: bool,
    work: bool,
    access: bool,
}

struct Batch {
    channel: Arc<Channel>,
    items: Vec<Item>,
}

impl Outbox {
    pub fn new(node: String, redis: Redis) -> Self {
        Outbox(Arc::new(Inner {
            node,
            redis,
            waiting: Mutex::default(),
            wake: Notify::new(),
        }))
    }

    /// Never waits.
    pub fn put(&self, bus: &Bus, notice: Notice) {
        let is_up = self.0.redis.is_up();
        {
            let mut waiting = self.0.waiting.lock();
            match notice {
                Notice::Item { job, item } => {
                    let channel = bus.channel(job);
                    if !is_up {
                        return channel.set_broken();
                    }
                    let batch = waiting.jobs.entry(job).or_insert_with(|| Batch {
                        channel,
                        items: Vec::new(),
                    });
                    batch.add(&item);
                }
                // Whoever watches asks the database every so often anyway; there is no use in keeping these.
                _ if !is_up => return,
                Notice::Blueprint { id, seq } => waiting.newest(Topic::Site(id), seq),
                Notice::Account { id, seq } => waiting.newest(Topic::Account(id), seq),
                Notice::Builder => waiting.builder = true,
                Notice::Work => waiting.work = true,
                Notice::Access => waiting.access = true,
                Notice::Cancel { job } => waiting.cancels.push(job),
            }
        }
        self.0.wake.notify_one();
    }

    /// Ends with `stop`, after what waits has been sent.
    pub async fn run(self, bus: Bus, stop: CancellationToken) {
        let mut health = self.0.redis.health();
        loop {
            let is_over = tokio::select! {
                () = stop.cancelled() => true,
                () = self.0.wake.notified() => false,
                Ok(()) = health.changed() => {
                    // A writer may be silent for long: who waits for its text must not wait for its next word.
                    self.mend(&bus);
                    false
                }
            };
            let waiting = std::mem::take(&mut *self.0.waiting.lock());
            self.send(&bus, waiting).await;
            if is_over {
                return;
            }
        }
    }

    /// Tells how those streams add up that lost a part while Redis was away.
    fn mend(&self, bus: &Bus) {
        if self.0.redis.is_up() {
            let mut waiting = self.0.waiting.lock();
            for (job, channel) in bus.broken_channels() {
                let items = Vec::new();
                waiting.jobs.entry(job).or_insert(Batch { channel, items });
            }
        }
    }

    async fn send(&self, bus: &Bus, waiting: Waiting) {
        let redis = &self.0.redis;
        let mut bells: Vec<(String, String)> = Vec::new();
        if waiting.builder {
            bells.push((BUILDER.to_string(), String::new()));
        }
        if waiting.work {
            bells.push((WORK.to_string(), String::new()));
        }
        if waiting.access {
            bells.push((ACCESS.to_string(), String::new()));
        }
        bells.extend(waiting.cancels.iter().map(|job| (CANCEL.to_string(), job.to_string())));
        bells.extend(waiting.heads.iter().map(|(topic, seq)| (topic.bell(), seq.to_string())));
        let jobs = join_all(
            waiting
                .jobs
                .into_iter()
                .map(|(job, batch)| self.append(bus, job, batch)),
        );
        let rings = join_all(
            bells
                .into_iter()
                .map(async |(name, body)| redis.publish(&name, body).await),
        );
        // All at once: the client puts them into one pipeline.
        join(jobs, rings).await;
    }

    async fn append(&self, bus: &Bus, job: Uuid, batch: Batch) {
        let entries: Vec<Entry> = batch.items.iter().filter_map(wire::entry).collect();
        let has_text = batch.items.iter().any(|item| matches!(item.body, ItemBody::Text(_)));
        match self.try_append(bus, job, &batch, &entries, has_text).await {
            // Another writer's items stand there, or our own from a command that was sent twice: the lease tells.
            Ok(refused) if refused > 0 && has_text => bus.doubt(),
            Ok(_) => {}
            Err(Down) => batch.channel.set_broken(),
        }
    }

    async fn try_append(
        &self,
        bus: &Bus,
        job: Uuid,
        batch: &Batch,
        entries: &[Entry],
        has_text: bool,
    ) -> Result<u64, Down> {
        let is_end = |item: &Item| matches!(&item.body, ItemBody::Event(event) if event.is_terminal());
        let ttl = match batch.items.iter().any(is_end) {
            true => KEEP_ENDED,
            false => KEEP,
        };
        for create in [false, true] {
            // A stream that is new begins with how everything before it adds up.
            let open = batch.channel.owed_text(TELL, has_text, create);
            let append = Append {
                job,
                entries,
                bell: wire::bell(&self.0.node, entries),
                open: open.as_ref().and_then(wire::open),
                create,
                ttl,
                max_items: bus.ring_items(),
            };
            if let Appended::Taken { refused } = self.0.redis.append(append).await? {
                return Ok(refused);
            }
        }
        Ok(0)
    }
}

impl Waiting {
    fn newest(&mut self, topic: Topic, seq: i64) {
        let head = self.heads.entry(topic).or_insert(seq);
        *head = seq.max(*head);
    }
}

impl Batch {
    /// Text that goes on where the waiting text ends becomes one item with it.
    fn add(&mut self, item: &Item) {
        if let Some(last) = self.items.last_mut()
            && item.prev == Some(last.at)
            && let (ItemBody::Text(waiting), ItemBody::Text(delta)) = (&mut last.body, &item.body)
            && waiting.block_id == delta.block_id
            && waiting.path == delta.path
            && waiting.offset + utf16_len(&waiting.text) == delta.offset
        {
            waiting.text.push_str(&delta.text);
            (last.at, last.time) = (item.at, item.time);
            return;
        }
        if self.items.len() >= WAITING {
            self.channel.set_broken();
            self.items.clear();
        }
        self.items.push(item.clone());
    }
}
