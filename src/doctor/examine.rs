//! The examination: everything is asked, in an order in which causes come before their effects.

use std::time::Duration;

use chrono::TimeDelta;

use super::report::{Category, Check, Report};
use super::{database, machine, model, queue, workers};
use crate::app::App;
use crate::config::Config;
use crate::db::{Db, now};
use crate::redis::Redis;

/// How long one row may take. A doctor who waits for a silent patient is of no use.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is examined, with the connections to do it.
pub struct Subject<'a> {
    pub config: &'a Config,
    /// The error is a sentence for the operator.
    pub db: Result<Db, String>,
    /// None when it is not configured. The error is a sentence for the operator.
    pub redis: Option<Result<Redis, String>>,
    /// Ask the model for one token, which may cost something.
    pub probe: bool,
}

impl<'a> Subject<'a> {
    /// A process that runs, seen through its own connections.
    pub fn of(app: &'a App, probe: bool) -> Self {
        Subject {
            config: &app.config,
            db: Ok(app.db.clone()),
            redis: app.redis.clone().map(Ok),
            probe,
        }
    }
}

/// What may be asked often, as rows that cost a few reads: who runs jobs, what waits, and Redis.
pub async fn in_short(app: &App) -> Vec<Check> {
    let subject = Subject::of(app, false);
    let mut checks = Vec::new();
    if let Some(offset) = database::reach(&app.db, &mut checks).await {
        checks.extend(running(&subject, &app.db, offset).await);
    }
    checks.push(redis(&subject).await);
    checks
}

/// Who runs jobs, and what waits for them.
async fn running(subject: &Subject<'_>, db: &Db, offset: TimeDelta) -> [Check; 2] {
    let lease = Duration::from_millis(subject.config.jobs.lease_ms);
    [
        workers::check(db, lease, offset).await,
        queue::check(db, subject.config.limits.running_per_account, offset).await,
    ]
}

/// The table of a configuration that cannot be read: nothing else can be looked for.
pub fn unconfigured(why: &str) -> Report {
    let action = "Correct the value; `sitewright config` prints every key with its meaning.";
    let check = Check::broken(Category::Configuration, "configuration", why, action);
    Report::new(now(), vec![check])
}

pub async fn examine(subject: &Subject<'_>) -> Report {
    let mut checks = vec![configuration(subject.config)];
    match &subject.db {
        Ok(db) => of_database(subject, db, &mut checks).await,
        Err(why) => {
            let action = "Start the database, or correct database.url (DATABASE_URL). A SQLite file and all tables \
                          are made by `sitewright serve` or `sitewright migrate up`.";
            checks.push(Check::broken(Category::Database, database::REACHABLE, why, action));
            checks.extend(database::skipped("the database cannot be reached"));
        }
    }
    checks.push(redis(subject).await);
    checks.extend(model::checks(&subject.config.ai, subject.probe).await);
    checks.extend(machine::checks(subject.config));
    // Stable: rows of a category keep the order in which they were asked.
    checks.sort_by_key(|check| check.category);
    Report::new(now(), checks)
}

async fn of_database(subject: &Subject<'_>, db: &Db, checks: &mut Vec<Check>) {
    let asked = async {
        let Some(offset) = database::reach(db, checks).await else {
            return;
        };
        if !database::content(db, checks).await {
            return;
        }
        checks.extend(running(subject, db, offset).await);
    };
    // What is missing in the end was not answered in time.
    let is_in_time = tokio::time::timeout(PATIENCE, asked).await.is_ok();
    let missing: Vec<Check> = database::skipped("an earlier row stands in the way")
        .into_iter()
        .filter(|row| !checks.iter().any(|check| check.name == row.name))
        .collect();
    if is_in_time {
        checks.extend(missing);
        return;
    }
    let mut missing = missing.into_iter();
    if let Some(slow) = missing.next() {
        let found = format!("No answer within {} seconds.", PATIENCE.as_secs());
        let action = "Look at the database's load and locks (pg_stat_activity), then ask again.";
        checks.push(Check::broken(slow.category, &slow.name, found, action));
    }
    checks.extend(missing);
}

/// It was read, or there would be no subject; what it decides is worth a line.
fn configuration(config: &Config) -> Check {
    let database = if config.database.url.starts_with("sqlite:") {
        "SQLite"
    } else {
        "Postgres"
    };
    let redis = if config.redis.url.is_empty() {
        "no Redis"
    } else {
        "Redis"
    };
    let found = format!(
        "Read and consistent: role {}, {database}, {redis}, auth.mode {}.",
        config.server.role.as_str(),
        config.auth.mode.as_str(),
    );
    Check::ok(Category::Configuration, "configuration", found)
}

async fn redis(subject: &Subject<'_>) -> Check {
    let name = "redis";
    let redis = match &subject.redis {
        None => {
            let found = "Not configured: processes hear of each other by asking the database.";
            return Check::ok(Category::Redis, name, found);
        }
        Some(Err(why)) => {
            let action = "Correct redis.url (REDIS_URL), or leave it empty.";
            return Check::broken(Category::Redis, name, why, action);
        }
        Some(Ok(redis)) => redis,
    };
    // A round trip, not the state of a connection.
    if redis.told().await.is_ok() {
        return Check::ok(Category::Redis, name, "Redis answers.");
    }
    let action = "Start Redis, or correct redis.url (REDIS_URL). No job and no credit is in danger meanwhile: processes \
                  hear of each other from the database, later.";
    Check::broken(Category::Redis, name, "Redis does not answer.", action)
}
