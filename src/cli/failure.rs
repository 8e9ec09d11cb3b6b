//! How a command fails: one sentence on standard error, and an exit code that scripts can use.

use std::fmt;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::error::{Error, Why};

#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// What was given is wrong: exit code 2.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            code: 2,
        }
    }

    /// Something that should work did not: exit code 1.
    pub fn broken(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            code: 1,
        }
    }

    /// A job ended without its result: exit code 4.
    pub fn generation_failed(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            code: 4,
        }
    }

    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::bad_input(error.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::from(&error)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        match error {
            Error::Refused(refusals) => {
                let is_money = refusals
                    .iter()
                    .any(|r| matches!(r.why, Why::InsufficientCredits { .. }));
                Failure {
                    message: error.cause(),
                    code: if is_money { 3 } else { 2 },
                }
            }
            // On the command line the operator reads; the cause is what helps.
            _ => Failure {
                message: format!("This did not work: {}.", error.cause().trim_end_matches('.')),
                code: 1,
            },
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(cause: std::io::Error) -> Self {
        Failure {
            message: format!("This did not work: {cause}."),
            code: 1,
        }
    }
}
