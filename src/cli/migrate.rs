//! `sitewright migrate`: the schema's versions, by hand.

use clap::Subcommand;

use super::failure::Failure;
use crate::config::Config;
use crate::db::Db;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply every migration that is missing.
    Up,
    /// Take back the newest migrations. Their tables and what is in them are lost.
    Down {
        /// How many to take back.
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Do it: without this nothing is taken back.
        #[arg(long)]
        yes: bool,
    },
    /// List every migration and whether it is applied.
    Status,
}

pub async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let db = Db::connect(&config.database, "migrate").await?;
    match command {
        Command::Up => db.migrate().await?,
        Command::Down { steps, yes: true } => db.migrate_down(steps).await?,
        Command::Down { .. } => {
            let message = "Taking migrations back deletes their tables and everything in them, the ledger included. \
                           Make a backup, then repeat the command with --yes.";
            return Err(Failure::bad_input(message));
        }
        Command::Status => {}
    }
    let line = |(name, is_applied): (String, bool)| {
        let state = if is_applied { "applied" } else { "missing" };
        format!("{state}  {name}\n")
    };
    super::say(&db.migrations().await?.into_iter().map(line).collect::<String>())
}
