//! Statements that need a lock, a clock or a guard are written as SQL, once for both databases; here is what differs.

use std::collections::HashSet;
use std::hash::Hash;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

/// A statement with values in the placeholders `$1`, `$2`, …, on either database.
///
/// `{now}` is the database's clock on Postgres and ours on SQLite; `{now+$3}` adds that many milliseconds;
/// `{lock}` and `{skip locked}` lock the rows that a SELECT returns where row locks exist.
pub fn sql(connection: &impl ConnectionTrait, text: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    let backend = connection.get_database_backend();
    Statement::from_sql_and_values(backend, dialect(backend, text), values)
}

fn dialect(backend: DbBackend, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        let end = rest[start..].find('}').map_or(rest.len(), |at| start + at);
        let word = &rest[start + 1..end];
        let postgres = backend == DbBackend::Postgres;
        match (word, postgres) {
            ("now", true) => out.push_str("clock_timestamp()"),
            ("now", false) => out.push_str("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"),
            // Not FOR UPDATE: that would also wait for every insert that refers to the row.
            ("lock", true) => out.push_str("FOR NO KEY UPDATE"),
            ("skip locked", true) => out.push_str("FOR NO KEY UPDATE SKIP LOCKED"),
            ("lock" | "skip locked", false) => {}
            (word, postgres) => match word.strip_prefix("now+") {
                Some(ms) if postgres => {
                    out.push_str(&format!(
                        "clock_timestamp() + make_interval(secs => {ms}::bigint / 1000.0)"
                    ));
                }
                Some(ms) => out.push_str(&format!(
                    "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', ({ms} / 1000.0) || ' seconds')"
                )),
                None => out.push_str(&rest[start..=end.min(rest.len() - 1)]),
            },
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// `$3, $4, $5`: so many placeholders from the first one on, for a list in a statement.
pub fn marks(first: usize, count: usize) -> String {
    let marks: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    marks.join(", ")
}

/// Each of these once, and the last again up to a power of two: a statement is planned anew for each length of its lists.
pub fn few_lengths<T: Clone + Eq + Hash>(values: &[T]) -> Vec<T> {
    let mut seen = HashSet::with_capacity(values.len());
    let mut all: Vec<T> = values.iter().filter(|value| seen.insert(*value)).cloned().collect();
    if let Some(last) = all.last().cloned() {
        all.resize(all.len().next_power_of_two(), last);
    }
    all
}

/// `($3, $4), ($5, $6)`: places for rows of values, which join those that there are.
///
/// In `FROM (VALUES …) AS new` both databases call the columns `column1`, `column2` and so on.
pub fn places<const N: usize>(values: &mut Vec<Value>, rows: impl IntoIterator<Item = [Value; N]>) -> String {
    let mut places = Vec::new();
    for row in rows {
        places.push(format!("({})", marks(values.len() + 1, N)));
        values.extend(row);
    }
    places.join(", ")
}

/// The rows of a guarded `UPDATE … RETURNING`, or none when the guard did not hold.
pub async fn rows(
    connection: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(sql(connection, text, values)).await
}

/// Runs a statement and says how many rows it touched.
pub async fn execute(
    connection: &impl ConnectionTrait,
    text: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    Ok(connection
        .execute_raw(sql(connection, text, values))
        .await?
        .rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_the_databases_own() {
        let text = "UPDATE t SET a = {now}, b = {now+$2} WHERE id IN (SELECT id FROM t {skip locked})";
        let postgres = dialect(DbBackend::Postgres, text);
        assert!(
            postgres.contains("clock_timestamp() + make_interval(secs => $2::bigint / 1000.0)"),
            "{postgres}"
        );
        assert!(postgres.ends_with("FOR NO KEY UPDATE SKIP LOCKED)"), "{postgres}");
        let sqlite = dialect(DbBackend::Sqlite, text);
        assert!(
            sqlite.contains("($2 / 1000.0) || ' seconds'") && sqlite.ends_with("FROM t )"),
            "{sqlite}"
        );
        assert_eq!(dialect(DbBackend::Sqlite, "SELECT '{}' FROM t"), "SELECT '{}' FROM t");
    }
}
