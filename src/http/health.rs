//! Whether the process lives, and whether it can serve.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::Web;
use crate::app::App;
use crate::db::Db;
use crate::doctor;

const PATIENCE: Duration = Duration::from_secs(2);
/// For how long the doctor's short answer is given again: anybody may ask, and it costs some reads.
const FRESH: Duration = Duration::from_secs(1);

/// The doctor's rows by name: "ok", "warning" or "broken".
#[derive(Default)]
pub struct Kept(Mutex<Option<(Instant, Map<String, Value>)>>);

impl Kept {
    /// One asks; whoever comes meanwhile waits for the same answer.
    async fn checks(&self, app: &App) -> Map<String, Value> {
        let mut kept = self.0.lock().await;
        if let Some((at, checks)) = &*kept
            && at.elapsed() < FRESH
        {
            return checks.clone();
        }
        let rows = doctor::in_short(app).await;
        let checks: Map<_, _> = rows.into_iter().map(|row| (row.name, json!(row.health))).collect();
        *kept = Some((Instant::now(), checks.clone()));
        checks
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
        None => {
            let checks = tokio::time::timeout(PATIENCE, web.health.checks(&web.api.app)).await;
            Json(json!({ "status": "ready", "checks": checks.unwrap_or_default() })).into_response()
        }
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
