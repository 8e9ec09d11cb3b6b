//! Subscriptions over multipart HTTP, as Apollo's clients and routers speak it: each part wraps a response in `payload`.
//!
//! The boundary that ends a part is written with it: clients hand a part over when they see its end, and would otherwise
//! be one event late.

use super::{Step, json};
use crate::http::live::Answer;

pub const MEDIA_TYPE: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0";
pub const OPENING: &str = "\r\n--graphql";
/// Behind a boundary: there is no further part.
const END: &str = "--\r\n";

pub fn write(step: Step) -> String {
    match step {
        Step::Answer(Answer::Next(written)) => part(&format!(r#"{{"payload":{}}}"#, written.json)),
        Step::Answer(Answer::Refused(errors)) => {
            let errors = json(&errors);
            part(&format!(r#"{{"payload":{{"errors":{errors}}}}}"#)) + END
        }
        Step::Complete => END.to_string(),
        Step::Quiet => part("{}"),
        // Beside a payload of null stand the errors of the transport, which end the stream.
        Step::KeyGone(errors) | Step::Leaving(errors) => {
            let errors = json(&errors);
            part(&format!(r#"{{"payload":null,"errors":{errors}}}"#)) + END
        }
    }
}

fn part(body: &str) -> String {
    format!("\r\ncontent-type: application/json\r\n\r\n{body}\r\n--graphql")
}
