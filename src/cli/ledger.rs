//! `sitewright ledger`: every invariant as a query, beside a running server.

use std::process::ExitCode;

use clap::Subcommand;

use super::failure::Failure;
use crate::boot;
use crate::config::Config;
use crate::jobs::invariants::{INVARIANTS, verify};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check every invariant; exit code 0 when all hold, 1 otherwise.
    Verify,
    /// Declare a new life of the database after a restore: cursors given out before become void.
    NewEpoch,
}

pub async fn run(config: &Config, command: Command) -> Result<ExitCode, Failure> {
    let (db, _) = super::existing(config).await?;
    if let Command::NewEpoch = command {
        println!(
            "The epoch is {}. Restart every server of this database.",
            boot::renew_epoch(&db).await?
        );
        return Ok(ExitCode::SUCCESS);
    }
    let violations = verify(&db).await?;
    for invariant in INVARIANTS {
        let found: Vec<_> = violations
            .iter()
            .filter(|violation| violation.invariant == invariant.name)
            .collect();
        let Some(first) = found.first() else {
            println!("ok      {:4} {}", invariant.name, invariant.says);
            continue;
        };
        println!(
            "BROKEN  {:4} {}: {} ({} in all)",
            invariant.name,
            invariant.says,
            first.detail,
            found.len()
        );
        println!("             {}", first.subject);
    }
    Ok(if violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
