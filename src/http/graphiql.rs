//! GraphiQL at `/graphiql`, from files inside this program: it works without internet access.
//!
//! The third-party files are installed at build time and not committed. A program built without them serves a page
//! that loads GraphiQL from a public CDN, and says so once.

use std::sync::Once;

use async_graphql::http::GraphiQLSource;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

/// What `make graphiql` installed before the build; a README alone otherwise.
#[derive(RustEmbed)]
#[folder = "assets/graphiql/dist"]
struct Dist;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/graphiql/index.html"));
const EXPLORER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/graphiql/explorer.js"));

static MISSING: Once = Once::new();

pub async fn page() -> Response {
    if Dist::get("graphiql.js").is_some() {
        return document(PAGE.to_string());
    }
    MISSING.call_once(|| {
        tracing::warn!(
            "this build has no GraphiQL files: /graphiql loads them from a CDN. Run `make graphiql` and build again."
        );
    });
    let page = GraphiQLSource::build()
        .endpoint("/graphql")
        .subscription_endpoint("/graphql");
    document(page.title("Sitewright: GraphiQL").finish())
}

/// Never within another page: what is typed here runs with the credential that was entered here.
fn document(html: String) -> Response {
    let headers = [(X_FRAME_OPTIONS, "DENY"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, Html(html)).into_response()
}

pub async fn explorer() -> Response {
    file_of("explorer.js", EXPLORER.as_bytes())
}

pub async fn file(Path(name): Path<String>) -> Response {
    match Dist::get(&name) {
        Some(file) => file_of(&name, &file.data),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn file_of(name: &str, bytes: &[u8]) -> Response {
    let media_type = match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    let headers = [
        (CONTENT_TYPE, media_type),
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, bytes.to_vec()).into_response()
}
