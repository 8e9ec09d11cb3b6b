//! Tracing: for a person on a terminal, JSON elsewhere. Brief texts and keys are never put into it.
//!
//! A server writes a line a request. A thread of its own writes them, as many at once as wait: whoever logs does not wait
//! for the pipe, nor for the lock that all who write to it share. When thousands wait, who logs
//! does too; what waits when the process is killed, or told to end for the second time, is lost.

use std::io::{BufWriter, IsTerminal};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{ConfigError, Log, LogFormat};

/// Bytes that are written together, at most.
const TOGETHER: usize = 16 * 1024;

/// Lines that may wait before who logs has to.
const WAITING: usize = 4_096;

/// Who writes the lines.
pub enum Writer {
    /// Whoever logs, at once.
    Logging,
    /// A thread of its own.
    Thread,
}

/// Writes what still waits when it goes: it lives as long as the process does.
pub struct Lines(#[expect(dead_code, reason = "what matters is its end")] Option<WorkerGuard>);

/// Installs the process's subscriber, once.
pub fn init(log: &Log, writer: Writer) -> Result<Lines, ConfigError> {
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
    let (writer, lines) = match writer {
        Writer::Logging => (BoxMakeWriter::new(std::io::stderr), None),
        Writer::Thread => {
            let lines = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(WAITING);
            let lines = lines.thread_name("log");
            // It is flushed whenever nothing more waits.
            let (writer, guard) = lines.finish(BufWriter::with_capacity(TOGETHER, std::io::stderr()));
            (BoxMakeWriter::new(writer), Some(guard))
        }
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A second call would be a test's; the first one stands.
    let _ = if is_human {
        builder.with_target(false).compact().try_init()
    } else {
        builder.json().flatten_event(true).with_span_list(false).try_init()
    };
    Ok(Lines(lines))
}
