//! The run itself: check, open, start, follow, write, sum up, and stop in order, whatever happens in between.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use futures::StreamExt;
use sea_orm::EntityTrait;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::board::{Board, Step};
use super::brief_file::{self, BriefFile};
use super::choices::{self, Chosen};
use super::command::Args;
use super::export;
use super::files;
use super::scratch::Scratch;
use super::show::Show;
use super::summary::{Summary, Unconfirmed};
use crate::app::App;
use crate::cli::failure::Failure;
use crate::config::{self, Config, Source};
use crate::entities::{HostingType, JobState, account, blueprint, job};
use crate::error::Error;
use crate::events::After;
use crate::export::Site;
use crate::ids::{GlobalId, IdKind, new_id};
use crate::sites::{self, NewBlueprint};
use crate::{boot, generation, jobs, options};

/// What a cancelled run ends with, as after any program that Ctrl-C ended.
const CANCELLED: u8 = 130;

/// Leaves the terminal to the progress: unless somebody set a filter, only errors are logged.
pub fn quiet(config: &mut Config) {
    let default = config::load(&Source::default()).map(|config| config.log.filter);
    if default.is_ok_and(|filter| filter == config.log.filter) {
        config.log.filter = "error".to_string();
    }
}

/// Runs the command.
pub async fn run(mut config: Config, args: Args) -> Result<ExitCode, Failure> {
    let file = brief_file::read(&args.brief)?;
    files::check(&args.out)?;
    let scratch = prepare(&mut config, &args)?;
    let interrupted = CancellationToken::new();
    let listening = tokio::spawn(listen(
        interrupted.clone(),
        scratch.as_ref().map(|s| s.folder().to_path_buf()),
    ));
    let app = boot::open(config).await?;
    let outcome = on(&app, &args, &file, scratch.is_none(), &interrupted).await;
    app.db.close().await;
    listening.abort();
    drop(scratch);
    outcome
}

/// The configuration of this run, and its temporary database if it has one.
fn prepare(config: &mut Config, args: &Args) -> Result<Option<Scratch>, Failure> {
    let watched = !args.json && std::io::stderr().is_terminal();
    match args.pace {
        Some(pace) => config.ai.offline_tokens_per_second = pace,
        None if !watched => config.ai.offline_tokens_per_second = 0,
        None => {}
    }
    // This process runs the job, whatever a server of the same configuration does.
    config.jobs.concurrency = config.jobs.concurrency.max(1);
    match &args.database {
        None => {
            let scratch = Scratch::make().map_err(|cause| {
                Failure::broken(format!(
                    "A temporary folder cannot be made: {cause}. Name a database with --database."
                ))
            })?;
            config.database.url = scratch.database_url();
            Ok(Some(scratch))
        }
        Some(url)
            if ["sqlite:", "postgres://", "postgresql://"]
                .iter()
                .any(|scheme| url.starts_with(scheme)) =>
        {
            config.database.url.clone_from(url);
            Ok(None)
        }
        Some(_) => Err(Failure::bad_input(
            "--database must be sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE.",
        )),
    }
}

/// The first signal cancels the job, the second one does not wait for it.
async fn listen(interrupted: CancellationToken, scratch: Option<PathBuf>) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    for is_first in [true, false] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if is_first {
            interrupted.cancel();
            continue;
        }
        if let Some(folder) = &scratch {
            // Nothing else would: the process ends without unwinding.
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(i32::from(CANCELLED));
    }
}

async fn on(
    app: &App,
    args: &Args,
    file: &BriefFile,
    is_kept: bool,
    interrupted: &CancellationToken,
) -> Result<ExitCode, Failure> {
    let offered = options::all(app.db.reader()).await?;
    let chosen = choices::resolve(file, &offered)?;
    let running = boot::start(app.clone()).await.map_err(in_use)?;
    let run = Run {
        app,
        args,
        file,
        is_kept,
        interrupted,
    };
    let outcome = run.make(chosen).await;
    running.stop().await;
    outcome
}

/// Another process runs the jobs of the file: here that needs another way out than for a server.
fn in_use(error: Error) -> Failure {
    match error.cause() {
        cause if cause.starts_with("Another process runs the jobs") => Failure::bad_input(
            "Another process runs the jobs of this database, and only one can. Stop it first, or leave --database out \
             to work on a temporary one, or ask that server through its API.",
        ),
        _ => error.into(),
    }
}

struct Run<'a> {
    app: &'a App,
    args: &'a Args,
    file: &'a BriefFile,
    is_kept: bool,
    interrupted: &'a CancellationToken,
}

impl Run<'_> {
    async fn make(&self, chosen: Chosen) -> Result<ExitCode, Failure> {
        let app = self.app;
        let mut show = Show::new(self.args.json, std::io::stderr().is_terminal());
        let warnings = self.app.ai.warnings(&chosen.brief.language);
        for text in chosen.notices.iter().chain(&warnings) {
            show.note(text);
        }
        let new = NewBlueprint {
            name: self.file.name.clone(),
            description: self.file.description.clone(),
            brief: chosen.brief,
            hosting_type: HostingType::BuiltIn,
        };
        let site = sites::create_blueprint(&app.db, &app.bus, app.local_account, new).await?;
        if self.interrupted.is_cancelled() {
            show.note("Cancelled before anything was started; nothing was charged.");
            return Ok(ExitCode::from(CANCELLED));
        }
        let key = new_id().to_string();
        let started = generation::start_site(app, app.local_account, site.id, &key, None, self.args.max_pages).await?;
        let root = started
            .jobs
            .first()
            .ok_or_else(|| Error::internal("a start without a job"))?;
        show.json(
            "started",
            json!({
                "job": GlobalId::new(IdKind::Job, root.id).to_string(),
                "blueprint": GlobalId::new(IdKind::Blueprint, site.id).to_string(),
                "provider": app.ai.name(),
                "maxPages": self.args.max_pages,
                "held": root.price,
            }),
        );
        let board = self.follow(&site, root, &mut show).await?;
        show.close();
        let ended = board.root().await?;
        let mut summary = self.sum_up(&board, &ended, chosen.notices, warnings).await?;
        if ended.state == JobState::Succeeded {
            self.write(site.id, &mut summary).await?;
        }
        summary.print(&show);
        self.verdict(&board, &ended).await
    }

    /// Tells what happens until the job has ended; a signal cancels it and goes on telling.
    async fn follow(&self, site: &blueprint::Model, root: &job::Model, show: &mut Show) -> Result<Board, Failure> {
        let mut board = Board::new(self.app.db.clone(), root);
        let mut feed = Box::pin(self.app.feeds.blueprint(site.id, After::At(site.event_seq)));
        let mut is_cancelled = false;
        loop {
            let item = tokio::select! {
                item = feed.next() => item,
                () = self.interrupted.cancelled(), if !is_cancelled => {
                    is_cancelled = true;
                    show.step(&Step::Cancelling, &board);
                    jobs::cancel(&self.app.engine, self.app.local_account, root.id).await?;
                    continue;
                }
            };
            let item = item.ok_or_else(|| Error::internal("the events of the site ended before its job did"))??;
            if let Some(step) = board.take(item).await? {
                show.step(&step, &board);
                if matches!(step, Step::Ended) {
                    return Ok(board);
                }
            }
        }
    }

    async fn sum_up(
        &self,
        board: &Board,
        ended: &job::Model,
        notices: Vec<String>,
        warnings: Vec<String>,
    ) -> Result<Summary, Failure> {
        let account = account::Entity::find_by_id(ended.account_id)
            .one(self.app.db.reader())
            .await
            .map_err(Error::from)?;
        Ok(Summary {
            state: ended.state,
            pages: board.pages.len(),
            blocks: board.pages.iter().map(|page| page.written).sum(),
            held: ended.price,
            charged: ended.charged.unwrap_or(0),
            balance: account.map_or(0, |account| account.balance),
            database: self.is_kept.then(|| without_password(&self.app.config.database.url)),
            error: ended.error_code.clone().zip(ended.error_message.clone()),
            notices,
            warnings,
            placeholders: Vec::new(),
            out: self.args.out.clone(),
            files: Vec::new(),
        })
    }

    async fn write(&self, site: Uuid, summary: &mut Summary) -> Result<(), Failure> {
        let connection = self.app.db.snapshot().await?;
        let site = Site::read(&connection, self.app.local_account, site).await?;
        let site = site.ok_or_else(|| Error::internal("the site of this run is gone"))?;
        summary.blocks = export::block_count(&site);
        for page in &site.pages {
            let items = export::placeholders(page);
            if !items.is_empty() {
                let (slug, title) = (page.row.slug.clone(), page.row.title.clone());
                summary.placeholders.push(Unconfirmed { slug, title, items });
            }
        }
        // A writer that does not speak the brief's language says so, and writes English.
        let spoken = (!summary.warnings.is_empty()).then_some("en");
        let files = export::files(site, &options::all(&connection).await?, spoken)?;
        files::write(&self.args.out, &files)?;
        summary.files = files.into_iter().map(|file| file.name).collect();
        Ok(())
    }

    async fn verdict(&self, board: &Board, ended: &job::Model) -> Result<ExitCode, Failure> {
        match ended.state {
            JobState::Succeeded => Ok(ExitCode::SUCCESS),
            JobState::Cancelled => Ok(ExitCode::from(CANCELLED)),
            _ => {
                let mut message = ended
                    .error_message
                    .clone()
                    .unwrap_or_else(|| "The generation failed.".to_string());
                for (page, reason) in board.failures().await? {
                    message.push_str(&format!("\n  {page}: {reason}"));
                }
                Err(Failure::generation_failed(message))
            }
        }
    }
}

/// A database's address as it may be shown.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
        _ => url.to_string(),
    }
}
