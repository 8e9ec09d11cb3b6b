//! Named places at which a test may kill the process, to prove that dying there loses nothing.
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
