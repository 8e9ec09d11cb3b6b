//! Merging the three sources of configuration and checking the result, with errors that name the key.
//!
//! Numbers and words arrive from the environment as text; the default's type decides how they are read.

use std::path::Path;

use serde::de::IntoDeserializer;
use toml::{Table, Value};

use super::Config;
use super::check::check;

/// The commented defaults, as `sitewright config` would print them.
pub const DEFAULTS: &str = include_str!("defaults.toml");

const PREFIX: &str = "SITEWRIGHT_";
/// Names that operators know from elsewhere.
const CONVENTIONAL: &[(&str, &str, &str)] = &[
    ("DATABASE_URL", "database", "url"),
    ("REDIS_URL", "redis", "url"),
    ("OPENAI_BASE_URL", "ai", "base_url"),
    ("OPENAI_API_KEY", "ai", "api_key"),
];

/// Where values come from besides the defaults; tests pass their own.
#[derive(Default)]
pub struct Source {
    /// The name and the text of the configuration file, if there is one.
    pub file: Option<(String, String)>,
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
            Ok(text) => Some((path.display().to_string(), text)),
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
    if let Some((name, text)) = &source.file {
        let file: Table =
            toml::from_str(text).map_err(|cause| ConfigError(format!("{name} is not valid TOML. {cause}")))?;
        merge_file(&mut table, name, file)?;
    }
    for (name, section, key) in CONVENTIONAL {
        if let Some((_, value)) = source.environment.iter().find(|(n, v)| n == name && !v.is_empty()) {
            set(&mut table, name, section, key, value)?;
        }
    }
    let mut slips = Vec::new();
    for (name, value) in &source.environment {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        match rest.split_once("__") {
            Some((section, key)) => set(&mut table, name, &section.to_lowercase(), &key.to_lowercase(), value)?,
            None => slips.push((name, rest.to_lowercase())),
        }
    }
    let mut config = read(&table)?;
    take_keys(&mut config, source)?;
    for (name, rest) in slips {
        // Others may begin like ours: one that the file names, and what Kubernetes makes for a service of this name.
        let is_named = |provider: &super::AiProvider| provider.api_key_env.as_ref() == Some(name);
        if !config.ai.providers.iter().any(is_named) {
            refuse_slip(&table, name, &rest)?;
        }
    }
    check(&config)?;
    Ok(config)
}

/// Keys of further providers that the file leaves to the environment.
fn take_keys(config: &mut Config, source: &Source) -> Result<(), ConfigError> {
    for (nth, provider) in config.ai.providers.iter_mut().enumerate() {
        let Some(name) = &provider.api_key_env else { continue };
        let value = source.environment.iter().find(|(known, _)| known == name);
        let Some((_, key)) = value else {
            return Err(ConfigError(format!(
                "ai.providers[{nth}].api_key_env is {name}: it must name a variable of the environment."
            )));
        };
        provider.api_key = Some(key.clone().into());
    }
    Ok(())
}

/// A variable that was meant for a key and would be ignored: without its section, or with one underscore.
fn refuse_slip(table: &Table, name: &str, rest: &str) -> Result<(), ConfigError> {
    let mut meant = Vec::new();
    for (section, values) in table {
        let keys = values.as_table().into_iter().flatten().map(|(key, _)| key);
        let is_meant = |key: &&String| rest == *key || rest == format!("{section}_{key}");
        meant.extend(
            keys.filter(is_meant)
                .map(|key| format!("{PREFIX}{section}__{key}").to_uppercase()),
        );
    }
    match meant.is_empty() {
        true => Ok(()),
        false => Err(ConfigError(format!(
            "{name} names no key. Did you mean {}?",
            meant.join(" or ")
        ))),
    }
}

fn merge_file(table: &mut Table, name: &str, file: Table) -> Result<(), ConfigError> {
    for (section, values) in file {
        let known = section_of(table, &section, &format!("{name}: [{section}]"))?;
        let Value::Table(values) = values else {
            return Err(ConfigError(format!(
                "{name}: `{section}` must be a section, as in [{section}]."
            )));
        };
        for (key, value) in values {
            if !known.contains_key(&key) {
                return Err(unknown(known, &format!("{name}: {section}.{key}")));
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
        Some(Value::Float(_)) => text
            .trim()
            .parse()
            .map(Value::Float)
            .map_err(|_| ConfigError(format!("{name} is \"{text}\": it must be a number.")))?,
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
        "ai.provider" => "\"offline\" or \"openai\"",
        "ai.response_format" => "\"json_schema\", \"grammar\", \"json_object\" or \"none\"",
        "ai.temperature" => "a number, 0 to 2, or below 0 to leave it to the server",
        "server.forwarded_header" => "\"x-forwarded-for\" or \"forwarded\"",
        "log.format" => "\"auto\", \"human\" or \"json\"",
        "server.role" => "\"all\", \"api\" or \"worker\"",
        "graphql.trusted_only" | "auth.jwt_create_accounts" => "true or false",
        "graphql.trusted_documents"
        | "server.cors_origins"
        | "auth.jwt_issuer"
        | "auth.jwt_audience"
        | "auth.jwt_secret"
        | "auth.jwt_jwks_file"
        | "auth.jwt_jwks_url"
        | "auth.jwt_account_claim"
        | "auth.jwt_role_claim"
        | "auth.jwt_default_role"
        | "auth.jwt_highest_role"
        | "server.trusted_proxies"
        | "database.url"
        | "redis.url"
        | "redis.prefix"
        | "redis.ca_file"
        | "log.filter"
        | "ai.script"
        | "ai.model"
        | "ai.base_url"
        | "ai.api_key"
        | "ai.max_tokens_field" => "a text in quotes",
        _ if key.starts_with("ai.providers") || key.starts_with("ai.prices") => {
            "as the comments of the defaults show, in the file"
        }
        _ => "a whole number, 0 or more",
    }
}

/// The offending value as it was written, except for those that may hold a secret.
fn lookup(table: &Table, key: &str) -> Option<String> {
    if ["database.url", "redis.url", "auth.jwt_secret", "ai.api_key"].contains(&key) || key.starts_with("ai.providers")
    {
        return Some("(hidden)".to_string());
    }
    let (section, key) = key.split_once('.')?;
    table.get(section)?.as_table()?.get(key).map(|value| value.to_string())
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
            file: file.map(|text| ("sitewright.toml".to_string(), text.to_string())),
            environment,
        })
        .map_err(|error| error.0)
    }

    #[test]
    fn a_variable_that_was_meant_for_a_key_is_refused_and_those_of_others_are_not() {
        for slip in ["SITEWRIGHT_LISTEN", "SITEWRIGHT_SERVER_LISTEN"] {
            let refused = with(&[(slip, "1")], None).unwrap_err();
            assert_eq!(
                refused,
                format!("{slip} names no key. Did you mean SITEWRIGHT_SERVER__LISTEN?")
            );
        }
        with(
            &[("SITEWRIGHT_PORT", "tcp://10.0.0.1:80"), ("SITEWRIGHT_KEY", "sw_live")],
            None,
        )
        .unwrap();
    }

    #[test]
    fn a_variable_that_the_file_names_is_no_slip() {
        let file = "[[ai.providers]]\nprovider = \"openai\"\nmodel = \"m\"\napi_key_env = \"SITEWRIGHT_API_KEY\"";
        with(&[("SITEWRIGHT_API_KEY", "sk-1")], Some(file)).unwrap();
        assert!(with(&[("SITEWRIGHT_API_KEY", "sk-1")], None).is_err());
    }

    #[test]
    fn the_place_of_a_database_holds_no_part_of_its_password() {
        for (url, place) in [
            ("sqlite://data/sites.db?mode=rwc", "data/sites.db"),
            ("postgres://app:hunter2@db:5432/sites?password=hunter2", "db:5432/sites"),
            ("postgres://app:hun?ter2@db/sites", "of database.url"),
        ] {
            let database = with(&[("DATABASE_URL", url)], None).unwrap().database;
            assert_eq!(database.place(), place);
        }
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
