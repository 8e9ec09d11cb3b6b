//! `sitewright doctor`: each row is broken by itself, and exactly that row is seen, with what to do about it.
//!
//! What the doctor looks for is broken for real: a stopped Redis, a dropped table, a clock that is wrong. Only the
//! worker of a test about something else is a row without a process.

use serde_json::Value;
use sitewright::auth::{self, NewKey};
use sitewright::entities::Role;
use uuid::Uuid;

use crate::support::postgres::database;
use crate::support::process::{Ended, Environment, Server, run};
use crate::support::redis::TestRedis;
use crate::support::{Backend, World};

/// A doctor's table, as a script reads it.
pub struct Table {
    pub code: Option<i32>,
    pub rows: Vec<Value>,
}

impl Table {
    pub fn of(ended: &Ended) -> Table {
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no table: {ended:?}"));
        Table {
            code: ended.status.code(),
            rows: report["checks"].as_array().cloned().unwrap_or_default(),
        }
    }

    fn row(&self, name: &str) -> &Value {
        let row = self.rows.iter().find(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("no row {name}: {:#?}", self.rows))
    }

    /// The rows that need somebody.
    pub fn bad(&self) -> Vec<(&str, &str)> {
        let bad = self.rows.iter().filter(|row| !row["action"].is_null());
        bad.map(|row| (row["name"].as_str().unwrap(), row["health"].as_str().unwrap()))
            .collect()
    }

    /// Exactly this row is broken, it says this, and it says what to do.
    pub fn only_broken(&self, name: &str, parts: &[&str]) {
        assert_eq!(self.bad(), [(name, "broken")], "{:#?}", self.rows);
        assert_eq!(self.code, Some(2));
        self.says(name, parts);
    }

    fn only_warning(&self, name: &str, parts: &[&str]) {
        assert_eq!(self.bad(), [(name, "warning")], "{:#?}", self.rows);
        assert_eq!(self.code, Some(1));
        self.says(name, parts);
    }

    pub fn says(&self, name: &str, parts: &[&str]) {
        let row = self.row(name).to_string();
        for part in parts {
            assert!(row.contains(part), "{part:?} is not in {row}");
        }
    }
}

async fn examine(url: &str, environment: Environment<'_>) -> Table {
    Table::of(&run(&["doctor", "--json"], url, environment).await)
}

async fn doctor(world: &World) -> Table {
    examine(&world.app.config.database.url, &[]).await
}

/// A world in which everything is in order, with a worker that is only a row.
pub async fn sound(backend: Backend) -> World {
    let world = backend.world_with(|_| {}).await;
    sign_on(&world).await;
    let table = doctor(&world).await;
    assert_eq!((table.bad(), table.code), (vec![], Some(0)), "{:#?}", table.rows);
    world
}

async fn sign_on(world: &World) {
    let text = "INSERT INTO workers (id, version, process_id, slots, running, started_at, last_seen_at) \
                VALUES ($1, 'test', 1, 4, 0, {now}, {now})";
    world.rewrite(text, [Uuid::now_v7().into()]).await;
}

async fn a_running_system_is_in_order_and_shows_who_works_on_what(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let server = Server::start(&world, &[("SITEWRIGHT_JOBS__LEASE_MS", "20000")]).await;
    let table = doctor(&world).await;
    assert_eq!((table.bad(), table.code), (vec![], Some(0)), "{:#?}", table.rows);
    let process = format!("pid {}", server.process.id());
    table.says("workers", &["1 alive", &process]);
    table.says("migrations", &["m20261123_000001_accounts"]);
    let human = run(&["doctor"], &world.app.config.database.url, &[]).await;
    assert!(
        human.status.success() && human.stdout.contains("Everything that was looked at is in order."),
        "{human:?}"
    );
    server.stop().await;
    world.settle().await;
}

#[tokio::test]
async fn a_wrong_configuration_is_a_row_of_its_own() {
    let table = examine("sqlite://x.db", &[("SITEWRIGHT_JOBS__LEASE_MS", "soon")]).await;
    table.only_broken(
        "configuration",
        &["SITEWRIGHT_JOBS__LEASE_MS", "soon", "sitewright config"],
    );
    let table = examine("mysql://root:hunter2@db/x", &[]).await;
    table.only_broken("configuration", &["database.url", "sqlite"]);
    assert!(!table.rows[0].to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_seen_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing.db");
    let table = examine(&format!("sqlite://{}", file.display()), &[]).await;
    table.only_broken("database", &["There is no database", "migrate up"]);
    assert!(table.row("workers")["health"] == "skipped", "{:#?}", table.rows);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "it left something"
    );

    let nowhere = "postgres://somebody:hunter2@127.0.0.1:1/nothing";
    let table = examine(nowhere, &[]).await;
    table.only_broken("database", &["cannot be opened", "DATABASE_URL"]);
    let ended = run(&["doctor"], nowhere, &[]).await;
    assert!(
        !ended.stdout.contains("hunter2") && !ended.stderr.contains("hunter2"),
        "{ended:?}"
    );
}

async fn a_migration_that_is_missing_is_named(url: &str) {
    let newest = async |direction: &[&str]| {
        let ended = run(&[&["migrate"], direction].concat(), url, &[]).await;
        assert!(ended.status.success(), "{ended:?}");
        ended.stdout.lines().last().expect("at least one migration").to_string()
    };
    newest(&["up"]).await;
    let missing = newest(&["down", "--yes", "--steps", "1"]).await;
    assert!(missing.starts_with("missing  m"), "{missing}");
    examine(url, &[])
        .await
        .only_broken("migrations", &["1 of", &missing, "migrate up"]);
    newest(&["up"]).await;
    let table = examine(url, &[]).await;
    assert!(table.row("migrations")["health"] == "ok", "{:#?}", table.rows);
}

#[tokio::test]
async fn a_migration_that_is_missing_is_named_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    a_migration_that_is_missing_is_named(&format!("sqlite://{}/new.db", folder.path().display())).await;
}

#[tokio::test]
async fn a_migration_that_is_missing_is_named_on_postgres() {
    let database = database().await;
    a_migration_that_is_missing_is_named(&database.url).await;
}

async fn a_table_or_column_that_is_gone_is_named(backend: Backend) {
    let world = sound(backend).await;
    world
        .rewrite("ALTER TABLE revisions RENAME COLUMN id TO number", [])
        .await;
    doctor(&world)
        .await
        .only_broken("tables", &["1 of", "revisions", "migration/src"]);
    world
        .rewrite("ALTER TABLE revisions RENAME COLUMN number TO id", [])
        .await;
    assert_eq!(doctor(&world).await.bad(), []);
    world.settle().await;
}

async fn a_list_without_options_is_named(backend: Backend) {
    let world = sound(backend).await;
    let text = "UPDATE builder_options SET is_active = $1 WHERE kind = 'audience_profile'";
    world.rewrite(text, [false.into()]).await;
    doctor(&world)
        .await
        .only_broken("builder options", &["audience_profile", "activated"]);
    world.settle().await;
}

async fn a_kind_without_a_price_is_named(backend: Backend) {
    let world = sound(backend).await;
    world.rewrite("DELETE FROM prices WHERE kind = 'page'", []).await;
    doctor(&world)
        .await
        .only_broken("prices", &["page", "sitewright serve"]);
    world.settle().await;
}

async fn a_ledger_that_does_not_add_up_is_shown(backend: Backend) {
    let world = sound(backend).await;
    let change = "UPDATE accounts SET balance = balance + $2 WHERE id = $1";
    world.rewrite(change, [world.account.into(), 1_i64.into()]).await;
    doctor(&world)
        .await
        .only_broken("ledger", &["I1", "balance 10001", "ledger verify"]);
    world.rewrite(change, [world.account.into(), (-1_i64).into()]).await;
    world.settle().await;
}

// The name of Postgres' clock is looked up like any other: a function of ours stands before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_of_the_database_is_measured() {
    let world = Backend::Postgres.world_with(|_| {}).await;
    let database = world.app.config.database.url.split('/').next_back().unwrap();
    let database = database.split('?').next().unwrap().to_string();
    let path = format!("ALTER DATABASE {database} SET search_path = public, pg_catalog");
    world.rewrite(&path, []).await;
    for (seconds, is_broken) in [(10, false), (90, true)] {
        let clock = format!(
            "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
             'SELECT pg_catalog.clock_timestamp() - interval ''{seconds} s'''"
        );
        world.rewrite(&clock, []).await;
        world.rewrite("DELETE FROM workers", []).await;
        let text = "INSERT INTO workers (id, version, process_id, slots, running, started_at, last_seen_at) VALUES \
                    ($1, 'test', 1, 4, 0, public.clock_timestamp(), public.clock_timestamp())";
        world.rewrite(text, [Uuid::now_v7().into()]).await;
        let table = doctor(&world).await;
        let found = format!("{seconds}.");
        match is_broken {
            true => table.only_broken("clock", &[&found, "behind", "NTP"]),
            false => table.only_warning("clock", &[&found, "behind", "NTP"]),
        }
        // A worker signs by the database's clock, and is not taken for dead by ours.
        table.says("workers", &["1 alive"]);
    }
    world.settle().await;
}

async fn a_redis_that_is_away_is_seen(backend: Backend) {
    let world = sound(backend).await;
    let mut redis = TestRedis::start();
    let url = redis.url();
    let environment: Environment = &[("REDIS_URL", &url)];
    let table = examine(&world.app.config.database.url, environment).await;
    assert_eq!((table.bad(), table.code), (vec![], Some(0)), "{:#?}", table.rows);
    table.says("redis", &["answers"]);
    redis.freeze();
    let table = examine(&world.app.config.database.url, environment).await;
    table.only_broken("redis", &["does not answer", "REDIS_URL"]);
    redis.thaw();
    redis.stop();
    let table = examine(&world.app.config.database.url, environment).await;
    table.only_broken("redis", &["does not answer", "REDIS_URL"]);
    world.settle().await;
}

async fn no_worker_is_broken_and_a_silent_one_a_warning(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    doctor(&world)
        .await
        .only_broken("workers", &["No process runs jobs", "sitewright serve"]);
    sign_on(&world).await;
    let silent = "INSERT INTO workers (id, version, process_id, slots, running, started_at, last_seen_at) \
                  VALUES ($1, 'test', 4711, 4, 0, {now+$2}, {now+$2})";
    world
        .rewrite(silent, [Uuid::now_v7().into(), (-120_000_i64).into()])
        .await;
    doctor(&world)
        .await
        .only_warning("workers", &["1 alive", "1 fell silent", "pid 4711", "log"]);
    world.settle().await;
}

async fn a_job_that_waits_long_is_a_warning(backend: Backend) {
    let world = sound(backend).await;
    let site = world.blueprint(world.account).await;
    let started = sitewright::generation::start_structure(&world.app, world.account, site, "key", None).await;
    let job = started.unwrap().jobs[0].id;
    let ago = "UPDATE jobs SET run_at = {now+$2} WHERE id = $1";
    world.rewrite(ago, [job.into(), (-120_000_i64).into()]).await;
    doctor(&world)
        .await
        .only_warning("queue", &["1 queued", "waits 12", "jobs.concurrency"]);
    let world = world.started().await;
    world.finished(job).await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_written_and_a_full_disk_are_seen() {
    let world = sound(Backend::Sqlite).await;
    let file = world.app.db.file().unwrap().to_path_buf();
    // Whatever runs the tests may write everywhere, but nobody can make a file where a folder stands.
    let in_the_way = sitewright::db::beside(&file, "probe");
    std::fs::create_dir(&in_the_way).unwrap();
    doctor(&world)
        .await
        .only_broken("storage", &["cannot be written", "database.url"]);
    std::fs::remove_dir(&in_the_way).unwrap();

    let url = world.app.config.database.url.clone();
    let with = async |least: u64| examine(&url, &[("SITEWRIGHT_DOCTOR__MIN_FREE_MB", &least.to_string())]).await;
    let found = with(0).await.row("disk space")["found"].as_str().unwrap().to_string();
    let free: u64 = found.split(' ').next().unwrap().parse().unwrap();
    with(free * 2)
        .await
        .only_warning("disk space", &["MB are free", "min_free_mb"]);
    with(free * 100)
        .await
        .only_broken("disk space", &["MB are free", "min_free_mb"]);
    world.settle().await;
}

async fn the_operator_sees_the_table_over_the_api_and_nobody_else(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let server = Server::start(
        &world,
        &[
            ("SITEWRIGHT_AUTH__MODE", "keys"),
            ("SITEWRIGHT_JOBS__LEASE_MS", "20000"),
        ],
    )
    .await;
    let ask = async |role: Role| {
        let new = NewKey {
            name: role.as_str().to_string(),
            role,
            expires_at: None,
        };
        let (_, key) = auth::create(&world.app.db, world.account, new).await.unwrap();
        let query = "{ systemStatus { health checks { category name health found action details } } }";
        let request = reqwest::Client::new()
            .post(format!("http://{}/graphql", server.address))
            .bearer_auth(key)
            .json(&serde_json::json!({ "query": query }));
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let seen = ask(Role::Admin).await;
    let status = &seen["data"]["systemStatus"];
    assert_eq!(status["health"], "OK", "{seen}");
    let names: Vec<&str> = status["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    let table = doctor(&world).await;
    assert_eq!(
        names,
        table
            .rows
            .iter()
            .map(|row| row["name"].as_str().unwrap())
            .collect::<Vec<_>>()
    );
    let refused = ask(Role::Owner).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
    server.stop().await;
    world.settle().await;
}

on_both!(
    a_running_system_is_in_order_and_shows_who_works_on_what,
    a_table_or_column_that_is_gone_is_named,
    a_list_without_options_is_named,
    a_kind_without_a_price_is_named,
    a_ledger_that_does_not_add_up_is_shown,
    a_redis_that_is_away_is_seen,
    no_worker_is_broken_and_a_silent_one_a_warning,
    a_job_that_waits_long_is_a_warning,
    the_operator_sees_the_table_over_the_api_and_nobody_else,
);
