//! Merging the three sources of configuration and checking the result, with errors that name the key.
//!
//! Numbers and words arrive from the environment as text; the default's type decides how they are read.

use std::path::Path;

use serde::de::IntoDeserializer;
use toml::{Table, Value};

use super::{AuthMode, Config, Role};

/// The commented defaults, as `sitewright config` would print them.
pub const DEFAULTS: &str = include_str!("defaults.toml");

const PREFIX: &str = "SITEWRIGHT_";
/// Names that operators know from elsewhere.
const CONVENTIONAL: &[(&str, &str, &str)] = &[("DATABASE_URL", "database", "url"), ("REDIS_URL", "redis", "url")];

/// What Redis and Valkey addresses begin with.
const REDIS_SCHEMES: &[&str] = &[
    "redis://",
    "rediss://",
    "valkey://",
    "valkeys://",
    "redis-cluster://",
    "rediss-cluster://",
    "redis-sentinel://",
    "rediss-sentinel://",
];

/// Where values come from besides the defaults; tests pass their own.
#[derive(Default)]
pub struct Source {
    /// The text of `sitewright.toml`, if there is one.
    pub file: Option<String>,
    pub environment: Vec<(String, String)>,
}

/// A sentence that names the key, the value and what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Source {
    /// The file (the named one must exist, the usual one may) and this process's environment.
    pub fn of_process(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new("sitewright.toml"));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound && file.is_none() => None,
            Err(cause) => {
                let path = path.display();
                return Err(ConfigError(format!(
                    "The configuration file {path} cannot be read: {cause}."
                )));
            }
        };
        Ok(Source {
            file: text,
            environment: std::env::vars().collect(),
        })
    }

    /// Says a value in the place of the environment, as an option of the command line does.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_string(), value.to_string()));
    }
}

/// Reads the configuration, or says which key is wrong and what it may be.
pub fn load(source: &Source) -> Result<Config, ConfigError> {
    let mut table: Table =
        toml::from_str(DEFAULTS).map_err(|cause| ConfigError(format!("The built-in defaults are broken: {cause}")))?;
    if let Some(text) = &source.file {
        let file: Table =
            toml::from_str(text).map_err(|cause| ConfigError(format!("sitewright.toml is not valid TOML. {cause}")))?;
        merge_file(&mut table, file)?;
    }
    for (name, section, key) in CONVENTIONAL {
        if let Some((_, value)) = source.environment.iter().find(|(n, v)| n == name && !v.is_empty()) {
            set(&mut table, name, section, key, value)?;
        }
    }
    for (name, value) in &source.environment {
        if let Some((section, key)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__")) {
            set(&mut table, name, &section.to_lowercase(), &key.to_lowercase(), value)?;
        }
    }
    let config = read(&table)?;
    check(&config)?;
    Ok(config)
}

fn merge_file(table: &mut Table, file: Table) -> Result<(), ConfigError> {
    for (section, values) in file {
        let known = section_of(table, &section, &format!("sitewright.toml: [{section}]"))?;
        let Value::Table(values) = values else {
            return Err(ConfigError(format!(
                "sitewright.toml: `{section}` must be a section, as in [{section}]."
            )));
        };
        for (key, value) in values {
            if !known.contains_key(&key) {
                return Err(unknown(known, &format!("sitewright.toml: {section}.{key}")));
            }
            known.insert(key, value);
        }
    }
    Ok(())
}

fn set(table: &mut Table, name: &str, section: &str, key: &str, text: &str) -> Result<(), ConfigError> {
    let known = section_of(table, section, name)?;
    let value = match known.get(key) {
        None => return Err(unknown(known, name)),
        Some(Value::Integer(_)) => text
            .trim()
            .parse()
            .map(Value::Integer)
            .map_err(|_| ConfigError(format!("{name} is \"{text}\": it must be a whole number.")))?,
        Some(Value::Boolean(_)) => text
            .trim()
            .parse()
            .map(Value::Boolean)
            .map_err(|_| ConfigError(format!("{name} is \"{text}\": it must be true or false.")))?,
        Some(_) => Value::String(text.to_string()),
    };
    known.insert(key.to_string(), value);
    Ok(())
}

fn section_of<'a>(table: &'a mut Table, section: &str, name: &str) -> Result<&'a mut Table, ConfigError> {
    let sections = table.keys().cloned().collect::<Vec<_>>().join(", ");
    match table.get_mut(section) {
        Some(Value::Table(values)) => Ok(values),
        _ => Err(ConfigError(format!(
            "{name} names no section of the configuration. There are: {sections}."
        ))),
    }
}

fn unknown(section: &Table, name: &str) -> ConfigError {
    let keys = section.keys().cloned().collect::<Vec<_>>().join(", ");
    ConfigError(format!("{name} names no known key. This section has: {keys}."))
}

fn read(table: &Table) -> Result<Config, ConfigError> {
    let deserializer = Value::Table(table.clone()).into_deserializer();
    serde_path_to_error::deserialize::<_, Config>(deserializer).map_err(|error| {
        let key = error.path().to_string();
        let shown = lookup(table, &key).unwrap_or_default();
        ConfigError(format!("{key} is {shown}: it must be {}.", allowed(&key)))
    })
}

/// What a key may be; asked only when it is something else.
fn allowed(key: &str) -> &'static str {
    match key {
        "server.listen" => "an IP address and a port, such as 127.0.0.1:8080",
        "auth.mode" => "\"open\" or \"keys\"",
        "ai.provider" => "\"offline\"",
        "log.format" => "\"auto\", \"human\" or \"json\"",
        "server.role" => "\"all\", \"api\" or \"worker\"",
        "graphql.trusted_only" => "true or false",
        "graphql.trusted_documents"
        | "server.cors_origins"
        | "database.url"
        | "redis.url"
        | "redis.prefix"
        | "redis.ca_file"
        | "log.filter"
        | "ai.script" => "a text in quotes",
        _ => "a whole number, 0 or more",
    }
}

/// The offending value as it was written, except for those that may hold a secret.
fn lookup(table: &Table, key: &str) -> Option<String> {
    if key == "database.url" || key == "redis.url" {
        return Some("(hidden)".to_string());
    }
    let (section, key) = key.split_once('.')?;
    table.get(section)?.as_table()?.get(key).map(|value| value.to_string())
}

fn check(config: &Config) -> Result<(), ConfigError> {
    check_places(config)?;
    check_jobs(config)?;
    let serves_strangers = config.server.role.serves_the_api() && !config.server.listen.ip().is_loopback();
    if config.auth.mode == AuthMode::Open && serves_strangers {
        return Err(ConfigError(format!(
            "server.listen is {}: an address beyond this machine needs keys. Set auth.mode = \"keys\" (or \
             SITEWRIGHT_AUTH__MODE=keys) and create one with `sitewright key create`, or listen on 127.0.0.1.",
            config.server.listen
        )));
    }
    Ok(())
}

fn wrong(key: &str, value: &dyn std::fmt::Display, rule: &str) -> Result<(), ConfigError> {
    Err(ConfigError(format!("{key} is {value}: it must be {rule}.")))
}

/// Where things are, and who uses them.
fn check_places(config: &Config) -> Result<(), ConfigError> {
    let (database, redis, role) = (&config.database, &config.redis, config.server.role);
    let begins = |url: &str, schemes: &[&str]| schemes.iter().any(|scheme| url.starts_with(scheme));
    if !begins(&database.url, &["sqlite:", "postgres://", "postgresql://"]) {
        let rule = "sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE";
        return wrong("database.url", &"(hidden)", rule);
    }
    if role != Role::All && database.url.starts_with("sqlite:") {
        let rule = "\"all\" on SQLite, whose file belongs to one process; to split the roles, set database.url to a \
                    postgres:// address";
        return wrong("server.role", &format!("\"{}\"", role.as_str()), rule);
    }
    if role == Role::Worker && config.jobs.concurrency == 0 {
        return wrong(
            "jobs.concurrency",
            &0,
            "at least 1 for a worker, which would run nothing",
        );
    }
    if database.max_connections < 2 {
        return wrong("database.max_connections", &database.max_connections, "at least 2");
    }
    if database.statement_cache == 0 {
        // The driver prepares every statement under a name and forgets it without a word to Postgres, which does not.
        let rule = "at least 1: without a cache, statements would pile up in Postgres. Behind PgBouncer see \
                    docs/operations.md";
        return wrong("database.statement_cache", &0, rule);
    }
    if !redis.url.is_empty() && !begins(&redis.url, REDIS_SCHEMES) {
        let rule = "redis://HOST:PORT, rediss://…, redis-sentinel://… or redis-cluster://…";
        return wrong("redis.url", &"(hidden)", rule);
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if redis.prefix.is_empty() || !redis.prefix.chars().all(is_plain) {
        let rule = "one or more letters, digits and the signs - _ . :";
        return wrong("redis.prefix", &format!("\"{}\"", redis.prefix), rule);
    }
    Ok(())
}

/// How jobs run and what they cost.
fn check_jobs(config: &Config) -> Result<(), ConfigError> {
    let jobs = &config.jobs;
    if jobs.heartbeat_ms == 0 || jobs.heartbeat_ms * 2 > jobs.lease_ms {
        return wrong(
            "jobs.heartbeat_ms",
            &jobs.heartbeat_ms,
            "at least 1 and at most half of jobs.lease_ms",
        );
    }
    for (key, value) in [
        ("jobs.rescue_ms", jobs.rescue_ms),
        ("jobs.poll_ms", jobs.poll_ms),
        ("jobs.deadline_ms", jobs.deadline_ms),
        ("events.poll_ms", config.events.poll_ms),
        ("events.ring_items", config.events.ring_items as u64),
        ("events.retention_days", config.events.retention_days.into()),
        ("streams.init_ms", config.streams.init_ms),
        ("streams.ping_ms", config.streams.ping_ms),
        ("streams.silence_ms", config.streams.silence_ms),
        ("streams.write_ms", config.streams.write_ms),
        ("streams.keys_ms", config.streams.keys_ms),
        ("streams.operations", config.streams.operations as u64),
    ] {
        if value == 0 {
            return wrong(key, &value, "at least 1");
        }
    }
    check_origins(config)?;
    let graphql = &config.graphql;
    if graphql.max_tokens > 10_000 {
        return wrong("graphql.max_tokens", &graphql.max_tokens, "at most 10000");
    }
    if graphql.trusted_only && graphql.trusted_documents.is_empty() {
        let rule = "false, unless graphql.trusted_documents names a manifest";
        return wrong("graphql.trusted_only", &true, rule);
    }
    if jobs.max_attempts < 1 {
        return wrong("jobs.max_attempts", &jobs.max_attempts, "at least 1");
    }
    if jobs.concurrency > 10_000 {
        return wrong("jobs.concurrency", &jobs.concurrency, "at most 10000");
    }
    for (key, value) in [
        ("limits.running_per_account", config.limits.running_per_account),
        ("limits.queued_per_account", config.limits.queued_per_account),
    ] {
        if value < 1 {
            return wrong(key, &value, "at least 1");
        }
    }
    if !(0..=2_000_000_000).contains(&config.credits.initial) {
        return wrong("credits.initial", &config.credits.initial, "from 0 to 2000000000");
    }
    Ok(())
}

fn check_origins(config: &Config) -> Result<(), ConfigError> {
    let origins = config.server.cors_origins.split(',').map(str::trim);
    for origin in origins.filter(|origin| !origin.is_empty()) {
        let host = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
        let is_origin = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@']));
        let is_any = origin == "*" && config.auth.mode == AuthMode::Keys;
        if !is_origin && !is_any {
            return Err(ConfigError(format!(
                "server.cors_origins has {origin}: it must be origins such as https://app.example, without a path, separated \
                 by commas; or *, with auth.mode = \"keys\"."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(environment: &[(&str, &str)], file: Option<&str>) -> Result<Config, String> {
        let environment = environment
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        load(&Source {
            file: file.map(str::to_string),
            environment,
        })
        .map_err(|error| error.0)
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = Some("[jobs]\nconcurrency = 5\nlease_ms = 4000\nheartbeat_ms = 1000");
        let config = with(&[("SITEWRIGHT_JOBS__CONCURRENCY", "7")], file).unwrap();
        assert_eq!(
            (config.jobs.concurrency, config.jobs.lease_ms, config.jobs.max_attempts),
            (7, 4000, 4)
        );
        let config = with(&[("DATABASE_URL", "postgres://db/x")], None).unwrap();
        assert_eq!(config.database.url, "postgres://db/x");
    }

    #[test]
    fn a_wrong_value_names_the_key_the_value_and_what_is_allowed() {
        for (name, value, parts) in [
            (
                "SITEWRIGHT_JOBS__CONCURRENCY",
                "many",
                vec!["SITEWRIGHT_JOBS__CONCURRENCY", "many", "whole number"],
            ),
            (
                "SITEWRIGHT_AI__PROVIDER",
                "magic",
                vec!["ai.provider", "magic", "offline"],
            ),
            (
                "SITEWRIGHT_AUTH__MODE",
                "none",
                vec!["auth.mode", "none", "open", "keys"],
            ),
            (
                "SITEWRIGHT_SERVER__LISTEN",
                "here",
                vec!["server.listen", "here", "127.0.0.1:8080"],
            ),
            (
                "SITEWRIGHT_JOBS__HEARTBEAT_MS",
                "20000",
                vec!["jobs.heartbeat_ms", "20000", "half"],
            ),
            (
                "SITEWRIGHT_SERVER__CORS_ORIGINS",
                "https://app.example/path",
                vec!["server.cors_origins", "app.example/path", "without a path"],
            ),
            (
                "SITEWRIGHT_SERVER__CORS_ORIGINS",
                "*",
                vec!["server.cors_origins", "keys"],
            ),
            (
                "SITEWRIGHT_GRAPHQL__TRUSTED_ONLY",
                "true",
                vec!["graphql.trusted_only", "manifest"],
            ),
            (
                "SITEWRIGHT_JOBS__COLOUR",
                "red",
                vec!["SITEWRIGHT_JOBS__COLOUR", "concurrency"],
            ),
            (
                "SITEWRIGHT_DATABASE__STATEMENT_CACHE",
                "0",
                vec!["database.statement_cache", "at least 1", "PgBouncer"],
            ),
            (
                "SITEWRIGHT_SERVER__LISTEN",
                "0.0.0.0:80",
                vec!["0.0.0.0:80", "auth.mode", "key create"],
            ),
        ] {
            let error = with(&[(name, value)], None).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_never_shown() {
        let error = with(&[("DATABASE_URL", "mysql://root:hunter2@db/x")], None).unwrap_err();
        assert!(error.contains("database.url") && !error.contains("hunter2"), "{error}");
        let config = with(&[("DATABASE_URL", "postgres://root:hunter2@db/x")], None).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
