//! `sitewright account`: accounts are made by the operator.

use clap::Subcommand;

use super::credits::account_named;
use super::failure::Failure;
use crate::audit;
use crate::auth;
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
    /// Let a person of the identity provider (auth.jwt_issuer) work in an account.
    Link {
        /// The account's name or id.
        account: String,
        /// What the claim auth.jwt_account_claim says in the person's tokens.
        person: String,
    },
}

pub async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let (db, bus) = super::connect(config).await?;
    let name = match command {
        Command::Create { name } => name,
        Command::Link { account, person } => {
            let issuer = &config.auth.jwt_issuer;
            if issuer.is_empty() {
                return Err(Failure::bad_input(
                    "Set auth.jwt_issuer first: a person is known by it and by a claim.",
                ));
            }
            let account = account_named(&db, &bus, config, &account).await?;
            let link = auth::link(&db, issuer, &person, account.id);
            audit::command(&db, account.id, "account link", link).await?;
            println!("{person} works in the account \"{}\"", account.name);
            return Ok(());
        }
    };
    let mut unit = Unit::begin(&db, &bus).await?;
    let account = credits::create_account(&mut unit, &name, config.credits.initial).await?;
    unit.commit().await?;
    // There was no account whose trail the transaction could have begun with.
    audit::command(&db, account.id, "account create", async { Ok(()) }).await?;
    println!(
        "{}  {}  {} credits",
        GlobalId::new(IdKind::Account, account.id),
        account.name,
        account.balance
    );
    Ok(())
}
