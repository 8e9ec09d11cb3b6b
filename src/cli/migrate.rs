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
    },
    /// List every migration and whether it is applied.
    Status,
}

pub async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let db = Db::connect(&config.database.url, config.database.max_connections).await?;
    match command {
        Command::Up => db.migrate().await?,
        Command::Down { steps } => db.migrate_down(steps).await?,
        Command::Status => {}
    }
    for (name, is_applied) in db.migrations().await? {
        println!("{}  {name}", if is_applied { "applied" } else { "missing" });
    }
    Ok(())
}
