//! The binary: everything is in the library.

use std::process::ExitCode;

/// Most of what a request or a piece of text asks for on one thread is freed on another. The C library's allocator takes a
/// fifth of a crowd's processor time for that (decision 0016).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    sitewright::cli::main()
}
