//! The command line: one file a command, each reading its configuration and speaking in sentences.
//!
//! Commands other than `serve`, `generate` and `eval`, which run jobs, work beside a running server: they take no lock
//! that it holds.

mod account;
mod credits;
mod doctor;
mod eval;
mod failure;
mod generate;
mod key;
mod ledger;
mod migrate;
mod ready;
mod serve;
mod tasks;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config, Role, Source};
use crate::db::{Db, file_of};
use crate::error::Error;
use crate::events::Bus;
use crate::telemetry;
use failure::Failure;

/// Turns a business brief into a complete website, live.
#[derive(Debug, Parser)]
#[command(name = "sitewright", version, about, max_term_width = 100)]
struct Cli {
    /// Configuration file; `sitewright.toml` in this folder is read when there is one.
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the GraphQL API and run jobs (the default).
    Serve {
        /// What this process does; another word than `all` needs Postgres. The same as server.role.
        #[arg(long, value_enum)]
        role: Option<Role>,
    },
    Generate(generate::Args),
    Watch(watch::Args),
    Eval(eval::Args),
    Tasks(tasks::Args),
    Doctor(doctor::Args),
    /// Ask the server of this configuration on this machine whether it can serve; exit code 0 when it can.
    Ready,
    /// Apply, take back or list the database's migrations. `serve` applies them by itself.
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Print the GraphQL schema.
    Schema,
    /// Print the configuration's commented defaults.
    Config,
    /// Make accounts.
    #[command(subcommand)]
    Account(account::Command),
    /// Make API keys.
    #[command(subcommand)]
    Key(key::Command),
    /// Look at credits, and add them.
    #[command(subcommand)]
    Credits(credits::Command),
    /// Check the ledger and everything that must agree with it.
    #[command(subcommand)]
    Ledger(ledger::Command),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            eprintln!("The runtime could not be started: {cause}.");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            failure.code()
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        // It talks to a server, which this folder's configuration says nothing about but where it is.
        Some(Command::Watch(args)) => {
            let url = match &args.url {
                Some(url) => url.clone(),
                None => ready::graphql(&config::load(&Source::of_process(cli.config.as_deref())?)?),
            };
            return watch::run(args, &url).await;
        }
        Some(Command::Schema) => {
            say(&crate::graphql::sdl())?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::Config) => {
            say(config::DEFAULTS)?;
            return Ok(ExitCode::SUCCESS);
        }
        // A configuration that cannot be read is one of its findings.
        Some(Command::Doctor(args)) => return doctor::run(Source::of_process(cli.config.as_deref()), args).await,
        _ => {}
    }
    let mut source = Source::of_process(cli.config.as_deref())?;
    if let Some(Command::Serve { role: Some(role) }) = cli.command {
        source.set("SITEWRIGHT_SERVER__ROLE", role.as_str());
    }
    let provider = match &cli.command {
        Some(Command::Generate(args)) => args.provider.as_deref(),
        Some(Command::Eval(args)) => args.provider.as_deref(),
        _ => None,
    };
    if let Some(provider) = provider {
        source.set("SITEWRIGHT_AI__PROVIDER", provider);
    }
    let mut config = config::load(&source)?;
    if matches!(cli.command, Some(Command::Generate(_) | Command::Eval(_))) {
        generate::quiet(&mut config);
    }
    let writer = match cli.command {
        None | Some(Command::Serve { .. }) => telemetry::Writer::Thread,
        _ => telemetry::Writer::Logging,
    };
    let _lines = telemetry::init(&config.log, writer)?;
    match cli.command {
        None | Some(Command::Serve { .. }) => serve::run(config).await?,
        Some(Command::Tasks(args)) => tasks::run(&config, args).await?,
        Some(Command::Ready) => ready::run(&config).await?,
        Some(Command::Migrate(command)) => migrate::run(&config, command).await?,
        Some(Command::Account(command)) => account::run(&config, command).await?,
        Some(Command::Key(command)) => key::run(&config, command).await?,
        Some(Command::Credits(command)) => credits::run(&config, command).await?,
        Some(Command::Ledger(command)) => return ledger::run(&config, command).await,
        Some(Command::Generate(args)) => return generate::run(config, args).await,
        Some(Command::Eval(args)) => return eval::run(config, args).await,
        Some(Command::Schema | Command::Config | Command::Watch(_) | Command::Doctor(_)) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints to standard output. A reader that has had enough, such as `head`, is no failure.
fn say(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(cause) if cause.kind() != std::io::ErrorKind::BrokenPipe => Err(cause.into()),
        _ => Ok(()),
    }
}

/// The database of a command that makes something: it is made and migrated where there is none, without an engine.
async fn connect(config: &Config) -> Result<(Db, Bus), Failure> {
    let db = open(config).await?;
    db.migrate().await?;
    // Watchers live in the server's process; it finds out from the database.
    Ok((db, Bus::in_process(1)))
}

/// The database of a command that looks at what is there. One that is not there is not made: its health would be invented.
async fn existing(config: &Config) -> Result<(Db, Bus), Failure> {
    if let Some(file) = file_of(&config.database).filter(|file| matches!(file.try_exists(), Ok(false))) {
        return Err(Failure::bad_input(format!(
            "There is no database at {} yet. Start `sitewright serve`, which makes it, or set database.url to another.",
            file.display()
        )));
    }
    let db = open(config).await?;
    let pending = db
        .migrations()
        .await?
        .iter()
        .filter(|(_, is_applied)| !is_applied)
        .count();
    if pending > 0 {
        return Err(Failure::broken(format!(
            "The database lacks {pending} migrations. Run `sitewright migrate up`, or start `sitewright serve`, which does \
             the same first."
        )));
    }
    // Watchers live in the server's process; it finds out from the database.
    Ok((db, Bus::in_process(1)))
}

/// Says which database cannot be opened, and who knows more.
async fn open(config: &Config) -> Result<Db, Failure> {
    let opened = Db::connect(&config.database, "command").await;
    opened.map_err(|error| unopened(&config.database, &error))
}

/// An error of the database itself says too little alone.
fn unopened(database: &config::Database, error: &Error) -> Failure {
    let Error::Database(cause) = error else {
        return error.into();
    };
    Failure::broken(format!(
        "The database {} cannot be opened: {cause}. Look at database.url; `sitewright doctor` says what else is missing.",
        database.place()
    ))
}
