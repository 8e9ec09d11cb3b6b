//! HTTP: every route on one screen, the layers around them, and serving until told to stop.
//!
//! Protocols only: what a request means is decided in `graphql`. TLS is absent: a proxy does that.

mod answer;
mod client_address;
mod cors;
mod gate;
mod graphiql;
mod graphql;
mod health;
mod identity;
mod keys;
mod listen;
mod live;
mod origin;
mod preview;
mod request;
mod socket;
mod streamed;
mod trace;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::app::App;
use crate::auth;
use crate::error::{Error, Result};
use crate::graphql::Api;
use crate::limits;
use client_address::Peer;
pub use listen::listen;

/// What handlers share.
#[derive(Clone)]
struct Web(Arc<Shared>);

struct Shared {
    api: Api,
    gate: Arc<gate::Gate>,
    /// Connections that stay open: axum forgets one that is upgraded, and a stream has to be told to end.
    open: TaskTracker,
    /// The credentials that they have shown.
    keys: keys::Keys,
    /// What an identity provider says of people; none where no provider is configured.
    jwts: Option<auth::Jwts>,
    shutdown: CancellationToken,
    health: health::Kept,
}

impl Deref for Web {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Every route.
fn router(web: Web) -> Router {
    let guarded = Router::new()
        .route(
            "/graphql",
            get(graphql::get).post(graphql::post).fallback(answer::no_such_method),
        )
        .route("/graphiql", get(graphiql::page))
        .route("/graphiql/explorer.js", get(graphiql::explorer))
        .route("/graphiql/dist/{file}", get(graphiql::file))
        .route("/preview/{site}", get(preview::home))
        .route("/preview/{site}/{slug}", get(preview::page))
        .fallback(answer::no_such_path)
        .layer(from_fn_with_state(web.clone(), origin::check))
        .layer(from_fn_with_state(web.clone(), gate::check))
        .layer(from_fn(preview::readable))
        .layer(cors::layer(&web.api.app.config.server))
        .layer(compression());
    let health = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready));
    let routes = match web.api.app.config.server.role.serves_the_api() {
        true => health.merge(guarded),
        false => health.fallback(answer::no_such_path),
    };
    routes.layer(from_fn(trace::observe)).with_state(web)
}

/// Answers worth compressing; events of a stream must leave as they come.
fn compression() -> CompressionLayer<impl Predicate> {
    let worth = SizeAbove::new(answer::WORTH_COMPRESSING)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("multipart/mixed"))
        .and(NotForContentType::IMAGES);
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(worth)
}

/// Serves until `shutdown`, then lets requests finish and closes the sockets, within the configured time.
pub async fn serve(app: App, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
    let patience = Duration::from_millis(app.config.server.shutdown_ms);
    let streams = app.config.streams.clone();
    let (db, bus) = (app.db.clone(), app.bus.clone());
    let jwts = auth::Jwts::new(&app.config.auth, &bus, app.config.credits.initial).await?;
    let (open, keys) = (TaskTracker::new(), keys::Keys::default());
    let gate = Arc::new(gate::Gate::new(&app.config));
    let sharing = limits::share(gate.limits.clone(), app.redis.clone());
    let web = Web(Arc::new(Shared {
        api: Api::new(app)?,
        gate,
        open: open.clone(),
        keys: keys.clone(),
        jwts: jwts.clone(),
        shutdown: shutdown.clone(),
        health: health::Kept::default(),
    }));
    let told = shutdown.clone();
    let door = listen::Door::new(listener, streams.write());
    let service = router(web).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(door, service).with_graceful_shutdown(told.cancelled_owned());
    let everything = async {
        server
            .await
            .map_err(|cause| Error::internal(format!("the HTTP server failed: {cause}")))?;
        open.close();
        open.wait().await;
        Ok(())
    };
    let too_long = async {
        shutdown.cancelled().await;
        tokio::time::sleep(patience).await;
    };
    tokio::select! {
        outcome = everything => outcome,
        () = keys.look_after(&db, &bus, streams.keys()) => Ok(()),
        () = keep_fresh(jwts) => Ok(()),
        () = sharing => Ok(()),
        () = too_long => {
            tracing::warn!("some connections did not end in time and were dropped");
            Ok(())
        }
    }
}

/// Keeps the keys of the identity provider up to date; never ends.
async fn keep_fresh(jwts: Option<auth::Jwts>) {
    match jwts {
        Some(jwts) => jwts.keep().await,
        None => std::future::pending().await,
    }
}
