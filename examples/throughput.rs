//! How fast the whole pipeline is, measured in one process: a site of six pages, and 200 jobs at once.
//!
//! `cargo run --release --example throughput [DATABASE_URL]`. Without a URL it uses a temporary SQLite
//! file. The offline writer runs at full speed, so what is left is ours: queue, checkpoints, events.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::json;
use sitewright::app::App;
use sitewright::config::{self, Source};
use sitewright::entities::{HostingType, JobState};
use sitewright::events::{After, JobBody, JobEvent};
use sitewright::{boot, generation, jobs, sites};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = std::env::temp_dir().join(format!("sitewright-throughput-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let url = std::env::args()
        .nth(1)
        .unwrap_or(format!("sqlite://{}/test.db", folder.display()));
    let mut config = config::load(&Source::default())?;
    config.database.url.clone_from(&url);
    config.ai.offline_tokens_per_second = 0;
    config.credits.initial = 1_000_000;
    (config.limits.running_per_account, config.limits.queued_per_account) = (1_000, 1_000);
    let app = boot::open(config).await.map_err(|error| error.cause())?;
    let running = boot::start(app.clone()).await.map_err(|error| error.cause())?;

    println!("database: {}", if app.db.is_postgres() { "Postgres" } else { "SQLite" });
    let started = Instant::now();
    let site = site(&app).await?;
    let job = start(&app, site, 6).await?;
    finished(&app, job).await?;
    println!(
        "a site of six pages, structure included: {:.2} s",
        started.elapsed().as_secs_f64()
    );

    two_hundred(&app).await?;
    let violations = jobs::invariants::verify(&app.db).await.map_err(|error| error.cause())?;
    println!("invariants broken: {}", violations.len());
    running.stop().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// 200 structure jobs, each on a site of its own, all queued before the first is awaited.
async fn two_hundred(app: &App) -> Outcome<()> {
    let mut sites = Vec::new();
    for _ in 0..200 {
        sites.push(site(app).await?);
    }
    let started = Instant::now();
    let mut jobs = Vec::new();
    for site in sites {
        let key = Uuid::now_v7().to_string();
        let started = generation::start_structure(app, app.local_account, site, &key, None).await;
        jobs.push(started.map_err(|error| error.cause())?.jobs[0].id);
    }
    println!("200 jobs accepted: {:.2} s", started.elapsed().as_secs_f64());
    for job in jobs {
        finished(app, job).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("200 jobs finished: {seconds:.2} s ({:.0} jobs/s)", 200.0 / seconds);
    Ok(())
}

async fn site(app: &App) -> Outcome<Uuid> {
    let brief = json!({ "businessName": "Rye & Shine", "summary": "A sourdough bakery in Leith.", "language": "en" });
    let new = sites::NewBlueprint {
        name: "Rye & Shine".to_string(),
        description: String::new(),
        brief: serde_json::from_value(brief)?,
        hosting_type: HostingType::BuiltIn,
    };
    let site = sites::create_blueprint(&app.db, &app.bus, app.local_account, new).await;
    Ok(site.map_err(|error| error.cause())?.id)
}

async fn start(app: &App, site: Uuid, pages: i64) -> Outcome<Uuid> {
    let key = Uuid::now_v7().to_string();
    let started = generation::start_site(app, app.local_account, site, &key, None, pages).await;
    Ok(started.map_err(|error| error.cause())?.jobs[0].id)
}

/// Watches a job to its end, as a client would.
async fn finished(app: &App, job: Uuid) -> Outcome<()> {
    let mut feed = Box::pin(app.feeds.job(job, After::Start));
    loop {
        let next = tokio::time::timeout(Duration::from_secs(120), feed.next()).await?;
        let item = next
            .ok_or("the stream ended without a terminal event")?
            .map_err(|error| error.cause())?;
        if let JobBody::Event(JobEvent::Finished { state, .. }) = item.body {
            return if state == JobState::Succeeded {
                Ok(())
            } else {
                Err("a job did not succeed".into())
            };
        }
    }
}
