//! Named places at which a test may kill the process, to prove that dying there loses nothing, and a census of its tasks.
//!
//! Without the `faults` feature, which releases never have, a point is nothing at all.

/// Dies here, as by `kill -9`, when `SITEWRIGHT_CRASH` names this point: `name`, or `name:3` for the third pass.
#[cfg(feature = "faults")]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static PASSES: AtomicUsize = AtomicUsize::new(0);

    let Ok(wanted) = std::env::var("SITEWRIGHT_CRASH") else {
        return;
    };
    let (wanted, pass) = wanted.split_once(':').unwrap_or((wanted.as_str(), "1"));
    if wanted == name && PASSES.fetch_add(1, Ordering::SeqCst) + 1 == pass.parse().unwrap_or(1) {
        std::process::abort();
    }
}

#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn point(_name: &str) {}

/// Says how many tasks live, whenever the process gets the signal USR1.
#[cfg(feature = "faults")]
pub async fn census() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut asked) = signal(SignalKind::user_defined1()) else {
        return;
    };
    let mut count = 0;
    while asked.recv().await.is_some() {
        count += 1;
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        tracing::info!(count, tasks, "a census");
    }
}
