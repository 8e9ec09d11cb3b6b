//! The database: reachable, in step with this program, filled with what the product starts from, and in order.

use chrono::TimeDelta;
use sea_orm::{DbErr, EntityTrait, QuerySelect};

use super::report::{Category, Check};
use crate::db::{Db, now, rows};
use crate::entities::{self, OptionKind, PriceKind};
use crate::error::{Instant, Result};
use crate::jobs::invariants;
use crate::{credits, options};

pub const REACHABLE: &str = "database";
const CLOCK: &str = "clock";
const MIGRATIONS: &str = "migrations";
const TABLES: &str = "tables";
const OPTIONS: &str = "builder options";
const PRICES: &str = "prices";
const LEDGER: &str = "ledger";

/// Rows about the content of the database, in the order in which they are looked at.
const CONTENT: [(Category, &str); 7] = [
    (Category::Database, MIGRATIONS),
    (Category::Database, TABLES),
    (Category::Database, OPTIONS),
    (Category::Database, PRICES),
    (Category::Credits, LEDGER),
    (Category::Workers, super::workers::NAME),
    (Category::Workers, super::queue::NAME),
];

/// A clock that is off by this much shows; by that much, it expires keys and tokens at the wrong time.
const CLOCK_WARNING: TimeDelta = TimeDelta::seconds(2);
const CLOCK_BROKEN: TimeDelta = TimeDelta::seconds(60);

/// Every row about the database but the first, as not looked at.
pub fn skipped(because: &str) -> Vec<Check> {
    let because = format!("Not looked at: {because}.");
    let mut rows = vec![Check::skipped(Category::Database, CLOCK, &because)];
    rows.extend(CONTENT.map(|(category, name)| Check::skipped(category, name, &because)));
    rows
}

/// Asks for a sign of life and the time. The result is how much the database's clock is ahead of ours.
pub async fn reach(db: &Db, checks: &mut Vec<Check>) -> Option<TimeDelta> {
    let asked = db.unless_away(clock(db)).await;
    let (version, offset) = match asked {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(cause = error.cause(), "the doctor cannot reach the database");
            let action = "Start the database, or correct database.url (DATABASE_URL).";
            let found = "The database does not answer.";
            checks.push(Check::broken(Category::Database, REACHABLE, found, action));
            return None;
        }
    };
    checks.push(Check::ok(Category::Database, REACHABLE, format!("{version} answers.")));
    checks.push(clock_row(db.is_postgres(), offset));
    Some(offset)
}

fn clock_row(has_own: bool, offset: TimeDelta) -> Check {
    let (category, name) = (Category::Database, CLOCK);
    if !has_own {
        return Check::ok(category, name, "SQLite goes by this machine's clock.");
    }
    let seconds = offset.abs().num_milliseconds() as f64 / 1_000.0;
    let way = if offset < TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let found = format!("The database's clock is {seconds:.1} s {way} this machine's.");
    let action = "Let both machines keep time by NTP: leases go by the database's clock, but keys, retention and what \
                  people see go by this machine's.";
    match offset.abs() {
        off if off >= CLOCK_BROKEN => Check::broken(category, name, found, action),
        off if off >= CLOCK_WARNING => Check::warning(category, name, found, action),
        _ => Check::ok(category, name, found),
    }
}

async fn clock(db: &Db) -> Result<(String, TimeDelta)> {
    if !db.is_postgres() {
        let row = rows(db.reader(), "SELECT sqlite_version() AS version", []).await?.pop();
        let version: String = row.map_or(Ok(String::new()), |row| row.try_get("", "version"))?;
        return Ok((format!("SQLite {version}"), TimeDelta::zero()));
    }
    let before = now();
    let text = "SELECT {now} AS at, current_setting('server_version') AS version";
    let row = rows(db.reader(), text, []).await?.pop();
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the database has no clock".to_string()))?;
    let after = now();
    let (at, version): (Instant, String) = (row.try_get("", "at")?, row.try_get("", "version")?);
    // Half of the way there, as NTP reckons.
    let ours = before + (after - before) / 2;
    Ok((format!("Postgres {version}"), at - ours))
}

/// Whether the tables are there for others to be read.
pub async fn content(db: &Db, checks: &mut Vec<Check>) -> bool {
    let migrations = migrations(db).await;
    let is_in_step = migrations.iter().all(|check| check.action.is_none());
    checks.extend(migrations);
    if !is_in_step {
        return false;
    }
    let tables = tables(db).await;
    let is_whole = tables.action.is_none();
    checks.push(tables);
    if !is_whole {
        return false;
    }
    checks.push(told(Category::Database, OPTIONS, builder_options(db).await));
    checks.push(told(Category::Database, PRICES, prices(db).await));
    checks.push(told(Category::Credits, LEDGER, ledger(db).await));
    true
}

/// A row whose question failed is broken by that.
pub fn told(category: Category, name: &str, check: Result<Check>) -> Check {
    check.unwrap_or_else(|error| {
        tracing::warn!(cause = error.cause(), row = name, "the doctor's question failed");
        let action = "Look at this command's log for the cause, mend it, and ask again.";
        Check::broken(category, name, "The question failed.", action)
    })
}

/// One row a migration that is missing, or one row for all.
async fn migrations(db: &Db) -> Vec<Check> {
    let known = match db.migrations().await {
        Ok(known) => known,
        Err(error) => return vec![told(Category::Database, MIGRATIONS, Err(error))],
    };
    let missing = known.iter().filter(|(_, is_applied)| !is_applied).count();
    if missing == 0 {
        let found = format!("All {} are applied.", known.len());
        let names = known.into_iter().map(|(name, _)| name).collect();
        return vec![Check::ok(Category::Database, MIGRATIONS, found).with(names)];
    }
    let found = format!("{missing} of {} are not applied.", known.len());
    let action = "Run `sitewright migrate up`, or start `sitewright serve`, which does the same first.";
    let details = known.into_iter().map(|(name, is_applied)| {
        let word = if is_applied { "applied" } else { "missing" };
        format!("{word}  {name}")
    });
    let check = Check::broken(Category::Database, MIGRATIONS, found, action);
    vec![check.with(details.collect())]
}

/// Reads a row of every table with all its columns, as the program would.
async fn tables(db: &Db) -> Check {
    let mut troubles = Vec::new();
    let mut count = 0;
    macro_rules! look_at {
        ($($table:ident),* $(,)?) => {$(
            count += 1;
            let asked = entities::$table::Entity::find().limit(1).all(db.reader()).await;
            if let Err(cause) = asked {
                use sea_orm::EntityName;
                let name = entities::$table::Entity.table_name().to_string();
                tracing::warn!(%cause, table = name, "the doctor cannot read a table");
                troubles.push(name);
            }
        )*};
    }
    entities::every_table!(look_at);
    if troubles.is_empty() {
        let found = format!("All {count} have the columns that this version reads.");
        return Check::ok(Category::Database, TABLES, found);
    }
    let found = format!("{} of {count} cannot be read: {}.", troubles.len(), troubles.join(", "));
    let action = "Somebody changed the schema beside the migrations: restore the tables from a backup, or compare them \
                  with `migration/src`. Migrations that are recorded as applied are not applied again.";
    Check::broken(Category::Database, TABLES, found, action)
}

async fn builder_options(db: &Db) -> Result<Check> {
    let all = options::all(db.reader()).await?;
    let empty: Vec<String> = OptionKind::ALL
        .iter()
        .filter(|kind| !all.iter().any(|option| option.kind == **kind && option.is_active))
        .map(|kind| kind.as_str().to_string())
        .collect();
    let (category, name) = (Category::Database, OPTIONS);
    if empty.is_empty() {
        let active = all.iter().filter(|option| option.is_active).count();
        return Ok(Check::ok(
            category,
            name,
            format!("{active} active options in {} lists.", OptionKind::ALL.len()),
        ));
    }
    let found = format!("Nothing can be chosen in: {}.", empty.join(", "));
    let action = "Restart `sitewright serve`, which adds missing options; options that were deactivated have to be \
                  activated again.";
    Ok(Check::broken(category, name, found, action))
}

async fn prices(db: &Db) -> Result<Check> {
    let valid = credits::price_rows(db.reader()).await?;
    let missing: Vec<String> = PriceKind::ALL
        .iter()
        .filter(|kind| !valid.iter().any(|price| price.kind == **kind))
        .map(|kind| kind.as_str().to_string())
        .collect();
    let (category, name) = (Category::Database, PRICES);
    if missing.is_empty() {
        let all: Vec<String> = valid
            .iter()
            .map(|price| format!("{} {}", price.kind.as_str(), price.amount))
            .collect();
        return Ok(Check::ok(
            category,
            name,
            format!("Valid now, in credits: {}.", all.join(", ")),
        ));
    }
    let found = format!(
        "No price is valid now for: {}. Nothing of that kind can be started.",
        missing.join(", ")
    );
    let action = "Give each a price that is valid now; `sitewright serve` does it for kinds that never had one.";
    Ok(Check::broken(category, name, found, action))
}

async fn ledger(db: &Db) -> Result<Check> {
    let violations = invariants::verify(db).await?;
    let (category, name) = (Category::Credits, LEDGER);
    if violations.is_empty() {
        let found = format!("All {} invariants hold.", invariants::INVARIANTS.len());
        return Ok(Check::ok(category, name, found));
    }
    let found = format!("{} rows contradict the invariants.", violations.len());
    let details = violations
        .iter()
        .take(20)
        .map(|row| format!("{} ({}): {} {}", row.invariant, row.says, row.subject, row.detail))
        .collect();
    let action = "Stop starting jobs, keep a copy of the database, and run `sitewright ledger verify`: this is a bug \
                  or a change by hand, and the copy shows which.";
    Ok(Check::broken(category, name, found, action).with(details))
}
