//! `sitewright serve`: everything in one process until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use crate::config::{AuthMode, Config};
use crate::{auth, boot, http};

pub async fn run(config: Config) -> Result<(), Failure> {
    let address = config.server.listen;
    let listener = http::listen(address).map_err(|cause| {
        Failure::bad_input(format!(
            "{address} cannot be listened on ({cause}). Stop what uses it, or set server.listen to another address."
        ))
    })?;
    let address = listener.local_addr()?;
    let database = config.database.clone();
    let app = boot::open(config).await;
    let app = app.map_err(|error| super::unopened(&database, &error))?;
    let shutdown = CancellationToken::new();
    tokio::spawn(signals(shutdown.clone()));
    #[cfg(feature = "faults")]
    tokio::spawn(crate::faults::census());
    let running = boot::start(app).await?;
    greet(&running.app, address).await;
    let told = shutdown.clone();
    // Jobs are given back while connections end: one slow client must not cost the jobs their time.
    let stop = async {
        told.cancelled().await;
        let jobs = running.app.engine.held_count();
        tracing::info!(
            jobs,
            "stopping; running jobs may go on for a moment, a second signal ends at once"
        );
        running.app.shutdown.cancel();
        running.app.engine.drain().await;
    };
    let (served, ()) = tokio::join!(
        async {
            let served = http::serve(running.app.clone(), listener, shutdown.clone()).await;
            // A server that fell is a reason to stop as well.
            shutdown.cancel();
            served
        },
        stop
    );
    running.stop().await;
    tracing::info!("stopped");
    Ok(served?)
}

async fn greet(app: &crate::app::App, address: std::net::SocketAddr) {
    let jobs = app.engine.config().concurrency;
    let (provider, role) = (app.ai.name(), app.config.server.role);
    if !role.serves_the_api() {
        tracing::info!(%address, role = role.as_str(), provider, jobs, "serving; this process runs jobs");
        return;
    }
    let role = role.as_str();
    tracing::info!(%address, role, provider, jobs, "serving; GraphiQL is at http://{address}/graphiql");
    if app.config.auth.mode == AuthMode::Keys {
        match auth::has_a_key(&app.db).await {
            Ok(true) => tracing::info!("an API key is required"),
            Ok(false) => tracing::warn!(
                "an API key is required and there is none yet; make the first with: sitewright key create --name NAME"
            ),
            Err(error) => tracing::warn!(cause = error.cause(), "API keys could not be looked at"),
        }
    }
}

/// The first signal asks for an orderly end, the second one does not ask.
async fn signals(shutdown: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("signals cannot be heard; stop the server by killing it");
        return;
    };
    for is_first in [true, false] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if !is_first {
            std::process::exit(130);
        }
        shutdown.cancel();
    }
}
