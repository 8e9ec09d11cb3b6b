//! GraphQL over SSE, distinct connections: `next` for each answer, then `complete`.
//!
//! An event's id is its cursor, so a browser that comes back with `Last-Event-ID` misses nothing. A response that ends
//! without `complete` was cut: clients come back.

use super::{Step, json};
use crate::http::live::Answer;

pub const MEDIA_TYPE: &str = "text/event-stream; charset=utf-8";
/// A comment: the client sees at once that it is connected.
pub const OPENING: &str = ":\n\n";
const QUIET: &str = ":\n\n";
/// Browsers drop an event without data.
const COMPLETE: &str = "event: complete\ndata:\n\n";

pub fn write(step: Step) -> String {
    match step {
        Step::Answer(Answer::Next(written)) => {
            let json = &written.json;
            match &written.cursor {
                Some(cursor) => format!("event: next\nid: {cursor}\ndata: {json}\n\n"),
                None => format!("event: next\ndata: {json}\n\n"),
            }
        }
        Step::Answer(Answer::Refused(errors)) | Step::KeyGone(errors) => {
            let errors = json(&errors);
            format!("event: next\ndata: {{\"errors\":{errors}}}\n\n{COMPLETE}")
        }
        Step::Complete => COMPLETE.to_string(),
        Step::Quiet => QUIET.to_string(),
        Step::Leaving(_) => String::new(),
    }
}
