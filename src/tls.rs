//! Which code encrypts: the same for the database, Redis, sockets and model providers.

/// Makes ring this process's provider of TLS, unless it has one already. Whoever opens connections calls it first:
/// an HTTP client that finds none would panic.
pub fn choose() {
    // An error says that there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
