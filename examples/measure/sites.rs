//! Sites to work on, made in this process at full speed.

use futures::StreamExt;
use serde_json::json;
use sitewright::app::App;
use sitewright::boot::{self, Running};
use sitewright::config::{self, Config, Source};
use sitewright::entities::{HostingType, page};
use sitewright::events::{After, JobBody, JobEvent};
use sitewright::{generation, sites};
use uuid::Uuid;

use crate::Outcome;

/// How many things are done at a time while sites are prepared, and how many connections the pool has.
pub const CONNECTIONS: usize = 20;

/// The defaults with a writer at full speed and with caps that are in nobody's way.
pub fn config(database: &str) -> Outcome<Config> {
    let mut config = config::load(&Source::default())?;
    config.database.url = database.to_string();
    config.database.max_connections = CONNECTIONS as u32;
    config.ai.offline_tokens_per_second = 0;
    config.credits.initial = 100_000_000;
    (config.limits.running_per_account, config.limits.queued_per_account) = (10_000, 10_000);
    Ok(config)
}

/// A process that runs jobs, here.
pub async fn running(config: Config) -> Outcome<Running> {
    let app = boot::open(config).await.map_err(|error| error.cause())?;
    Ok(boot::start(app).await.map_err(|error| error.cause())?)
}

pub async fn create(app: &App, account: Uuid) -> Outcome<Uuid> {
    let brief = json!({ "businessName": "Rye & Shine", "summary": "A sourdough bakery in Leith.", "language": "en" });
    let new = sites::NewBlueprint {
        name: "Rye & Shine".to_string(),
        description: String::new(),
        brief: serde_json::from_value(brief)?,
        hosting_type: HostingType::BuiltIn,
    };
    let site = sites::create_blueprint(&app.db, &app.bus, account, new).await;
    Ok(site.map_err(|error| error.cause())?.id)
}

/// So many sites of an account, not planned yet.
pub async fn many(app: &App, account: Uuid, count: usize) -> Outcome<Vec<Uuid>> {
    let made = futures::stream::iter(0..count).map(|_| create(app, account));
    let made: Vec<_> = made.buffered(CONNECTIONS).collect().await;
    made.into_iter().collect()
}

/// Plans sites; they come back with the first page of each.
pub async fn planned(app: &App, account: Uuid, sites: &[Uuid]) -> Outcome<Vec<page::Model>> {
    let plan = async |site: Uuid| {
        let key = Uuid::new_v4().to_string();
        let started = generation::start_structure(app, account, site, &key, None).await;
        finished(app, started.map_err(|error| error.cause())?.jobs[0].id).await?;
        let pages = sites::store::pages_of(app.db.reader(), site).await;
        let page = pages.map_err(|error| error.cause())?.into_iter().next();
        page.ok_or_else(|| "a plan without pages".into())
    };
    let pages = futures::stream::iter(sites).map(|site| plan(*site));
    let pages: Vec<Outcome<page::Model>> = pages.buffered(CONNECTIONS).collect().await;
    pages.into_iter().collect()
}

/// Watches a job to its end, as a client would.
pub async fn finished(app: &App, job: Uuid) -> Outcome<()> {
    let mut feed = Box::pin(app.feeds.job(job, After::Start));
    while let Some(item) = feed.next().await {
        if let JobBody::Event(JobEvent::Finished { .. }) = item.map_err(|error| error.cause())?.body {
            return Ok(());
        }
    }
    Err("a stream ended without its last event".into())
}
