//! `sitewright key`: the first key of an account can only be made here, and a lost one ended when nobody can sign in.

use chrono::Duration;
use clap::Subcommand;
use sea_orm::QueryOrder;

use super::credits::account_named;
use super::failure::Failure;
use crate::audit;
use crate::auth::{self, NewKey};
use crate::config::Config;
use crate::db::{Db, now};
use crate::entities::{Role, account, api_key};
use crate::error::{Error, Instant};
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
    /// List an account's keys, the newest first, revoked and expired ones included.
    List {
        /// The account's name or id.
        #[arg(long, default_value = "local")]
        account: String,
    },
    /// End a key: what is open with it ends within seconds. Ending it again changes nothing.
    Revoke {
        /// The key's id, as "key list" prints it.
        id: String,
        /// The account's name or id.
        #[arg(long, default_value = "local")]
        account: String,
    },
}

pub async fn run(config: &Config, command: Command) -> Result<(), Failure> {
    let (db, bus) = match command {
        Command::Create { .. } => super::connect(config).await?,
        Command::List { .. } | Command::Revoke { .. } => super::existing(config).await?,
    };
    let named = async |name: &str| account_named(&db, &bus, config, name).await;
    match command {
        Command::Create {
            name,
            account,
            role,
            expires_in,
        } => {
            let expires_at = expires_in.map(|days| now() + Duration::days(days.into()));
            let new = NewKey { name, role, expires_at };
            create(&db, named(&account).await?, new).await
        }
        Command::List { account } => list(&db, &named(&account).await?).await,
        Command::Revoke { id, account } => revoke(&db, &named(&account).await?, &id).await,
    }
}

async fn create(db: &Db, account: account::Model, new: NewKey) -> Result<(), Failure> {
    let role = new.role;
    let made = async {
        let made = auth::create(db, account.id, new).await?;
        audit::note_subject(GlobalId::new(IdKind::ApiKey, made.0.id));
        Ok(made)
    };
    let (_, secret) = audit::command(db, account.id, "key create", made).await?;
    // Alone on standard output, so that a script can keep it.
    println!("{secret}");
    eprintln!(
        "This key belongs to the account \"{}\" and has the role {}. Keep it now: it cannot be shown again.",
        account.name,
        role.as_str().to_uppercase()
    );
    Ok(())
}

async fn list(db: &Db, account: &account::Model) -> Result<(), Failure> {
    let keys = auth::of_account(account.id).order_by_desc(api_key::Column::Id);
    let keys = keys.all(db.reader()).await.map_err(Error::from)?;
    if keys.is_empty() {
        eprintln!(
            "The account \"{}\" has no key. Make one with: sitewright key create",
            account.name
        );
    }
    for key in keys {
        println!("{}", line(&key, now()));
    }
    Ok(())
}

/// What a person needs to tell keys apart, in columns that a script can split at tabs.
fn line(key: &api_key::Model, now: Instant) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", day(at)),
        (None, Some(at)) if at <= now => format!("expired {}", day(at)),
        (None, Some(at)) => format!("good until {}", day(at)),
        (None, None) => "good".to_string(),
    };
    let used = key
        .last_used_at
        .map_or("never used".to_string(), |at| format!("used {}", day(at)));
    let (id, role) = (GlobalId::new(IdKind::ApiKey, key.id), key.role.as_str().to_uppercase());
    format!("{id}\t{}…\t{role}\t{state}\t{used}\t{}", key.prefix, key.name)
}

fn day(at: Instant) -> String {
    at.format("%Y-%m-%d").to_string()
}

async fn revoke(db: &Db, account: &account::Model, id: &str) -> Result<(), Failure> {
    let Some(key) = GlobalId::parse_as(IdKind::ApiKey, id) else {
        let message = format!(
            "\"{id}\" is no key's id. The ids are in: sitewright key list --account \"{}\"",
            account.name
        );
        return Err(Failure::bad_input(message));
    };
    let ended = async {
        audit::note_subject(GlobalId::new(IdKind::ApiKey, key));
        auth::revoke(db, account.id, key).await
    };
    let ended = audit::command(db, account.id, "key revoke", ended).await?;
    println!("{}", line(&ended, now()));
    Ok(())
}

fn role(text: &str) -> Result<Role, String> {
    let named = Role::ALL.iter().find(|role| role.as_str().eq_ignore_ascii_case(text));
    named
        .copied()
        .ok_or_else(|| "choose viewer, editor, owner or admin".to_string())
}
