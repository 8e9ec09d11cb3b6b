//! What a configuration must be beyond its types: values that fit each other and the place they are used in.

use secrecy::ExposeSecret;

use super::{AuthMode, Config, ConfigError, ProviderName, Role};

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

/// The first rule that is broken, with its key, the value and what is allowed.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    check_places(config)?;
    check_jobs(config)?;
    check_tokens(config)?;
    check_ai(config)?;
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
        ("ai.connect_ms", config.ai.connect_ms),
        ("ai.first_token_ms", config.ai.first_token_ms),
        ("ai.idle_ms", config.ai.idle_ms),
        ("ai.total_ms", config.ai.total_ms),
        ("ai.breaker_open_ms", config.ai.breaker_open_ms),
        ("events.poll_ms", config.events.poll_ms),
        ("events.ring_items", config.events.ring_items as u64),
        ("events.retention_days", config.events.retention_days.into()),
        ("streams.init_ms", config.streams.init_ms),
        ("streams.ping_ms", config.streams.ping_ms),
        ("streams.silence_ms", config.streams.silence_ms),
        ("streams.write_ms", config.streams.write_ms),
        ("streams.keys_ms", config.streams.keys_ms),
        ("streams.operations", config.streams.operations as u64),
        ("graphql.max_bytes", config.graphql.max_bytes as u64),
        ("graphql.max_tokens", config.graphql.max_tokens as u64),
        ("graphql.max_depth", config.graphql.max_depth as u64),
        ("graphql.max_root_fields", config.graphql.max_root_fields as u64),
        ("graphql.max_expanded_fields", config.graphql.max_expanded_fields as u64),
        ("graphql.max_cost", config.graphql.max_cost),
        ("graphql.max_batch", config.graphql.max_batch as u64),
    ] {
        if value == 0 {
            return wrong(key, &value, "at least 1");
        }
    }
    check_origins(config)?;
    check_limits(config)?;
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

/// Tokens of an identity provider: a token for another service, or of another issuer, must never do.
fn check_tokens(config: &Config) -> Result<(), ConfigError> {
    let auth = &config.auth;
    let keys = [&auth.jwt_secret, &auth.jwt_jwks_file, &auth.jwt_jwks_url];
    let given = keys.iter().filter(|key| !key.is_empty()).count();
    if auth.jwt_issuer.is_empty() {
        return match given {
            0 => Ok(()),
            _ => wrong(
                "auth.jwt_issuer",
                &"empty",
                "the `iss` of the tokens that auth.jwt_… has keys for",
            ),
        };
    }
    if config.auth.mode == AuthMode::Open {
        return wrong(
            "auth.mode",
            &"\"open\"",
            "\"keys\" where auth.jwt_issuer is set: else nobody has to show a token",
        );
    }
    if given != 1 {
        let rule = "accompanied by exactly one of auth.jwt_secret, auth.jwt_jwks_file and auth.jwt_jwks_url";
        return wrong("auth.jwt_issuer", &auth.jwt_issuer, rule);
    }
    if auth.jwt_audience.is_empty() {
        return wrong(
            "auth.jwt_audience",
            &"empty",
            "what `aud` names in tokens for this server",
        );
    }
    if (1..32).contains(&auth.jwt_secret.len()) {
        return wrong(
            "auth.jwt_secret",
            &"(hidden)",
            "at least 32 bytes, which nobody can guess",
        );
    }
    let url = &auth.jwt_jwks_url;
    let is_near = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|near| url.strip_prefix(near).is_some_and(|rest| rest.starts_with([':', '/'])));
    if !url.is_empty() && !url.starts_with("https://") && !is_near {
        return wrong(
            "auth.jwt_jwks_url",
            url,
            "an https:// address, or an http:// address of this machine",
        );
    }
    let is_role = |word: &str| ["viewer", "editor", "owner", "admin"].contains(&word);
    if !is_role(&auth.jwt_highest_role) {
        return wrong(
            "auth.jwt_highest_role",
            &auth.jwt_highest_role,
            "viewer, editor, owner or admin",
        );
    }
    if !auth.jwt_default_role.is_empty() && !is_role(&auth.jwt_default_role) {
        return wrong(
            "auth.jwt_default_role",
            &auth.jwt_default_role,
            "viewer, editor, owner, admin or empty",
        );
    }
    if auth.jwt_refresh_ms == 0 {
        return wrong("auth.jwt_refresh_ms", &0, "at least 1");
    }
    if auth.jwt_account_claim.is_empty() || auth.jwt_role_claim.is_empty() {
        return wrong(
            "auth.jwt_account_claim",
            &"empty",
            "the name of a claim, as auth.jwt_role_claim is",
        );
    }
    Ok(())
}

fn check_limits(config: &Config) -> Result<(), ConfigError> {
    let limits = &config.limits;
    for (rate_key, rate, burst_key, burst) in [
        (
            "limits.cost_per_second",
            limits.cost_per_second,
            "limits.cost_burst",
            limits.cost_burst,
        ),
        (
            "limits.requests_per_second",
            limits.requests_per_second,
            "limits.requests_burst",
            limits.requests_burst,
        ),
    ] {
        if rate > 1_000_000 {
            return wrong(rate_key, &rate, "at most 1000000");
        }
        if rate > 0 && !(1..=1_000_000_000).contains(&burst) {
            let rule = format!("from 1 to 1000000000; {rate_key} = 0 switches the limit off");
            return wrong(burst_key, &burst, &rule);
        }
    }
    if limits.failures > 0 && !(1_000..=86_400_000).contains(&limits.failure_wait_ms) {
        let rule = "from 1000 to 86400000; limits.failures = 0 switches it off";
        return wrong("limits.failure_wait_ms", &limits.failure_wait_ms, rule);
    }
    if let Err(entry) = super::Networks::read(&config.server.trusted_proxies) {
        let rule = "addresses or networks such as 10.0.0.0/8, separated by commas";
        return wrong("server.trusted_proxies", &format!("\"{entry}\""), rule);
    }
    Ok(())
}

/// Each provider that needs a network has what it needs.
fn check_ai(config: &Config) -> Result<(), ConfigError> {
    if !(2..=8).contains(&config.ai.max_sections) {
        return wrong("ai.max_sections", &config.ai.max_sections, "from 2 to 8");
    }
    for (nth, (_, ai)) in config.ai.in_order().iter().enumerate() {
        let key = |name: &str| match nth {
            0 => format!("ai.{name}"),
            nth => format!("ai.providers[{}].{name}", nth - 1),
        };
        if ai.temperature > 2.0 || ai.temperature.is_nan() {
            return wrong(&key("temperature"), &ai.temperature, "at most 2");
        }
        if ai.provider != ProviderName::Openai {
            continue;
        }
        if ai.model.trim().is_empty() {
            return wrong(&key("model"), &"empty", "the name of a model, as its server calls it");
        }
        if !ai.base_url.starts_with("https://") && !ai.base_url.starts_with("http://") {
            // An address may hold a password.
            return wrong(
                &key("base_url"),
                &"(hidden)",
                "an http:// or https:// address, such as http://127.0.0.1:8089/v1",
            );
        }
        let has_key = !ai.api_key.expose_secret().trim().is_empty();
        if !has_key && ai.base_url.starts_with("https://api.openai.com") {
            return wrong(&key("api_key"), &"empty", "a key of OpenAI, best set as OPENAI_API_KEY");
        }
        if ai
            .api_key
            .expose_secret()
            .trim()
            .chars()
            .any(|c| c.is_control() || !c.is_ascii())
        {
            return wrong(&key("api_key"), &"(hidden)", "plain letters, digits and signs");
        }
        if !(40..=2_000).contains(&ai.grammar_max_text) {
            return wrong(&key("grammar_max_text"), &ai.grammar_max_text, "from 40 to 2000");
        }
        if ai.grammar_max_items == 0 {
            return wrong(&key("grammar_max_items"), &ai.grammar_max_items, "at least 1");
        }
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
