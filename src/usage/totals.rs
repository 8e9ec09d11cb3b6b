//! Sums over calls, by job and by day. The caller's account is part of every question.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use uuid::Uuid;

use crate::db::{marks, sql};
use crate::error::{Instant, Result};

/// What some calls took together.
#[derive(Debug, Clone, Default, PartialEq, FromQueryResult)]
pub struct Total {
    pub calls: i64,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    /// Millionths of a US dollar, of those calls whose model has a price.
    pub cost_micros: i64,
    /// Calls whose model has no price.
    pub unpriced: i64,
    /// One of the models that answered.
    pub model: Option<String>,
}

/// The calls that ended on a day, in UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// Such as `2026-11-27`.
    pub date: String,
    pub total: Total,
}

const SUMS: &str = "count(*) AS calls, CAST(COALESCE(sum(prompt_tokens), 0) AS bigint) AS prompt_tokens, \
                    CAST(COALESCE(sum(completion_tokens), 0) AS bigint) AS completion_tokens, \
                    CAST(COALESCE(sum(cost_micros), 0) AS bigint) AS cost_micros, \
                    count(*) - count(cost_micros) AS unpriced, max(model) AS model";

/// The sums of the account's jobs; a job without calls is not among them.
pub async fn of_jobs(connection: &impl ConnectionTrait, account: Uuid, jobs: &[Uuid]) -> Result<HashMap<Uuid, Total>> {
    if jobs.is_empty() {
        return Ok(HashMap::new());
    }
    let text = format!(
        "SELECT job_id, {SUMS} FROM model_calls WHERE account_id = $1 AND job_id IN ({}) GROUP BY job_id",
        marks(2, jobs.len())
    );
    let values = std::iter::once(account).chain(jobs.iter().copied()).map(Into::into);
    let rows = connection.query_all_raw(sql(connection, &text, values)).await?;
    let total = |row: &sea_orm::QueryResult| Ok((row.try_get("", "job_id")?, Total::from_query_result(row, "")?));
    rows.iter().map(total).collect()
}

/// The days between two moments on which calls of the account ended, the first first.
pub async fn by_day(connection: &impl ConnectionTrait, account: Uuid, from: Instant, to: Instant) -> Result<Vec<Day>> {
    let date = match connection.get_database_backend() {
        DbBackend::Postgres => "to_char(ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        _ => "substr(ended_at, 1, 10)",
    };
    let text = format!(
        "SELECT {date} AS date, {SUMS} FROM model_calls WHERE account_id = $1 AND ended_at >= $2 AND ended_at < $3 \
         GROUP BY 1 ORDER BY 1"
    );
    let values = [account.into(), from.into(), to.into()];
    let rows = connection.query_all_raw(sql(connection, &text, values)).await?;
    let day = |row: &sea_orm::QueryResult| {
        Ok(Day {
            date: row.try_get("", "date")?,
            total: Total::from_query_result(row, "")?,
        })
    };
    rows.iter().map(day).collect()
}
