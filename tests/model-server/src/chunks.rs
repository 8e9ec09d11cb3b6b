//! The stream of a completion: events as OpenAI sends them, on time, up to the misbehaviour.
//!
//! The schedule is absolute: piece n is due n periods after the first, so a slow reader never makes the
//! whole late.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::behaviour::Behaviour;
use crate::book::{Outcome, Ticket};

/// Lengths of pieces in characters, in turn: about four, like the tokens of language models.
const TOKEN: [usize; 5] = [4, 3, 5, 2, 6];
/// At full speed nobody watches the letters come, and fewer pieces cost less.
const FULL_SPEED: usize = 64;
/// A flood comes in large pieces.
const LARGE: usize = 16 << 10;

type Piece = Result<Bytes, std::io::Error>;

pub(crate) fn stream(
    ticket: Ticket,
    behaviour: Behaviour,
    reply: String,
    request: Value,
) -> impl Stream<Item = Piece> + Send {
    async_stream::stream! {
        let events = Events { model: request["model"].clone() };
        let at = reply.char_indices().nth(behaviour.after()).map_or(reply.len(), |(at, _)| at);
        let mut rest = &reply[..at];
        // Some behaviours are about bytes: they need the whole stream first.
        let mut whole = Vec::new();
        let by_bytes = matches!(behaviour, Behaviour::Drip { .. } | Behaviour::Shred { .. });
        let mut send = |bytes: Bytes| if by_bytes { whole.extend_from_slice(&bytes); None } else { Some(Ok(bytes)) };
        let (start, mut sent) = (Instant::now(), 0_u64);
        if let Some(first) = send(events.delta(json!({ "role": "assistant", "content": null }), None)) {
            yield first;
        }
        if let Behaviour::Refuse { text } = &behaviour {
            yield Ok(events.delta(json!({ "refusal": text }), None));
        }
        while !rest.is_empty() && !matches!(behaviour, Behaviour::Refuse { .. }) {
            if ticket.tokens_per_second > 0 {
                let nanos = sent * 1_000_000_000 / u64::from(ticket.tokens_per_second);
                tokio::time::sleep_until(start + Duration::from_nanos(nanos)).await;
            }
            let length = match (&behaviour, ticket.tokens_per_second) {
                (Behaviour::Flood { .. }, _) => LARGE,
                (_, 0) => FULL_SPEED,
                _ => TOKEN[(sent % TOKEN.len() as u64) as usize],
            };
            let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
            let (text, after) = rest.split_at(end);
            if let Some(piece) = send(events.delta(json!({ "content": text }), None)) {
                yield piece;
            }
            ticket.sent(text.chars().count());
            (rest, sent) = (after, sent + 1);
        }
        match &behaviour {
            Behaviour::Stall { .. } => std::future::pending::<()>().await,
            Behaviour::Cut { .. } => {
                ticket.end(Outcome::Cut);
                yield Err(std::io::Error::other("cut on command"));
                return;
            }
            Behaviour::End { .. } => {
                ticket.end(Outcome::Answered);
                return;
            }
            Behaviour::ErrorInStream { body } => {
                ticket.end(Outcome::Answered);
                yield Ok(Bytes::from(format!("data: {body}\n\n")));
                return;
            }
            _ => {}
        }
        let reason = match &behaviour {
            Behaviour::Finish { reason, .. } => reason.as_str(),
            _ => "stop",
        };
        let mut end = vec![events.delta(json!({}), Some(reason))];
        if !matches!(behaviour, Behaviour::NoUsage) && request["stream_options"]["include_usage"] == json!(true) {
            end.push(events.usage(&request, &reply[..at]));
        }
        end.push(Bytes::from_static(b"data: [DONE]\n\n"));
        for bytes in end {
            if let Some(piece) = send(bytes) {
                yield piece;
            }
        }
        match behaviour {
            Behaviour::Drip { every_ms } => {
                for byte in whole {
                    tokio::time::sleep(Duration::from_millis(every_ms)).await;
                    yield Ok(Bytes::from(vec![byte]));
                }
            }
            Behaviour::Shred { bytes } => {
                for piece in whole.chunks(bytes.max(1)) {
                    yield Ok(Bytes::copy_from_slice(piece));
                    // Pieces that are written at once would reach the reader as one.
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
            }
            _ => {}
        }
        ticket.end(Outcome::Answered);
    }
}

/// Events of one completion.
struct Events {
    model: Value,
}

impl Events {
    fn event(&self, choices: Value, usage: Value) -> Bytes {
        let event = json!({
            "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": self.model,
            "choices": choices, "usage": usage,
        });
        Bytes::from(format!("data: {event}\n\n"))
    }

    fn delta(&self, delta: Value, finish: Option<&str>) -> Bytes {
        self.event(
            json!([{ "index": 0, "delta": delta, "finish_reason": finish }]),
            Value::Null,
        )
    }

    fn usage(&self, request: &Value, reply: &str) -> Bytes {
        let tokens = |text: &str| text.chars().count().div_ceil(4);
        let (prompt, completion) = (tokens(&crate::answer::prompt(request)), tokens(reply));
        let usage = json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        });
        self.event(json!([]), usage)
    }
}
