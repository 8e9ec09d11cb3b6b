//! In: what somebody here watches is heard, and read again when it does not connect.
//!
//! One task hears the doorbells, another decides what is heard and reads streams. The list of what is watched is told
//! anew with every look at the database, so that a subscription that was lost, or came too early, is put right.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::super::bus::Bus;
use super::{ACCESS, BUILDER, CANCEL, Topic, WORK, Want, wire};
use crate::redis::{Down, Message, Redis};

#[derive(Clone)]
pub(super) struct Mirror {
    redis: Redis,
    bus: Bus,
    node: Arc<str>,
    wants: mpsc::UnboundedSender<Want>,
}

/// What is to be done about the wants that came together.
#[derive(Default)]
struct Plan {
    hear: HashSet<Topic>,
    read: HashSet<Uuid>,
    only: Option<HashSet<Topic>>,
    everything: bool,
}

impl Mirror {
    pub fn new(redis: Redis, bus: Bus, node: String, wants: mpsc::UnboundedSender<Want>) -> Self {
        let node = node.into();
        Mirror {
            redis,
            bus,
            node,
            wants,
        }
    }

    /// Hands on what the doorbells bring.
    pub async fn hear(self, stop: CancellationToken) {
        let mut messages = self.redis.messages();
        // The connection may stand already, and then nobody will tell.
        self.want(Want::Everything);
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => return,
                message = messages.next() => message,
            };
            match message {
                Message::Missed => self.want(Want::Everything),
                Message::Bell { channel, body } => self.rang(&channel, &body),
            }
        }
    }

    fn rang(&self, channel: &str, body: &str) {
        match channel {
            BUILDER => self.bus.builder_here(),
            WORK => self.bus.wake_here(),
            ACCESS => self.bus.access_here(),
            CANCEL => {
                if let Ok(job) = Uuid::try_parse(body) {
                    self.bus.cancel_here(job);
                }
            }
            name => match (Topic::of_bell(name), body.parse::<i64>()) {
                (Some(Topic::Job(job)), _) => self.deliver(job, body),
                (Some(topic), Ok(seq)) => self.bus.announce_here(topic, seq),
                _ => {}
            },
        }
    }

    fn deliver(&self, job: Uuid, body: &str) {
        let Some(items) = wire::rung(&self.node, body) else {
            return;
        };
        let Some(channel) = self.bus.known_channel(job) else {
            return;
        };
        if !items.first().is_some_and(|first| channel.continues(first)) {
            return self.want(Want::Read(job));
        }
        for item in items {
            channel.push(item);
        }
    }

    fn want(&self, want: Want) {
        // The receiver ends with the process.
        let _ = self.wants.send(want);
    }

    /// Keeps the subscriptions and the copies as they are wanted.
    pub async fn run(self, mut asked: mpsc::UnboundedReceiver<Want>, stop: CancellationToken) {
        let mut heard: HashSet<Topic> = HashSet::new();
        // Nothing is subscribed to before the first connection stands, which is told as `Everything`.
        let mut is_stale = true;
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return,
                first = asked.recv() => first,
            };
            let Some(first) = first else { return };
            let mut plan = Plan::default();
            plan.add(first);
            while let Ok(more) = asked.try_recv() {
                plan.add(more);
            }
            plan.everything |= is_stale;
            is_stale = self.follow(plan, &mut heard).await == Err(Down);
        }
    }

    async fn follow(&self, plan: Plan, heard: &mut HashSet<Topic>) -> Result<(), Down> {
        let new: Vec<Topic> = plan.wanted().filter(|topic| !heard.contains(topic)).collect();
        heard.extend(&new);
        if let Err(Down) = self.subscribe(&plan, &new, heard).await {
            // A watcher must not wait for a carrier that does not answer.
            new.iter().for_each(|topic| self.set_joined(*topic, true));
            return Err(Down);
        }
        let mut read = plan.read.clone();
        for topic in heard.iter() {
            let is_new = plan.everything || new.contains(topic);
            match topic {
                Topic::Job(job) if is_new || plan.only.is_some() => {
                    read.insert(*job);
                }
                // What was announced before we heard anything is in the database.
                Topic::Site(_) | Topic::Account(_) if is_new => self.bus.nudge(*topic),
                _ => {}
            }
        }
        let done = join_all(read.into_iter().map(|job| self.read(job))).await;
        done.into_iter().collect()
    }

    async fn subscribe(&self, plan: &Plan, new: &[Topic], heard: &mut HashSet<Topic>) -> Result<(), Down> {
        if let Some(only) = &plan.only {
            let is_gone = |topic: &&Topic| !only.contains(topic) && !plan.hear.contains(topic);
            let gone: Vec<Topic> = heard.iter().filter(is_gone).copied().collect();
            for topic in &gone {
                heard.remove(topic);
                // Who comes next has to join anew.
                self.set_joined(*topic, false);
            }
            self.redis.unsubscribe(&bells(&gone)).await?;
        }
        if !plan.everything {
            return self.redis.subscribe(&bells(new)).await;
        }
        // The other side may have forgotten us.
        let always = [ACCESS, BUILDER, CANCEL, WORK].map(str::to_string);
        self.redis.subscribe(&always).await?;
        self.redis
            .subscribe(&bells(&heard.iter().copied().collect::<Vec<_>>()))
            .await?;
        self.bus.builder_here();
        self.bus.wake_here();
        self.bus.access_here();
        self.bus.doubt();
        Ok(())
    }

    /// Brings the copy of a job's stream up to date.
    async fn read(&self, job: Uuid) -> Result<(), Down> {
        let Some(channel) = self.bus.known_channel(job) else {
            return Ok(());
        };
        if channel.has_ended() && channel.is_joined() {
            return Ok(());
        }
        // The first time everything that is kept, so that a watcher with an old cursor goes on without a break.
        let after = channel.head().filter(|_| channel.is_joined());
        let kept = self.redis.read(job, after).await;
        if let Ok(kept) = &kept {
            let items = kept.entries.iter().filter_map(wire::item).collect();
            channel.absorb(kept.open.as_deref().and_then(wire::read_open), items);
        }
        // Also when Redis is away: a watcher waits for an answer, not for a good one.
        channel.set_joined(true);
        kept.map(|_| ())
    }

    fn set_joined(&self, topic: Topic, is_joined: bool) {
        if let Topic::Job(job) = topic
            && let Some(channel) = self.bus.known_channel(job)
        {
            channel.set_joined(is_joined);
        }
    }
}

fn bells(topics: &[Topic]) -> Vec<String> {
    topics.iter().map(|topic| topic.bell()).collect()
}

impl Plan {
    fn wanted(&self) -> impl Iterator<Item = Topic> {
        self.hear.iter().chain(self.only.iter().flatten()).copied()
    }

    fn add(&mut self, want: Want) {
        match want {
            Want::Hear(topic) => {
                self.hear.insert(topic);
            }
            Want::Read(job) => {
                self.read.insert(job);
            }
            Want::Only(topics) => self.only = Some(topics.into_iter().collect()),
            Want::Everything => self.everything = true,
        }
    }
}
