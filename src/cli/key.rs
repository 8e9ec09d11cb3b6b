//! `sitewright key`: the first key of an account can only be made here.

use chrono::Duration;
use clap::Subcommand;

use super::credits::account_named;
use super::failure::Failure;
use crate::audit;
use crate::auth::{self, NewKey};
use crate::config::Config;
use crate::db::now;
use crate::entities::Role;
use crate::ids::{GlobalId, IdKind};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an API key and print it. It is shown this once and never again.
    Create {
        /// What the key is for.
        #[arg(long, default_value = "made on the command line")]
        name: String,
        /// The account's name or id.
        #[arg(long, default_value = "local")]
        account: String,
        /// What it may do: "viewer" reads and watches, "editor" also edits and generates, "owner" also manages keys,
        /// "admin" runs the server.
        #[arg(long, default_value = "owner", value_parser = role)]
        role: Role,
        /// Days until it expires; without it the key does not expire.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        expires_in: Option<u32>,
    },
}

pub async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let (db, bus) = super::connect(config).await?;
    let Command::Create {
        name,
        account,
        role,
        expires_in,
    } = command;
    let account = account_named(&db, &bus, config, &account).await?;
    let expires_at = expires_in.map(|days| now() + Duration::days(days.into()));
    let new = NewKey { name, role, expires_at };
    let made = async {
        let made = auth::create(&db, account.id, new).await?;
        audit::note_subject(GlobalId::new(IdKind::ApiKey, made.0.id));
        Ok(made)
    };
    let (_, secret) = audit::command(&db, account.id, "key create", made).await?;
    // Alone on standard output, so that a script can keep it.
    println!("{secret}");
    eprintln!(
        "This key belongs to the account \"{}\" and has the role {}. Keep it now: it cannot be shown again.",
        account.name,
        role.as_str().to_uppercase()
    );
    Ok(())
}

fn role(text: &str) -> Result<Role, String> {
    let named = Role::ALL.iter().find(|role| role.as_str().eq_ignore_ascii_case(text));
    named
        .copied()
        .ok_or_else(|| "choose viewer, editor, owner or admin".to_string())
}
