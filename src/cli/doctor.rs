//! `sitewright doctor`: the table of what the system needs, beside a running server or before its first start.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args as ClapArgs;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use crate::boot;
use crate::config::{self, Config, ConfigError, Source};
use crate::db::{Db, file_of};
use crate::doctor::{Check, Health, Report, Subject, examine, unconfigured};
use crate::redis::Redis;
use crate::telemetry;

/// Look at everything the system needs, and say what to do about what is missing.
///
/// Exit code 0: all is well. 1: warnings. 2: something is broken. Nothing is changed or repaired.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
    /// Also ask the model for one token, which its provider may charge for.
    #[arg(long)]
    probe: bool,
}

pub async fn run(source: Result<Source, ConfigError>, args: Args) -> Result<ExitCode, Failure> {
    let report = match source.and_then(|source| config::load(&source)) {
        Err(why) => unconfigured(&why.0),
        Ok(config) => {
            let _lines = telemetry::init(&config.log, telemetry::Writer::Logging)?;
            visit(&config, args.probe).await
        }
    };
    let text = match args.json {
        true => format!(
            "{}\n",
            serde_json::to_string_pretty(&report).map_err(std::io::Error::from)?
        ),
        false => table(&report),
    };
    super::say(&text)?;
    Ok(match report.health {
        Health::Ok | Health::Skipped => ExitCode::SUCCESS,
        Health::Warning => ExitCode::from(1),
        Health::Broken => ExitCode::from(2),
    })
}

/// Comes with connections of its own, as a process that starts would.
async fn visit(config: &Config, probe: bool) -> Report {
    let db = open(config).await;
    let hang_up = CancellationToken::new();
    let epoch = match &db {
        Ok(db) => boot::known_epoch(db).await,
        Err(_) => None,
    };
    // Whether Redis answers does not hang on the name of its keys.
    let redis = connect(config, epoch.as_deref().unwrap_or_default(), &hang_up).await;
    let subject = Subject {
        config,
        db,
        redis,
        probe,
    };
    let report = examine(&subject).await;
    hang_up.cancel();
    if let Ok(db) = &subject.db {
        db.close().await;
    }
    report
}

/// Connecting to a SQLite file that is not there would make one.
async fn open(config: &Config) -> Result<Db, String> {
    if let Some(file) = file_of(&config.database).filter(|file| !file.exists()) {
        return Err(format!("There is no database at {} yet.", file.display()));
    }
    Db::connect(&config.database, "doctor").await.map_err(|error| {
        tracing::warn!(cause = error.cause(), "the database cannot be opened");
        format!("The database {} cannot be opened.", config.database.place())
    })
}

async fn connect(config: &Config, epoch: &str, hang_up: &CancellationToken) -> Option<Result<Redis, String>> {
    if config.redis.url.is_empty() {
        return None;
    }
    let redis = match Redis::connect(&config.redis, epoch) {
        Ok(redis) => redis,
        Err(why) => return Some(Err(why)),
    };
    let (keep, hang_up) = (redis.clone(), hang_up.clone());
    tokio::spawn(async move { keep.keep(hang_up).await });
    redis.settle(Duration::from_secs(2)).await;
    Some(Ok(redis))
}

fn table(report: &Report) -> String {
    let mut text = String::new();
    let mut category = None;
    for check in &report.checks {
        if category.replace(check.category) != Some(check.category) {
            let _ = writeln!(text, "{}", check.category.as_str());
        }
        write_row(&mut text, check);
    }
    let (broken, warnings) = (report.count(Health::Broken), report.count(Health::Warning));
    let verdict = match (broken, warnings) {
        (0, 0) => "Everything that was looked at is in order.".to_string(),
        (0, warnings) => format!("{warnings} to look after."),
        (broken, 0) => format!("{broken} broken."),
        (broken, warnings) => format!("{broken} broken, {warnings} to look after."),
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn write_row(text: &mut String, check: &Check) {
    let _ = writeln!(
        text,
        "  {:<8} {:<16} {}",
        check.health.as_str(),
        check.name,
        check.found
    );
    for detail in &check.details {
        let _ = writeln!(text, "  {:<26}{detail}", "");
    }
    if let Some(action) = &check.action {
        let _ = writeln!(text, "  {:<26}→ {action}", "");
    }
}
