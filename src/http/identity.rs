//! Whom a request runs as: the local account on a server without keys, else whoever is behind what was shown.
//!
//! A credential is shown in the `Authorization` header or in `connection_init`. A watch token may also stand in the
//! address, as `?watch=…`, because an `EventSource` and a link can send nothing else; no other credential may.

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::client_address::ClientAddress;
use super::trace::RequestId;
use super::{Web, answer, gate};
use crate::auth::{self, Caller, Denied, Mark, Verdict};
use crate::config::AuthMode;
use crate::error::Result;
use crate::graphql::Code;

/// What to tell somebody whose credential ended while a connection was open.
pub const GONE: &str = "The credential of this connection was revoked or has expired. Come back with another one.";

/// The caller behind a request; who comes from an address that shows many wrong credentials may have to wait.
pub async fn of_request(web: &Web, from: ClientAddress, headers: &HeaderMap, watch: Option<&str>) -> Result<Verdict> {
    let outcome = of_headers(web, headers, watch).await;
    web.gate
        .note(from, gate::Shown::of(headers, watch), gate::Found::of(&outcome));
    outcome
}

/// The caller behind the headers of a request, and behind the watch token of its address.
async fn of_headers(web: &Web, headers: &HeaderMap, watch: Option<&str>) -> Result<Verdict> {
    let header = headers.get(AUTHORIZATION);
    let Some(header) = header else {
        return match watch {
            Some(token) => of_watch_token(web, token).await,
            None => of_authorization(web, None).await,
        };
    };
    // What is not text is no credential.
    of_authorization(web, Some(header.to_str().unwrap_or("?"))).await
}

/// What a request shows in its Authorization header.
pub fn shown(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
}

/// The caller behind the text of an Authorization header.
pub async fn of_authorization(web: &Web, text: Option<&str>) -> Result<Verdict> {
    let bearer = text.and_then(|text| text.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let secret = bearer.map(|(_, secret)| secret.trim());
    // Also without keys a watch token reaches no more than it says: what works here works where keys are asked for.
    let is_watch = secret.is_some_and(|secret| Mark::of(secret) == Some(Mark::Watch));
    let app = &web.api.app;
    if app.config.auth.mode == AuthMode::Open && !is_watch {
        return Ok(Ok(Caller::local(app.local_account)));
    }
    let Some(secret) = secret else {
        return Ok(match text {
            Some(_) => told(Err(Denied::Malformed)),
            None => Err(Denied::Nothing),
        });
    };
    known(web, secret).await
}

async fn of_watch_token(web: &Web, token: &str) -> Result<Verdict> {
    match Mark::of(token) {
        Some(Mark::Watch) => known(web, token).await,
        // An API key in an address is in the logs of every proxy.
        _ => Ok(told(Err(Denied::Malformed))),
    }
}

async fn known(web: &Web, secret: &str) -> Result<Verdict> {
    let db = &web.api.app.db;
    let verdict = db
        .unless_away(auth::authenticate(db, web.jwts.as_ref(), secret))
        .await?;
    Ok(told(verdict))
}

fn told(verdict: Verdict) -> Verdict {
    if let Err(denied) = &verdict {
        tracing::info!(cause = denied.cause(), "a credential was refused");
    }
    verdict
}

/// The answer to somebody who is not let in.
pub fn refusal(denied: Denied, id: &RequestId) -> Response {
    let mut response = answer::refuse(StatusCode::UNAUTHORIZED, Code::Unauthenticated, denied.sentence(), id);
    let challenge = match denied {
        Denied::Nothing => HeaderValue::from_static("Bearer"),
        _ => HeaderValue::from_static("Bearer error=\"invalid_token\""),
    };
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
