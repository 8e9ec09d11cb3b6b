//! One brief after the other: start, wait for the end, measure what is there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use futures::StreamExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::Args;
use super::table::{Line, Table};
use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::generate::brief_file::{self, BriefFile};
use crate::cli::generate::choices;
use crate::cli::generate::scratch::Scratch;
use crate::config::Config;
use crate::entities::{HostingType, JobState, job};
use crate::error::Error;
use crate::events::{After, JobBody, JobEvent};
use crate::ids::new_id;
use crate::quality;
use crate::sites::{self, NewBlueprint, store};
use crate::{boot, generation, jobs, options};

/// More than any number of sites costs: nobody pays here.
const CREDITS: i64 = 1_000_000_000;
/// What a cancelled run ends with, as after any program that Ctrl-C ended.
const CANCELLED: u8 = 130;

/// Runs the command.
pub async fn run(mut config: Config, args: Args) -> Result<ExitCode, Failure> {
    let files = read(&args.briefs)?;
    let scratch =
        Scratch::make().map_err(|cause| Failure::broken(format!("A temporary folder cannot be made: {cause}.")))?;
    config.database.url = scratch.database_url();
    config.ai.offline_tokens_per_second = 0;
    config.jobs.concurrency = config.jobs.concurrency.max(1);
    config.credits.initial = CREDITS;
    // Nobody else watches, so nobody else needs to hear.
    config.redis.url = String::new();
    let app = boot::open(config).await?;
    let outcome = match boot::start(app.clone()).await {
        Ok(running) => {
            let outcome = all(&app, &args, &files).await;
            running.stop().await;
            outcome
        }
        Err(error) => Err(error.into()),
    };
    app.db.close().await;
    drop(scratch);
    outcome
}

/// Every brief, with the name of its file. All are read before the first is written: a typing error is cheap now.
fn read(places: &[PathBuf]) -> Result<Vec<(String, BriefFile)>, Failure> {
    let mut files = Vec::new();
    for place in places {
        if place.is_dir() {
            let mut found = Vec::new();
            for entry in std::fs::read_dir(place)? {
                let path = entry?.path();
                if path.extension().is_some_and(|extension| extension == "toml") {
                    found.push(path);
                }
            }
            if found.is_empty() {
                let message = format!("There are no brief files (*.toml) in {}.", place.display());
                return Err(Failure::bad_input(message));
            }
            found.sort();
            files.extend(found);
        } else {
            files.push(place.clone());
        }
    }
    let named = |path: &PathBuf| Ok((name_of(path), brief_file::read(path)?));
    files.iter().map(named).collect()
}

fn name_of(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

async fn all(app: &App, args: &Args, files: &[(String, BriefFile)]) -> Result<ExitCode, Failure> {
    let mut table = Table::new(args.json, app.ai.name());
    for (name, file) in files {
        let line = one(app, args, name, file).await?;
        let is_cancelled = line.state == JobState::Cancelled;
        table.add(line);
        if is_cancelled {
            table.end();
            return Ok(ExitCode::from(CANCELLED));
        }
    }
    table.end();
    match table.failed() {
        0 => Ok(ExitCode::SUCCESS),
        failed => Err(Failure::generation_failed(format!(
            "{failed} of {} generations failed.",
            files.len()
        ))),
    }
}

async fn one(app: &App, args: &Args, name: &str, file: &BriefFile) -> Result<Line, Failure> {
    let chosen = choices::resolve(file, &options::all(app.db.reader()).await?)?;
    let new = NewBlueprint {
        name: file.name.clone(),
        description: file.description.clone(),
        brief: chosen.brief,
        hosting_type: HostingType::BuiltIn,
    };
    let site = sites::create_blueprint(&app.db, &app.bus, app.local_account, new).await?;
    let start = Instant::now();
    let key = new_id().to_string();
    let started = generation::start_site(app, app.local_account, site.id, &key, None, args.max_pages).await?;
    let root = started
        .jobs
        .first()
        .ok_or_else(|| Error::internal("a start without a job"))?;
    ended(app, root.id).await?;
    measure(app, name, site.id, root.id, start.elapsed().as_secs_f64()).await
}

/// Waits for the job's last event; Ctrl-C cancels it, and then it ends too.
async fn ended(app: &App, root: Uuid) -> Result<(), Failure> {
    let mut feed = Box::pin(app.feeds.job(root, After::Start));
    let mut is_cancelled = false;
    loop {
        let item = tokio::select! {
            item = feed.next() => item,
            _ = tokio::signal::ctrl_c(), if !is_cancelled => {
                is_cancelled = true;
                jobs::cancel(&app.engine, app.local_account, root).await?;
                continue;
            }
        };
        let item = item.ok_or_else(|| Error::internal("the events of a job ended before it did"))??;
        if matches!(item.body, JobBody::Event(JobEvent::Finished { .. })) {
            return Ok(());
        }
    }
}

async fn measure(app: &App, name: &str, site: Uuid, root: Uuid, seconds: f64) -> Result<Line, Failure> {
    let reader = app.db.reader();
    let missing = || Error::internal("the site of this run is gone");
    let blueprint = store::blueprint(reader, app.local_account, site)
        .await?
        .ok_or_else(missing)?;
    let pages = store::pages_of(reader, site).await?;
    let ids: Vec<Uuid> = pages.iter().map(|page| page.id).collect();
    let blocks = store::blocks_of(reader, &ids).await?;
    let jobs = job::Entity::find()
        .filter(job::Column::BlueprintId.eq(site))
        .all(reader)
        .await;
    let jobs = jobs.map_err(Error::from)?;
    let root = jobs.iter().find(|job| job.id == root).ok_or_else(missing)?;
    let own = |job: &&job::Model| job.error_code.is_some() && job.parent_id.is_some();
    let failed = jobs.iter().find(own).unwrap_or(root);
    let titles = pages.iter().map(|page| (page.id, page.title.clone())).collect();
    Ok(Line {
        brief: name.to_string(),
        model: jobs.iter().find_map(|job| job.model.clone()),
        state: root.state,
        error: failed.error_code.clone().zip(failed.error_message.clone()),
        pages: pages.len(),
        blocks: blocks.iter().filter(|block| block.content.is_some()).count(),
        report: quality::Site::of(&blueprint, &pages, &blocks).report(),
        titles,
        prompt_tokens: jobs.iter().map(|job| job.prompt_tokens).sum(),
        completion_tokens: jobs.iter().map(|job| job.completion_tokens).sum(),
        seconds,
    })
}
