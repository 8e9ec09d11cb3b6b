//! The pages of other sites that may ask: a list in the configuration, empty by default.
//!
//! A page outside the list is not told anything by its browser. Credentials are headers here, never cookies, so nothing
//! is sent along unasked.

use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::Server;

/// How long a browser remembers what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Answers the questions of browsers for the sites that may ask.
pub fn layer(server: &Server) -> CorsLayer {
    let header = |name| HeaderName::from_static(name);
    let allowed = [
        ACCEPT,
        AUTHORIZATION,
        CONTENT_TYPE,
        header("last-event-id"),
        header("x-request-id"),
    ];
    CorsLayer::new()
        .allow_origin(origins(server))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(allowed)
        .expose_headers([header("x-request-id"), RETRY_AFTER])
        .max_age(REMEMBERED)
}

fn origins(server: &Server) -> AllowOrigin {
    if allowed(server).any(|origin| origin == "*") {
        return AllowOrigin::any();
    }
    AllowOrigin::list(allowed(server).filter_map(|origin| HeaderValue::from_str(origin).ok()))
}

/// The origins of the configuration.
pub fn allowed(server: &Server) -> impl Iterator<Item = &str> {
    let origins = server.cors_origins.split(',');
    origins.map(str::trim).filter(|origin| !origin.is_empty())
}
