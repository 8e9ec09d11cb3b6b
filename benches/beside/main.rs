//! The server beside a bare one that sends the same bytes: `make bench`, or `cargo bench --bench beside -- WHAT`.
//!
//! `requests`: builderMetadata in a closed loop. `fanout`: one job, 500 watchers. `jobs`: 200 jobs, one watcher each.
//! `idle`: the memory of 5,000 sockets with a subscription each. Both servers are processes of the same build and are
//! measured in the same run, so the ratio says something on a machine that has other work to do.

mod bare;
mod idle;
mod process;
mod requests;
#[path = "../../examples/measure/sites.rs"]
mod sites;
mod sockets;
mod watching;

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    if let [role, recorded] = words.as_slice()
        && role == "bare"
    {
        return runtime(2)?.block_on(bare::serve(recorded));
    }
    let is_wanted = |what: &str| words.is_empty() || words.iter().any(|word| word == what);
    // One thread for all clients: what they use is missing to the servers.
    let clients = runtime(1)?;
    if is_wanted("requests") {
        clients.block_on(requests::run())?;
    }
    if is_wanted("fanout") {
        clients.block_on(watching::one_job())?;
    }
    if is_wanted("jobs") {
        clients.block_on(watching::many_jobs())?;
    }
    if is_wanted("idle") {
        clients.block_on(idle::run())?;
    }
    Ok(())
}

fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
}
