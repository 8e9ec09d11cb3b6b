//! `sitewright account`: accounts are made by the operator.

use clap::Subcommand;

use super::failure::Failure;
use crate::config::Config;
use crate::credits;
use crate::events::Unit;
use crate::ids::{GlobalId, IdKind};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account; it starts with credits.initial credits.
    Create {
        /// A name that no other account has.
        name: String,
    },
}

pub async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let (db, bus) = super::connect(config).await?;
    let Command::Create { name } = command;
    let mut unit = Unit::begin(&db, &bus).await?;
    let account = credits::create_account(&mut unit, &name, config.credits.initial).await?;
    unit.commit().await?;
    println!(
        "{}  {}  {} credits",
        GlobalId::new(IdKind::Account, account.id),
        account.name,
        account.balance
    );
    Ok(())
}
