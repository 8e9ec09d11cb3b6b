//! Configuration: commented defaults compiled in, then `sitewright.toml`, then the environment.
//!
//! A wrong value names the key, the value and what is allowed. There is no hidden default in code:
//! `defaults.toml` is the documentation.

mod ai;
mod check;
mod load;
mod networks;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

pub use ai::{Ai, AiProvider, ProviderName, ResponseFormat, TokenPrice};
pub use load::{ConfigError, DEFAULTS, Source, load};
pub use networks::Networks;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub redis: Redis,
    pub auth: Auth,
    pub graphql: Graphql,
    pub ai: Ai,
    pub jobs: Jobs,
    pub events: Events,
    pub streams: Streams,
    pub limits: Limits,
    pub audit: Audit,
    pub credits: Credits,
    pub doctor: Doctor,
    pub log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: SocketAddr,
    pub role: Role,
    pub grace_ms: u64,
    pub shutdown_ms: u64,
    pub cors_origins: String,
    pub trusted_proxies: String,
    pub forwarded_header: ForwardedHeader,
}

/// Where a proxy says for whom it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    XForwardedFor,
    Forwarded,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves the API and runs jobs.
    All,
    /// Serves the API; others run the jobs.
    Api,
    /// Runs jobs; others serve the API.
    Worker,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::All => "all",
            Role::Api => "api",
            Role::Worker => "worker",
        }
    }

    pub fn runs_jobs(self) -> bool {
        self != Role::Api
    }

    pub fn serves_the_api(self) -> bool {
        self != Role::Worker
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: String,
    pub max_connections: u32,
    pub min_connections: u32,
    pub statement_timeout_ms: u64,
    pub statement_cache: usize,
}

impl Database {
    /// Where it is, without what may be secret: a file, or host, port and name.
    pub fn place(&self) -> &str {
        let address = self.url.split('?').next().unwrap_or_default();
        if self.url.contains('@') && !address.contains('@') {
            // A password that holds a question mark: what is a part of it is hard to tell.
            return "of database.url";
        }
        let place = address.trim_start_matches("sqlite:").trim_start_matches("//");
        let place = place.split_once("://").map_or(place, |(_, place)| place);
        place.rsplit('@').next().unwrap_or_default()
    }
}

impl std::fmt::Debug for Database {
    /// The URL may hold a password, so it is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Empty: none.
    pub url: String,
    pub prefix: String,
    /// Empty: the certificates of this machine.
    pub ca_file: String,
}

impl std::fmt::Debug for Redis {
    /// The URL may hold a password, so it is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    Open,
    Keys,
}

impl AuthMode {
    pub fn as_str(self) -> &'static str {
        match self {
            AuthMode::Open => "open",
            AuthMode::Keys => "keys",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doctor {
    /// In millions of bytes.
    pub min_free_mb: u64,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub mode: AuthMode,
    /// Empty: no tokens of an identity provider are taken.
    pub jwt_issuer: String,
    pub jwt_audience: String,
    pub jwt_secret: String,
    pub jwt_jwks_file: String,
    pub jwt_jwks_url: String,
    pub jwt_refresh_ms: u64,
    pub jwt_leeway_s: u64,
    pub jwt_account_claim: String,
    pub jwt_role_claim: String,
    pub jwt_default_role: String,
    pub jwt_highest_role: String,
    pub jwt_create_accounts: bool,
}

impl std::fmt::Debug for Auth {
    /// The secret is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("mode", &self.mode)
            .field("jwt_issuer", &self.jwt_issuer)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
/// What one operation may ask for, and one request.
pub struct Graphql {
    pub max_bytes: usize,
    pub max_tokens: usize,
    pub max_depth: usize,
    pub max_aliases: usize,
    pub max_root_fields: usize,
    pub max_directives: usize,
    pub max_expanded_fields: usize,
    pub max_cost: u64,
    pub max_batch: usize,
    pub persisted_bytes: usize,
    pub trusted_documents: String,
    pub trusted_only: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    pub concurrency: usize,
    pub lease_ms: u64,
    pub heartbeat_ms: u64,
    pub rescue_ms: u64,
    pub poll_ms: u64,
    pub deadline_ms: u64,
    pub max_attempts: i32,
    pub retry_base_ms: u64,
    pub retry_cap_ms: u64,
    pub max_wait_ms: u64,
}

impl Jobs {
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    pub retention_days: u32,
    pub ring_items: usize,
    pub poll_ms: u64,
}

/// Connections that stay open: WebSockets, event streams and multipart responses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Streams {
    pub init_ms: u64,
    pub ping_ms: u64,
    pub silence_ms: u64,
    pub write_ms: u64,
    pub keys_ms: u64,
    pub leave_ms: u64,
    pub operations: usize,
}

impl Streams {
    pub fn init(&self) -> Duration {
        Duration::from_millis(self.init_ms)
    }

    pub fn ping(&self) -> Duration {
        Duration::from_millis(self.ping_ms)
    }

    pub fn silence(&self) -> Duration {
        Duration::from_millis(self.silence_ms)
    }

    pub fn write(&self) -> Duration {
        Duration::from_millis(self.write_ms)
    }

    pub fn keys(&self) -> Duration {
        Duration::from_millis(self.keys_ms)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub running_per_account: i64,
    pub queued_per_account: i64,
    pub cost_per_second: u32,
    pub cost_burst: u32,
    pub requests_per_second: u32,
    pub requests_burst: u32,
    pub failures: u32,
    pub failure_wait_ms: u64,
    pub sockets_per_address: usize,
    pub sockets_per_account: usize,
    pub subscriptions_per_account: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// 0 keeps everything.
    pub retention_days: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credits {
    pub initial: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Auto,
    Human,
    Json,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}
