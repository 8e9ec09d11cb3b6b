//! The scalars of the schema: instants and event cursors.
//!
//! Ids are GraphQL's own ID; their shape is in `crate::ids`.

use async_graphql::{InputType, InputValueError, InputValueResult, Pos, Scalar, ScalarType, Value};
use chrono::{DateTime as Chrono, SecondsFormat, SubsecRound, Utc};

use crate::error::Instant;

/// A moment in RFC 3339, in UTC with up to six decimals: `2026-01-31T08:30:00.123456Z`. Input with another offset is
/// converted to UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Instant);

/// A moment in RFC 3339, in UTC with up to six decimals: `2026-01-31T08:30:00.123456Z`. Input with another offset is
/// converted to UTC.
#[Scalar(specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        match Chrono::parse_from_rfc3339(text) {
            Ok(at) => Ok(DateTime(at.with_timezone(&Utc).trunc_subsecs(6))),
            Err(_) => Err(InputValueError::custom(
                "write a moment like 2026-01-31T08:30:00Z (RFC 3339)",
            )),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// Whether a value is one of a scalar of ours; the words say what it should be.
pub fn check(name: &str, value: &Value) -> Result<(), String> {
    fn told<T: ScalarType + InputType>(value: &Value) -> Result<(), String> {
        let parsed = <T as ScalarType>::parse(value.clone());
        parsed.map(drop).map_err(|why| {
            let message = why.into_server_error(Pos::default()).message;
            message.rsplit("\": ").next().unwrap_or(&message).to_string()
        })
    }
    match name {
        "DateTime" => told::<DateTime>(value),
        "Cursor" => told::<Cursor>(value),
        _ => Ok(()),
    }
}

impl From<Instant> for DateTime {
    fn from(at: Instant) -> Self {
        DateTime(at)
    }
}

/// Where a watcher stands in one event stream; opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// Where a watcher stands in one event stream. Opaque: keep it as it is and pass it as `after` to the subscription that
/// it came from; within one stream a later event has a later cursor. A cursor that the server can no longer continue
/// from is answered by a snapshot event, never by an error.
#[Scalar]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Cursor(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}
