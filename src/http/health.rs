//! Whether the process lives, and whether it can serve.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::Web;
use crate::db::Db;

const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers; nothing else is asked.
pub async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// The database answers and has every table this program knows.
pub async fn ready(State(web): State<Web>) -> Response {
    let reason = if web.shutdown.is_cancelled() {
        Some("the server is stopping".to_string())
    } else {
        let asked = tokio::time::timeout(PATIENCE, trouble(&web.api.app.db)).await;
        asked.unwrap_or_else(|_| Some("the database does not answer".to_string()))
    };
    match reason {
        None => Json(json!({ "status": "ready" })).into_response(),
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
