//! The two connections of a process, one for commands and one for doorbells, and whether they are any good.
//!
//! A Redis that accepts and never answers is worse than none: the first command that fails marks the link as down, and
//! from then on every operation fails at once until both connections have answered a ping again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, SubscriberClient};
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::config::{ReconnectPolicy, Server, UnresponsiveConfig};
use fred::types::{Builder, RespVersion};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address;
use crate::config;

/// How long any operation may take. Nobody's request waits for one: a watcher that joins gives up sooner by itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(500);
/// How often both connections are asked whether they live, and how often while they do not.
const PULSE: Duration = Duration::from_secs(1);
const PULSE_WHILE_DOWN: Duration = Duration::from_millis(100);
/// How long Redis may be away before an operator is told: a connection takes a moment to be made.
const QUIET: Duration = Duration::from_secs(1);
/// How often an operator is told that Redis is still away.
const REMIND: Duration = Duration::from_secs(60);
/// Doorbells that may wait inside the process; more are lost, and what they announced is read again.
const BELLS: usize = 8 * 1024;

/// Redis does not answer; the caller goes on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down;

/// A doorbell that rang.
#[derive(Debug, Clone)]
pub enum Message {
    Bell {
        channel: String,
        body: String,
    },
    /// Some may have been missed: the connection was new, or this process too slow.
    Missed,
}

#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    subscriber: SubscriberClient,
    prefix: String,
    up: watch::Sender<bool>,
    /// When an operator was last told that Redis refuses something.
    complained: Mutex<Option<Instant>>,
}

impl Redis {
    /// Begins to connect and goes on trying; the error is a sentence about the settings, without the password in them.
    pub fn connect(settings: &config::Redis, epoch: &str) -> Result<Self, String> {
        let mut config = address::read(settings)?;
        config.fail_fast = false;
        config.version = RespVersion::RESP3;
        let mut builder = Builder::from_config(config);
        builder
            .with_connection_config(|connection| {
                connection.connection_timeout = Duration::from_secs(1);
                connection.internal_command_timeout = PATIENCE;
                // Sent once: after a lost answer the caller decides, with what it then knows.
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = 4_096;
                connection.unresponsive = UnresponsiveConfig {
                    max_timeout: Some(PATIENCE * 2),
                    interval: Duration::from_millis(500),
                };
            })
            .with_performance_config(|performance| {
                performance.default_command_timeout = PATIENCE;
                performance.broadcast_channel_capacity = BELLS;
            })
            // The first wait comes before the first attempt, so it is short.
            .set_policy(ReconnectPolicy::new_linear(0, 500, 50));
        let wrong = |_| "redis.url cannot be used: this build does not know its scheme.".to_string();
        let client = builder.build().map_err(wrong)?;
        let subscriber = builder.build_subscriber_client().map_err(wrong)?;
        client.connect();
        subscriber.connect();
        Ok(Redis(Arc::new(Inner {
            client,
            subscriber,
            prefix: format!("{}:{epoch}", settings.prefix),
            up: watch::channel(false).0,
            complained: Mutex::default(),
        })))
    }

    pub fn is_up(&self) -> bool {
        *self.0.up.borrow()
    }

    /// Changes when Redis goes away and when it comes back.
    pub fn health(&self) -> watch::Receiver<bool> {
        self.0.up.subscribe()
    }

    /// Watches over the connections until `stop`, then closes them. Says once a minute that Redis is away.
    pub async fn keep(&self, stop: CancellationToken) {
        let (mut down_since, mut told): (_, Option<Instant>) = (Instant::now(), None);
        let mut causes = [self.0.client.error_rx(), self.0.subscriber.error_rx()];
        loop {
            let is_up = self.answers().await;
            let has_changed = self.0.up.send_if_modified(|up| std::mem::replace(up, is_up) != is_up);
            if is_up || has_changed {
                down_since = Instant::now();
            }
            if is_up && told.take().is_some() {
                tracing::info!("Redis answers again; streams between processes are live");
            }
            let is_due = told.is_none_or(|told| told.elapsed() >= REMIND);
            if !is_up && is_due && down_since.elapsed() >= QUIET {
                told = Some(Instant::now());
                tracing::warn!(
                    cause = newest(&mut causes),
                    "Redis does not answer (redis.url); jobs and credits are safe, but other processes hear of them by \
                     asking the database, and text is live only where it is written"
                );
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(if is_up { PULSE } else { PULSE_WHILE_DOWN }) => {}
            }
        }
        // A Redis that never answers must not keep the process.
        let _ = tokio::time::timeout(FAREWELL, async {
            let _ = self.0.subscriber.quit().await;
            let _ = self.0.client.quit().await;
        })
        .await;
    }

    /// Resolves when both connections stand, or when that takes longer.
    pub async fn settle(&self, patience: Duration) {
        let mut health = self.health();
        let _ = tokio::time::timeout(patience, health.wait_for(|up| *up)).await;
    }

    async fn answers(&self) -> bool {
        let both = async {
            // A command that is given before the connection stands waits out its time.
            if !self.0.client.is_connected() || !self.0.subscriber.is_connected() {
                return false;
            }
            let (one, other) = tokio::join!(
                self.0.client.ping::<String>(None),
                self.0.subscriber.ping::<String>(None)
            );
            one.is_ok() && other.is_ok()
        };
        tokio::time::timeout(PATIENCE, both).await.unwrap_or(false)
    }

    /// Runs one operation, unless Redis is known to be away.
    pub(super) async fn ask<T, F>(&self, operation: impl FnOnce(Client) -> F) -> Result<T, Down>
    where
        F: Future<Output = Result<T, fred::error::Error>>,
    {
        if !self.is_up() {
            return Err(Down);
        }
        match tokio::time::timeout(PATIENCE, operation(self.0.client.clone())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(cause)) => {
                self.failed(&cause);
                Err(Down)
            }
            Err(_) => {
                self.went_away();
                Err(Down)
            }
        }
    }

    /// A lost connection is an outage; a refused command (no memory left, a replica, missing rights) is one to be read.
    fn failed(&self, cause: &fred::error::Error) {
        use fred::error::ErrorKind::{Canceled, IO, Routing, Sentinel, Timeout, Tls};
        if matches!(cause.kind(), Canceled | IO | Routing | Sentinel | Timeout | Tls) {
            return self.went_away();
        }
        let mut complained = self.0.complained.lock();
        if complained.is_none_or(|at| at.elapsed() >= REMIND) {
            *complained = Some(Instant::now());
            tracing::warn!(%cause, "Redis refuses a command; streams between processes may lag behind the database");
        }
    }

    fn went_away(&self) {
        self.0.up.send_if_modified(|up| std::mem::replace(up, false));
    }

    pub(super) fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.0.prefix)
    }

    fn channel(&self, name: &str) -> String {
        format!("{}/{name}", self.0.prefix)
    }

    /// The channel's full name, for scripts that ring it.
    pub(super) fn bell(&self, name: &str) -> String {
        self.channel(name)
    }

    /// Rings a doorbell.
    pub async fn publish(&self, name: &str, body: String) -> Result<(), Down> {
        let channel = self.channel(name);
        self.ask(async move |client| client.publish::<i64, _, _>(channel, body).await)
            .await
            .map(|_| ())
    }

    /// Begins to hear these doorbells.
    pub async fn subscribe(&self, names: &[String]) -> Result<(), Down> {
        if names.is_empty() {
            return Ok(());
        }
        let channels: Vec<String> = names.iter().map(|name| self.channel(name)).collect();
        let subscriber = self.0.subscriber.clone();
        self.ask(async move |_| subscriber.subscribe(channels).await).await
    }

    /// Stops hearing them.
    pub async fn unsubscribe(&self, names: &[String]) -> Result<(), Down> {
        if names.is_empty() {
            return Ok(());
        }
        let channels: Vec<String> = names.iter().map(|name| self.channel(name)).collect();
        let subscriber = self.0.subscriber.clone();
        self.ask(async move |_| subscriber.unsubscribe(channels).await).await
    }

    /// The doorbells of this process, as they ring; a new connection counts as some that were missed.
    pub fn messages(&self) -> Messages {
        Messages {
            redis: self.clone(),
            bells: self.0.subscriber.message_rx(),
            connections: self.0.subscriber.reconnect_rx(),
            health: self.health(),
        }
    }
}

/// Why the connections failed last, as their client says it; nothing when they are merely silent.
fn newest(causes: &mut [broadcast::Receiver<(fred::error::Error, Option<Server>)>]) -> Option<String> {
    let mut newest = None;
    for causes in causes {
        loop {
            match causes.try_recv() {
                Ok((cause, _)) => newest = Some(cause.to_string()),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
    }
    newest
}

/// What [`Redis::messages`] gives.
pub struct Messages {
    redis: Redis,
    bells: broadcast::Receiver<fred::types::Message>,
    connections: broadcast::Receiver<Server>,
    health: watch::Receiver<bool>,
}

impl Messages {
    pub async fn next(&mut self) -> Message {
        loop {
            tokio::select! {
                bell = self.bells.recv() => match bell {
                    Ok(message) => {
                        let prefix = self.redis.channel("");
                        let Some(channel) = message.channel.strip_prefix(prefix.as_str()) else { continue };
                        let channel = channel.to_string();
                        let Ok(body) = message.value.convert::<String>() else { continue };
                        return Message::Bell { channel, body };
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => return Message::Missed,
                    // The client lives as long as we do.
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                },
                Ok(_) = self.connections.recv() => return Message::Missed,
                Ok(()) = self.health.changed() => if *self.health.borrow_and_update() {
                    return Message::Missed;
                }
            }
        }
    }
}
