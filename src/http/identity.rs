//! Whom a request runs as: the local account on a server without keys, else the account of its Bearer key.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::app::App;
use crate::auth::{self, Caller};
use crate::config::AuthMode;
use crate::error::Result;

/// What to tell somebody without a good key.
pub const NO_KEY: &str = "This server needs an API key: send `Authorization: Bearer sw_live_…`. Make one with \
    `sitewright key create`, or with the mutation createApiKey.";

/// The caller behind the headers of a request; none without a good key.
pub async fn of_headers(app: &App, headers: &HeaderMap) -> Result<Option<Caller>> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    of_authorization(app, header).await
}

/// The caller behind the text of an Authorization header.
pub async fn of_authorization(app: &App, text: Option<&str>) -> Result<Option<Caller>> {
    if app.config.auth.mode == AuthMode::Open {
        return Ok(Some(Caller::local(app.local_account)));
    }
    let bearer = text.and_then(|text| text.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match bearer {
        Some((_, secret)) => app.db.unless_away(auth::authenticate(&app.db, secret.trim())).await,
        None => Ok(None),
    }
}
