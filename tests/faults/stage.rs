//! Where a trial plays: a database with pages to write, a Redis where wanted, a model over HTTP, and a way to start nodes.

use model_server::Model;
use sitewright::auth;
use sitewright::config::Config;
use sitewright::entities::Role;
use uuid::Uuid;

use crate::client::{Client, Wish};
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

/// Servers that want a key.
pub const KEYS: (&str, &str) = ("SITEWRIGHT_AUTH__MODE", "keys");

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
    /// How often a stream may break off for one client: never, unless the trial ends or cuts something.
    pub moves: usize,
    /// How often a client may be told that the database is away: more than a busy machine makes it say.
    pub refusals: usize,
}

impl Stage {
    /// A stage with so many planned pages, and no node yet.
    pub async fn with_pages(backend: Backend, count: usize) -> Stage {
        Stage::built(backend, count, |_| {}).await
    }

    pub async fn built(backend: Backend, count: usize, change: impl FnOnce(&mut Config)) -> Stage {
        let world = Stage::world(backend, change).await;
        let pages = planned(&world, world.account, count).await;
        Stage::around(world, pages).await
    }

    /// A stage with so many accounts, and for each a key and clients of so many pages. Nodes need [`KEYS`].
    pub async fn with_tenants(backend: Backend, accounts: usize, pages: usize) -> (Stage, Vec<Client>) {
        let world = Stage::world(backend, |_| {}).await;
        let mut clients = Vec::new();
        for number in 0..accounts {
            let account = world.new_account(&format!("tenant {number}"), 1_000_000).await;
            let key = auth::NewKey {
                name: "faults".to_string(),
                role: Role::Editor,
                expires_at: None,
            };
            let (_, credential) = auth::create(&world.app.db, account, key).await.expect("a key");
            for page in planned(&world, account, pages).await {
                let mut client = Client::new(Wish::Page(page));
                client.credential = Some(credential.clone());
                clients.push(client);
            }
        }
        (Stage::around(world, Vec::new()).await, clients)
    }

    /// It runs jobs, to plan what clients are to have written.
    async fn world(backend: Backend, change: impl FnOnce(&mut Config)) -> World {
        let world = backend.world_with(|config| {
            config.credits.initial = 1_000_000;
            config.limits.running_per_account = 1_000;
            config.limits.queued_per_account = 1_000;
            change(config);
        });
        world.await.started().await
    }

    async fn around(mut world: World, pages: Vec<Uuid>) -> Stage {
        world.stop_loops().await;
        let model = Model::start().await;
        Stage {
            model_url: model.url(),
            redis_url: world.redis.as_ref().map(TestRedis::url).unwrap_or_default(),
            database_url: world.app.config.database.url.clone(),
            world,
            model,
            pages,
            moves: 0,
            refusals: 3,
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

/// So many pages that an account has planned and not written.
async fn planned(world: &World, account: Uuid, count: usize) -> Vec<Uuid> {
    let mut pages = Vec::new();
    while pages.len() < count {
        let site = world.planned(account).await;
        pages.extend(site.pages.iter().map(|page| page.id));
    }
    pages.truncate(count);
    pages
}
