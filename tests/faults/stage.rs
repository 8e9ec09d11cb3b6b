//! Where a trial plays: a database with pages to write, a Redis where wanted, a model over HTTP, and a way to start nodes.

use model_server::Model;
use sitewright::config::Config;
use uuid::Uuid;

use crate::client::Client;
use crate::support::process::{Environment, Server};
use crate::support::redis::TestRedis;
use crate::support::{Backend, World};

/// Leases that run out soon, for trials in which somebody dies. A machine of two busy cores keeps them.
pub const SHORT: Environment = &[
    ("SITEWRIGHT_JOBS__LEASE_MS", "1500"),
    ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "300"),
    ("SITEWRIGHT_JOBS__RESCUE_MS", "150"),
];
/// Leases that nobody loses by mistake.
pub const LONG: Environment = &[
    ("SITEWRIGHT_JOBS__LEASE_MS", "30000"),
    ("SITEWRIGHT_JOBS__HEARTBEAT_MS", "1000"),
    ("SITEWRIGHT_JOBS__RESCUE_MS", "500"),
];

pub struct Stage {
    pub world: World,
    /// The scripted model; the nodes reach it over HTTP.
    pub model: Model,
    /// Pages that were planned and not written yet.
    pub pages: Vec<Uuid>,
    /// Where nodes find the model; a proxy may stand before it.
    pub model_url: String,
    /// Where nodes find Redis; a proxy may stand before it.
    pub redis_url: String,
    /// Where nodes find the database; a proxy may stand before it.
    pub database_url: String,
}

impl Stage {
    /// A stage with so many planned pages, and no node yet.
    pub async fn with_pages(backend: Backend, count: usize) -> Stage {
        Stage::built(backend, count, |_| {}).await
    }

    pub async fn built(backend: Backend, count: usize, change: impl FnOnce(&mut Config)) -> Stage {
        let world = backend.world_with(|config| {
            config.credits.initial = 1_000_000;
            config.limits.running_per_account = 1_000;
            config.limits.queued_per_account = 1_000;
            change(config);
        });
        let mut world = world.await.started().await;
        let mut pages = Vec::new();
        while pages.len() < count {
            let site = world.planned(world.account).await;
            pages.extend(site.pages.iter().map(|page| page.id));
        }
        pages.truncate(count);
        world.stop_loops().await;
        let model = Model::start().await;
        Stage {
            model_url: model.url(),
            redis_url: world.redis.as_ref().map(TestRedis::url).unwrap_or_default(),
            database_url: world.app.config.database.url.clone(),
            world,
            model,
            pages,
        }
    }

    pub fn backend(&self) -> Backend {
        match (self.world.app.db.is_postgres(), self.redis_url.is_empty()) {
            (false, _) => Backend::Sqlite,
            (true, true) => Backend::Postgres,
            (true, false) => Backend::Redis,
        }
    }

    /// A node of this stage that answers.
    pub async fn node(&self, more: Environment<'_>) -> Server {
        let process = self.launch(more);
        Server::ready(process, &self.world).await
    }

    /// The process of a node, which may not answer yet.
    pub fn launch(&self, more: Environment<'_>) -> crate::support::process::Process {
        let mut environment = vec![
            ("DATABASE_URL", self.database_url.as_str()),
            ("SITEWRIGHT_AI__PROVIDER", "openai"),
            ("SITEWRIGHT_AI__MODEL", "scripted"),
            ("SITEWRIGHT_AI__BREAKER_FAILURES", "0"),
            ("OPENAI_BASE_URL", &self.model_url),
            ("OPENAI_API_KEY", "sk-faults"),
            ("SITEWRIGHT_LIMITS__RUNNING_PER_ACCOUNT", "1000"),
            ("SITEWRIGHT_LIMITS__QUEUED_PER_ACCOUNT", "1000"),
        ];
        if !self.redis_url.is_empty() {
            environment.push(("REDIS_URL", &self.redis_url));
        }
        if self.world.app.db.is_postgres() {
            environment.extend(SHORT);
        }
        environment.extend(more);
        Server::launch(&self.world, &environment)
    }

    /// The end of every trial: everything that was seen and stored is checked, then the stage is struck.
    pub async fn close(self, clients: &[&Client]) {
        crate::checks::all(&self, clients).await;
        self.world.settle().await;
    }
}
