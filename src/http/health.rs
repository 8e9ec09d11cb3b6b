//! Whether the process lives, and whether it can serve.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value, json};

use super::Web;
use crate::db::Db;
use crate::doctor;

const PATIENCE: Duration = Duration::from_secs(2);
/// How old the doctor's short answer may be before it is renewed: anybody may ask, and it costs some reads.
const FRESH: Duration = Duration::from_secs(1);
/// How long the doctor may take for it.
const LONGEST: Duration = Duration::from_secs(10);

/// The doctor's rows by name, as they were last seen: "ok", "warning" or "broken".
#[derive(Default)]
pub struct Kept(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    checks: Map<String, Value>,
    at: Option<Instant>,
    is_renewed: bool,
}

impl Kept {
    /// What is known, at once: a proxy takes out a server whose answer is slow, and a row may be slow because what it looks
    /// at is. Older rows are renewed behind the answer, by one at a time.
    fn checks(web: &Web) -> Map<String, Value> {
        let mut seen = web.health.0.lock();
        let is_stale = seen.at.is_none_or(|at| at.elapsed() >= FRESH);
        if is_stale && !seen.is_renewed {
            seen.is_renewed = true;
            let web = web.clone();
            tokio::spawn(async move {
                let asked = tokio::time::timeout(LONGEST, doctor::in_short(&web.api.app)).await;
                let checks = match asked {
                    Ok(rows) => rows.into_iter().map(|row| (row.name, json!(row.health))).collect(),
                    Err(_) => Map::from_iter([("database".to_string(), json!("broken"))]),
                };
                let at = Some(Instant::now());
                *web.health.0.lock() = Seen {
                    checks,
                    at,
                    is_renewed: false,
                };
            });
        }
        seen.checks.clone()
    }
}

/// The process answers; nothing else is asked.
pub async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// The database answers and has every table this program knows. What else the doctor sees at a glance stands beside it: a
/// server whose worker or Redis is gone serves on, and should not do so unseen.
pub async fn ready(State(web): State<Web>) -> Response {
    let reason = if web.shutdown.is_cancelled() {
        Some("the server is stopping".to_string())
    } else {
        let asked = tokio::time::timeout(PATIENCE, trouble(&web.api.app.db)).await;
        asked.unwrap_or_else(|_| Some("the database does not answer".to_string()))
    };
    match reason {
        None => Json(json!({ "status": "ready", "checks": Kept::checks(&web) })).into_response(),
        Some(reason) => {
            let body = Json(json!({ "status": "unready", "reason": reason }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

/// What stands in the way, in words without the cause: anybody may ask.
async fn trouble(db: &Db) -> Option<String> {
    if let Err(cause) = db.reader().execute_unprepared("SELECT 1").await {
        tracing::warn!(%cause, "not ready: the database cannot be reached");
        return Some("the database cannot be reached".to_string());
    }
    match db.migrations().await {
        Ok(all) if all.iter().all(|(_, is_applied)| *is_applied) => None,
        Ok(_) => Some("the database needs `sitewright migrate up`".to_string()),
        Err(_) => Some("the database's version cannot be read".to_string()),
    }
}
