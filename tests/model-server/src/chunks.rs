//! The stream of a completion: events as OpenAI sends them, on time, up to the misbehaviour.
//!
//! The schedule is absolute: piece n is due n periods after the first, so a slow reader never makes the
//! whole late.

use std::pin::Pin;
use std::sync::Arc;
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

type Pieces = Pin<Box<dyn Stream<Item = Piece> + Send>>;

pub(crate) fn stream(ticket: Ticket, behaviour: Behaviour, reply: String, request: Arc<Value>) -> Pieces {
    let (bytes, pause) = match behaviour {
        Behaviour::Drip { every_ms } => (1, Duration::from_millis(every_ms)),
        // Pieces that are written at once would reach the reader as one.
        Behaviour::Shred { bytes } => (bytes.max(1), Duration::from_micros(200)),
        _ => return Box::pin(events(ticket, behaviour, reply, request)),
    };
    Box::pin(cut_up(events(ticket, behaviour, reply, request), bytes, pause))
}

/// The same bytes, in pieces that know neither events nor characters.
fn cut_up(events: impl Stream<Item = Piece> + Send, bytes: usize, pause: Duration) -> impl Stream<Item = Piece> + Send {
    async_stream::stream! {
        for await event in events {
            let Ok(event) = event else { return };
            for at in (0..event.len()).step_by(bytes) {
                yield Ok(event.slice(at..event.len().min(at + bytes)));
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn events(
    ticket: Ticket,
    behaviour: Behaviour,
    reply: String,
    request: Arc<Value>,
) -> impl Stream<Item = Piece> + Send {
    async_stream::stream! {
        let events = Events::of(&request);
        let at = match behaviour.after() {
            // Counting a flood's characters would take longer than its reader waits.
            usize::MAX => reply.len(),
            after => reply.char_indices().nth(after).map_or(reply.len(), |(at, _)| at),
        };
        let mut rest = &reply[..at];
        let (start, mut sent) = (Instant::now(), 0_u64);
        yield Ok(events.delta(json!({ "role": "assistant", "content": null }), None));
        while !rest.is_empty() {
            if ticket.tokens_per_second > 0 {
                let nanos = sent * 1_000_000_000 / u64::from(ticket.tokens_per_second);
                tokio::time::sleep_until(start + Duration::from_nanos(nanos)).await;
            }
            let length = length(&behaviour, ticket.tokens_per_second, sent);
            let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
            let (text, after) = rest.split_at(end);
            yield Ok(events.content(text));
            ticket.sent(text.chars().count());
            (rest, sent) = (after, sent + 1);
        }
        if let Behaviour::Babble { every_ms, bytes, .. } = behaviour {
            let empty = events.delta(json!({ "thinking": "m".repeat(bytes) }), None);
            loop {
                yield Ok(empty.clone());
                tokio::time::sleep(Duration::from_millis(every_ms)).await;
            }
        }
        if let Some(end) = break_off(&behaviour, &ticket).await {
            if let Some(last) = end {
                yield last;
            }
            return;
        }
        for last in events.end(&behaviour, &request, &reply[..at]) {
            yield Ok(last);
        }
        ticket.end(Outcome::Answered);
    }
}

fn length(behaviour: &Behaviour, tokens_per_second: u32, sent: u64) -> usize {
    match (behaviour, tokens_per_second) {
        (Behaviour::Flood { .. }, _) => LARGE,
        (_, 0) => FULL_SPEED,
        _ => TOKEN[(sent % TOKEN.len() as u64) as usize],
    }
}

/// What comes in the place of an end, for those that have none.
async fn break_off(behaviour: &Behaviour, ticket: &Ticket) -> Option<Option<Piece>> {
    match behaviour {
        Behaviour::Stall { .. } => std::future::pending().await,
        Behaviour::Cut { .. } => {
            // A connection that breaks takes with it what was not sent yet.
            tokio::time::sleep(Duration::from_millis(30)).await;
            ticket.end(Outcome::Cut);
            Some(Some(Err(std::io::Error::other("cut on command"))))
        }
        Behaviour::End { .. } => {
            ticket.end(Outcome::Answered);
            Some(None)
        }
        Behaviour::ErrorInStream { body } => {
            ticket.end(Outcome::Answered);
            Some(Some(Ok(Bytes::from(format!("data: {body}\n\n")))))
        }
        _ => None,
    }
}

/// Events of one completion.
struct Events {
    model: Value,
    /// What stands before and behind a piece of content: it is written for each token of each call.
    around: [String; 2],
}

impl Events {
    fn of(request: &Value) -> Events {
        let mut events = Events {
            model: request["model"].clone(),
            around: Default::default(),
        };
        let event = events.delta(json!({ "content": "" }), None);
        let event = String::from_utf8_lossy(&event);
        let (before, behind) = event.rsplit_once(r#""content":"""#).expect("an event has its content");
        events.around = [format!(r#"{before}"content":"#), behind.to_string()];
        events
    }

    fn content(&self, text: &str) -> Bytes {
        let [before, behind] = &self.around;
        Bytes::from(format!("{before}{}{behind}", Value::from(text)))
    }

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

    /// The last events: a refusal if there is one, the reason, what it took.
    fn end(&self, behaviour: &Behaviour, request: &Value, reply: &str) -> Vec<Bytes> {
        let mut end = Vec::new();
        if let Behaviour::Refuse { text } = behaviour {
            end.push(self.delta(json!({ "refusal": text }), None));
        }
        let reason = match behaviour {
            Behaviour::Finish { reason, .. } => reason.as_str(),
            _ => "stop",
        };
        end.push(self.delta(json!({}), Some(reason)));
        if !matches!(behaviour, Behaviour::NoUsage) && request["stream_options"]["include_usage"] == json!(true) {
            end.push(self.usage(request, reply));
        }
        end.push(Bytes::from_static(b"data: [DONE]\n\n"));
        end
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
