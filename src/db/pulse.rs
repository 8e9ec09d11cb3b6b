//! Whether Postgres answers: asked over and over on a connection of its own, apart from the pool and its queue.
//!
//! A paused or cut-off server does not refuse, it is silent, and a statement would wait for it as long as TCP does. A
//! busy one is slow, which is no reason to refuse anybody. Only a question that nothing else can delay tells the two
//! apart.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Silence for this long is an outage. With the pause between questions it stays below the three seconds in which
/// somebody who waits must be answered.
const SILENCE: Duration = Duration::from_millis(2_000);
const PAUSE: Duration = Duration::from_millis(400);

#[derive(Clone)]
pub(super) struct Pulse(Option<Arc<Asking>>);

/// Begins to ask when somebody first wants to know: commands that only read a little need no second connection.
struct Asking {
    options: ConnectOptions,
    running: OnceLock<(watch::Receiver<bool>, AbortHandle)>,
}

impl Pulse {
    /// A database inside the process is never away.
    pub fn steady() -> Self {
        Pulse(None)
    }

    pub fn of(options: &ConnectOptions) -> Self {
        let mut options = options.clone();
        options.max_connections(1).min_connections(0).acquire_timeout(SILENCE);
        Pulse(Some(Arc::new(Asking {
            options,
            running: OnceLock::new(),
        })))
    }

    /// Resolves when the database is away.
    pub async fn away(&self) {
        let Some(asking) = &self.0 else {
            return std::future::pending().await;
        };
        let (away, _) = asking.running.get_or_init(|| asking.start());
        // The task ends with the last handle, and we hold one.
        if away.clone().wait_for(|away| *away).await.is_err() {
            std::future::pending().await
        }
    }

    /// Stops asking for good.
    pub fn stop(&self) {
        if let Some((_, task)) = self.0.as_ref().and_then(|asking| asking.running.get()) {
            task.abort();
        }
    }
}

impl Asking {
    fn start(&self) -> (watch::Receiver<bool>, AbortHandle) {
        let (sender, receiver) = watch::channel(false);
        let task = tokio::spawn(ask(self.options.clone(), sender));
        (receiver, task.abort_handle())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some((_, task)) = self.running.get() {
            task.abort();
        }
    }
}

async fn ask(options: ConnectOptions, away: watch::Sender<bool>) {
    let mut connection: Option<DatabaseConnection> = None;
    loop {
        let failure = match tokio::time::timeout(SILENCE, question(&options, &mut connection)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("silent for {SILENCE:?}")),
        };
        let is_away = failure.is_some();
        if is_away {
            // What a half-dead connection says later must not count.
            connection = None;
        }
        if away.send_if_modified(|was| std::mem::replace(was, is_away) != is_away) {
            match failure {
                Some(cause) => {
                    tracing::error!(
                        cause,
                        "the database does not answer; requests that wait for it are refused"
                    );
                }
                None => tracing::info!("the database answers again"),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn question(options: &ConnectOptions, connection: &mut Option<DatabaseConnection>) -> Result<(), sea_orm::DbErr> {
    if connection.is_none() {
        *connection = Some(Database::connect(options.clone()).await?);
    }
    if let Some(connection) = connection {
        connection.execute_unprepared("SELECT 1").await?;
    }
    Ok(())
}
