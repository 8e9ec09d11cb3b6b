//! Faults, with real processes: `make faults`, or `cargo test --features faults --test faults -- ARGUMENTS`.
//!
//! A program of its own, not a list of tests: it runs every experiment of `experiments.rs` on the databases that the
//! experiment names, holds what clients saw against what is stored (`checks.rs`), and prints a table for
//! `docs/reliability.md`. `soak` runs mixed load with random faults for as long as it is told.
//!
//! ```text
//! faults [--quick] [--only PART-OF-A-NAME] [--trials N] [--seed N] [--write] [--list]
//! faults soak [--minutes N] [--seed N]
//! ```

mod arguments;
mod checks;
mod client;
mod crashes;
mod crowds;
mod demonstration;
mod experiments;
mod footprint;
mod load;
mod model;
mod nodes;
mod postgres;
mod redis;
mod report;
mod run;
mod soak;
mod sockets;
mod sqlite;
mod stage;
#[macro_use]
#[path = "../support/mod.rs"]
mod support;
mod workers;

use std::process::ExitCode;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let is_well = runtime.block_on(async {
        match arguments.command {
            Command::List => experiments::list(),
            Command::Soak(minutes) => soak::run(minutes, arguments.seed).await,
            Command::Run => run::all(&arguments).await,
        }
    });
    // What a failed trial left behind is not waited for.
    runtime.shutdown_background();
    ExitCode::from(u8::from(!is_well))
}
