//! Tracing: for a person on a terminal, JSON elsewhere. Brief texts and keys are never put into it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use crate::config::{ConfigError, Log, LogFormat};

/// Installs the process's subscriber, once.
pub fn init(log: &Log) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|cause| {
        let example = "such as \"info\" or \"sitewright=debug,info\"";
        ConfigError(format!(
            "log.filter is \"{}\": it must be a tracing filter, {example} ({cause}).",
            log.filter
        ))
    })?;
    // It repeats what a model's server sent, at the level of errors: that may be a key, and is a customer's text.
    let silent: Result<Directive, _> = "async_openai=off".parse();
    let filter = match silent {
        Ok(silent) => filter.add_directive(silent),
        Err(_) => filter,
    };
    let is_human = match log.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second call would be a test's; the first one stands.
    let _ = if is_human {
        builder.with_target(false).compact().try_init()
    } else {
        builder.json().flatten_event(true).with_span_list(false).try_init()
    };
    Ok(())
}
