//! The figures of docs/performance.md that need Postgres and Redis: `cargo run --release --example measure -- WHAT`.
//!
//! `jobs`: jobs a second on Postgres, beside `pgbench` that sends the same statements in the same transactions.
//! `tokens`: from a model's token to a client, in one process and across two with Redis between them.
//! `model`: the same with a model behind HTTP.
//! Each starts its own Postgres and Redis and ends them.

mod capture;
mod client;
mod jobs;
mod services;
mod sites;
mod tokens;
mod types;

/// The program's own (decision 0016): clients and model share the processors with what is measured.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    match std::env::args().nth(1).as_deref() {
        Some("jobs") => jobs::run().await,
        Some("tokens") => tokens::run().await,
        Some("model") => tokens::run_with_model().await,
        _ => Err("say what to measure: jobs, tokens or model".into()),
    }
}
