//! A world: the whole application on a database of its own, with a writer that obeys the test.
//!
//! A test ends with [`World::settle`], which waits for its jobs and checks every invariant; forgetting it
//! fails the test.

use std::time::Duration;

use futures::StreamExt;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use sitewright::ai::Provider;
use sitewright::ai::scripted::Script;
use sitewright::app::App;
use sitewright::boot::{self, Running};
use sitewright::config::{self, Config, ProviderName, Source};
use sitewright::entities::{HoldState, HostingType, account, block, blueprint, credit_hold, job, page};
use sitewright::events::{After, JobBody, JobEvent, Unit};
use sitewright::jobs::invariants::verify;
use sitewright::jobs::{Orphans, rescue};
use sitewright::{credits, db, generation, sites};
use uuid::Uuid;

use super::postgres::{self, TestDatabase};
use super::redis::TestRedis;

/// Longer than anything takes on a slow machine: only a real failure gets here.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
    /// Postgres, and Redis as the carrier between processes.
    Redis,
}

/// Makes two tests of each function `async fn name(backend: Backend)`: one a database.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::Backend::Sqlite).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::Backend::Postgres).await;
            })+
        }
    };
}

/// The same, and a third with Redis between the processes.
macro_rules! on_every_carrier {
    ($($name:ident),+ $(,)?) => {
        on_both!($($name),+);
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::Backend::Redis).await;
            })+
        }
    };
}

pub struct World {
    pub app: App,
    /// None where processes hear of each other from the database alone.
    pub redis: Option<TestRedis>,
    /// What the writer does; by default it behaves, at full speed.
    pub script: Script,
    pub account: Uuid,
    running: Option<Running>,
    is_settled: bool,
    database: Database,
}

enum Database {
    Sqlite(#[allow(dead_code)] tempfile::TempDir),
    Postgres(TestDatabase),
}

/// A site with its pages as a test sees them.
#[derive(Debug)]
pub struct Site {
    pub blueprint: blueprint::Model,
    pub pages: Vec<page::Model>,
}

impl Backend {
    /// A world that runs jobs, with leases long enough that no live job is ever rescued.
    pub async fn world(self) -> World {
        self.world_with(|_| {}).await.started().await
    }

    /// A world with another configuration. It runs no jobs until [`World::started`].
    pub async fn world_with(self, change: impl FnOnce(&mut Config)) -> World {
        let mut config = config::load(&Source::default()).expect("the defaults are valid");
        let database = match self {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder for the database");
                config.database.url = format!("sqlite://{}/test.db", folder.path().display());
                Database::Sqlite(folder)
            }
            Backend::Postgres | Backend::Redis => {
                let database = postgres::database_from("migrated", async |url| {
                    let db = connect(&url).await.expect("the template opens");
                    db.migrate().await.expect("the template migrates");
                    db.close().await;
                })
                .await;
                config.database.url.clone_from(&database.url);
                Database::Postgres(database)
            }
        };
        let redis = (self == Backend::Redis).then(TestRedis::start);
        if let Some(redis) = &redis {
            config.redis.url = redis.url();
        }
        config.server.grace_ms = 0;
        config.jobs.lease_ms = 20_000;
        config.jobs.heartbeat_ms = 1_000;
        config.jobs.retry_base_ms = 1;
        config.jobs.retry_cap_ms = 5;
        config.jobs.poll_ms = 50;
        config.events.poll_ms = 100;
        change(&mut config);
        let script = Script::new();
        let app = open(config, &script).await;
        let account = app.local_account;
        World {
            app,
            script,
            account,
            redis,
            running: None,
            is_settled: false,
            database,
        }
    }
}

/// An application whose writer is the script, unless the test configured another.
async fn open(config: Config, script: &Script) -> App {
    let opened = match config.ai.provider {
        ProviderName::Offline => boot::open_with(config, Provider::Scripted(script.clone())).await,
        _ => boot::open(config).await,
    };
    opened.expect("the application opens")
}

/// A database that a test only looks into.
pub async fn connect(url: &str) -> sitewright::error::Result<db::Db> {
    let mut config = config::load(&Source::default())
        .expect("the defaults are valid")
        .database;
    config.url = url.to_string();
    config.max_connections = 2;
    db::Db::connect(&config, "test").await
}

impl World {
    /// Starts the loops that claim, beat and rescue.
    pub async fn started(mut self) -> Self {
        self.running = Some(boot::start(self.app.clone()).await.expect("the loops start"));
        self
    }

    /// The Postgres of this run, where the world has one.
    pub fn postgres(&self) -> Option<&TestDatabase> {
        match &self.database {
            Database::Postgres(database) => Some(database),
            Database::Sqlite(_) => None,
        }
    }

    /// Another process on the same database: its own bus, engine and loops, the same script.
    pub async fn another_process(&self) -> App {
        open(self.app.config.clone(), &self.script).await
    }

    /// A process that runs no jobs: its watchers hear of this world's only through the database.
    pub async fn watching_process(&self) -> Running {
        let mut config = self.app.config.clone();
        config.jobs.concurrency = 0;
        boot::start(open(config, &self.script).await)
            .await
            .expect("its watchdog starts")
    }

    /// Ends this world's loops, so that a process that a test starts may have its database. Reading goes on.
    pub async fn stop_loops(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Lets a running job's lease run out and another process, which nobody here hears, take the job over.
    pub async fn lose_lease(&self, job: Uuid) {
        let other = self.another_process().await;
        let expire = "UPDATE jobs SET lease_expires_at = {now+$2} WHERE id = $1";
        loop {
            let tx = self.app.db.write().await.unwrap();
            db::execute(&tx, expire, [job.into(), (-1_000_i64).into()])
                .await
                .unwrap();
            tx.commit().await.unwrap();
            // A heartbeat may come in between.
            if rescue(&other.engine, Orphans::Expired).await.unwrap() == 1 {
                break;
            }
        }
        other.db.close().await;
    }

    pub async fn new_account(&self, name: &str, credits: i64) -> Uuid {
        let mut unit = Unit::begin(&self.app.db, &self.app.bus).await.unwrap();
        let account = credits::create_account(&mut unit, name, credits).await.unwrap();
        unit.commit().await.unwrap();
        account.id
    }

    pub async fn account(&self, id: Uuid) -> account::Model {
        account::Entity::find_by_id(id)
            .one(self.app.db.reader())
            .await
            .unwrap()
            .unwrap()
    }

    pub async fn blueprint(&self, account: Uuid) -> Uuid {
        self.blueprint_of(account, "Rye & Shine").await
    }

    /// An unplanned site of a business of this name.
    pub async fn blueprint_of(&self, account: Uuid, business: &str) -> Uuid {
        let brief = json!({
            "businessName": business, "summary": "A sourdough bakery in Leith.", "language": "en",
        });
        let new = sites::NewBlueprint {
            name: business.to_string(),
            description: String::new(),
            brief: serde_json::from_value(brief).unwrap(),
            hosting_type: HostingType::BuiltIn,
        };
        sites::create_blueprint(&self.app.db, &self.app.bus, account, new)
            .await
            .unwrap()
            .id
    }

    /// A planned site, nothing of it written. The world must be running.
    pub async fn planned(&self, account: Uuid) -> Site {
        let blueprint = self.blueprint(account).await;
        let key = Uuid::now_v7().to_string();
        let started = generation::start_structure(&self.app, account, blueprint, &key, None)
            .await
            .unwrap();
        self.finished(started.jobs[0].id).await;
        self.site(blueprint).await
    }

    pub async fn site(&self, id: Uuid) -> Site {
        let connection = self.app.db.reader();
        let blueprint = blueprint::Entity::find_by_id(id)
            .one(connection)
            .await
            .unwrap()
            .unwrap();
        Site {
            blueprint,
            pages: sites::store::pages_of(connection, id).await.unwrap(),
        }
    }

    pub async fn blocks(&self, page: Uuid) -> Vec<block::Model> {
        sites::store::blocks_of(self.app.db.reader(), &[page]).await.unwrap()
    }

    pub async fn start_page(&self, account: Uuid, page: Uuid) -> Uuid {
        let key = Uuid::now_v7().to_string();
        generation::start_page(&self.app, account, page, &key, None)
            .await
            .unwrap()
            .jobs[0]
            .id
    }

    pub async fn start_site(&self, account: Uuid, blueprint: Uuid, pages: i64) -> Uuid {
        let key = Uuid::now_v7().to_string();
        generation::start_site(&self.app, account, blueprint, &key, None, pages)
            .await
            .unwrap()
            .jobs[0]
            .id
    }

    pub async fn job(&self, id: Uuid) -> job::Model {
        job::Entity::find_by_id(id)
            .one(self.app.db.reader())
            .await
            .unwrap()
            .unwrap()
    }

    /// Waits for a job's terminal event, as a watcher, and gives the row as it then stands.
    pub async fn finished(&self, id: Uuid) -> job::Model {
        let mut feed = Box::pin(self.app.feeds.job(id, After::Start));
        let wait = async {
            while let Some(item) = feed.next().await {
                if matches!(item.unwrap().body, JobBody::Event(JobEvent::Finished { .. })) {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("job did not end: {:#?}", self.job(id).await);
        }
        self.job(id).await
    }

    /// Waits until a job has stored so many blocks.
    pub async fn closed(&self, id: Uuid, blocks: usize) {
        let mut feed = Box::pin(self.app.feeds.job(id, After::Start));
        let wait = async {
            while feed.next().await.is_some() {
                if self.job(id).await.written as usize >= blocks {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("job stored too little: {:#?}", self.job(id).await);
        }
    }

    /// Changes rows behind the application's back: a clock that jumped, a person's edit, a crash.
    pub async fn rewrite(&self, text: &str, values: impl IntoIterator<Item = sea_orm::Value>) {
        let tx = self.app.db.write().await.unwrap();
        db::execute(&tx, text, values).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Every invariant holds, whatever runs.
    pub async fn check(&self) {
        let violations = verify(&self.app.db).await.unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// The end of every test: no job is left, no hold is open, every invariant holds.
    pub async fn settle(mut self) {
        self.is_settled = true;
        self.check().await;
        let connection = self.app.db.reader();
        let open = job::Entity::find()
            .filter(job::Column::FinishedAt.is_null())
            .all(connection)
            .await
            .unwrap();
        assert!(open.is_empty(), "jobs are left: {open:#?}");
        let holds = credit_hold::Entity::find().filter(credit_hold::Column::State.eq(HoldState::Open));
        assert_eq!(holds.count(connection).await.unwrap(), 0, "holds are left open");
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        self.app.db.close().await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(
            self.is_settled || std::thread::panicking(),
            "a test ends with World::settle"
        );
    }
}
