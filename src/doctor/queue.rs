//! What waits, and for how long: a queue that only grows is seen before its owner complains.

use chrono::TimeDelta;

use super::database::told;
use super::report::{Category, Check};
use crate::db::{Db, now, rows};
use crate::error::{Instant, Result};

pub const NAME: &str = "queue";
/// A job that could run and has waited for so long is a sign of too few workers.
const LONG: TimeDelta = TimeDelta::seconds(60);

/// `offset`: how much the database's clock is ahead of ours.
pub async fn check(db: &Db, running_per_account: i64, offset: TimeDelta) -> Check {
    told(Category::Workers, NAME, look(db, running_per_account, offset).await)
}

async fn look(db: &Db, running_per_account: i64, offset: TimeDelta) -> Result<Check> {
    // An account at its own limit waits for itself, whatever the workers do.
    let text = "SELECT count(*) AS queued, \
                COALESCE(SUM(CASE WHEN j.run_at > {now} THEN 1 ELSE 0 END), 0) AS later, \
                MIN(CASE WHEN j.run_at <= {now} AND a.running < $1 THEN j.run_at END) AS oldest \
                FROM jobs j JOIN accounts a ON a.id = j.account_id WHERE j.state = 'queued'";
    let row = rows(db.reader(), text, [running_per_account.into()]).await?.pop();
    let Some(row) = row else {
        return Ok(Check::ok(Category::Workers, NAME, "Empty."));
    };
    let (queued, later): (i64, i64) = (row.try_get("", "queued")?, row.try_get("", "later")?);
    if queued == 0 {
        return Ok(Check::ok(Category::Workers, NAME, "Empty."));
    }
    let oldest: Option<Instant> = row.try_get("", "oldest")?;
    let wait = oldest.map_or(TimeDelta::zero(), |since| {
        (now() + offset - since).max(TimeDelta::zero())
    });
    let seconds = wait.num_milliseconds() as f64 / 1_000.0;
    let found = format!(
        "{queued} queued, {later} of them for a later attempt; the oldest that could run waits {seconds:.1} s."
    );
    if wait < LONG {
        return Ok(Check::ok(Category::Workers, NAME, found));
    }
    let action = "Start more workers, or raise jobs.concurrency: every slot is taken, or no worker is alive.";
    Ok(Check::warning(Category::Workers, NAME, found, action))
}
