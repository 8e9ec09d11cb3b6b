//! `sitewright credits`: what an account has, and more of it.

use clap::Subcommand;

use super::failure::Failure;
use crate::audit;
use crate::config::Config;
use crate::credits;
use crate::db::Db;
use crate::entities::account;
use crate::events::{Bus, Unit};
use crate::ids::new_id;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print balance, held and available credits.
    Balance {
        /// The account's name or id.
        #[arg(long, default_value = "local")]
        account: String,
    },
    /// Add credits.
    Grant {
        /// How many credits to add.
        amount: i64,
        /// The account's name or id.
        #[arg(long, default_value = "local")]
        account: String,
        /// Name of the payment: granting twice under one name adds once.
        #[arg(long)]
        payment: Option<String>,
        /// Why, for the ledger.
        #[arg(long)]
        reason: Option<String>,
    },
}

pub async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let (db, bus) = super::existing(config).await?;
    match command {
        Command::Balance { account } => print(&account_named(&db, &bus, config, &account).await?),
        Command::Grant {
            amount,
            account,
            payment,
            reason,
        } => {
            let account = account_named(&db, &bus, config, &account).await?;
            let payment = payment.unwrap_or_else(|| new_id().to_string());
            let grant = async {
                let mut unit = Unit::begin(&db, &bus).await?;
                let granted = credits::grant(&mut unit, account.id, amount, &payment, reason).await?;
                unit.commit().await?;
                Ok(granted)
            };
            let granted = audit::command(&db, account.id, "credits grant", grant).await?;
            if granted.is_none() {
                eprintln!("The payment \"{payment}\" was granted before; nothing was added.");
            }
            print(&granted.unwrap_or(account));
        }
    }
    Ok(())
}

fn print(account: &account::Model) {
    let available = account.balance - account.held;
    println!(
        "{}: balance {}, held {}, available {available}",
        account.name, account.balance, account.held
    );
}

/// An account by name or id; the local one exists from the first look on.
pub async fn account_named(db: &Db, bus: &Bus, config: &Config, name: &str) -> Result<account::Model, Failure> {
    if name == "local" {
        let mut unit = Unit::begin(db, bus).await?;
        let account = credits::local_account(&mut unit, config.credits.initial).await?;
        unit.commit().await?;
        return Ok(account);
    }
    let found = credits::find_account(db.reader(), name).await?;
    found.ok_or_else(|| {
        Failure::bad_input(format!(
            "There is no account \"{name}\". Make it with: sitewright account create \"{name}\""
        ))
    })
}
