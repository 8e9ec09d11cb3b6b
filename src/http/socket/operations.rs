//! The operations that run over one connection, each in its turn.
//!
//! Whatever is ready is taken in the order in which it became ready, one answer at a time, so a busy subscription does
//! not keep another waiting. Nothing is buffered: while the socket is blocked no operation is asked for more.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable};
use futures::stream::{BoxStream, FuturesUnordered, StreamFuture};

use super::message::Name;
use crate::http::live::Answer;

/// What the requests of one connection may weigh together, in bytes: each is kept for as long as it runs.
const WEIGHT_LIMIT: usize = 2 * 1024 * 1024;

pub struct Operations {
    limit: usize,
    running: FuturesUnordered<StreamFuture<Running>>,
    by_id: HashMap<Arc<str>, Entry>,
    weight: usize,
    number: u64,
}

struct Entry {
    number: u64,
    weight: usize,
    stop: AbortHandle,
}

struct Running {
    id: Arc<str>,
    number: u64,
    name: Name,
    answers: Abortable<BoxStream<'static, Answer>>,
}

impl futures::Stream for Running {
    type Item = Answer;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Answer>> {
        self.answers.poll_next_unpin(cx)
    }
}

/// Why an operation is not begun.
pub enum Full {
    InUse,
    TooMany,
    TooHeavy,
}

impl Operations {
    pub fn new(limit: usize) -> Self {
        Operations {
            limit,
            running: FuturesUnordered::new(),
            by_id: HashMap::new(),
            weight: 0,
            number: 0,
        }
    }

    /// Whether one more fits.
    pub fn room_for(&self, id: &str, weight: usize) -> Result<(), Full> {
        if self.by_id.contains_key(id) {
            return Err(Full::InUse);
        }
        if self.by_id.len() >= self.limit {
            return Err(Full::TooMany);
        }
        if self.weight + weight > WEIGHT_LIMIT {
            return Err(Full::TooHeavy);
        }
        Ok(())
    }

    /// Begins one for which there is room.
    pub fn launch(&mut self, id: &str, weight: usize, answers: BoxStream<'static, Answer>) {
        self.number += 1;
        let (stop, registration) = AbortHandle::new_pair();
        let (id, number) = (Arc::<str>::from(id), self.number);
        let entry = Entry { number, weight, stop };
        self.by_id.insert(id.clone(), entry);
        self.weight += weight;
        let running = Running {
            name: Name::new(&id),
            id,
            number,
            answers: Abortable::new(answers, registration),
        };
        self.running.push(running.into_future());
    }

    /// Ends one without a word, as its client asked. Nothing of it is said any more.
    pub fn stop(&mut self, id: &str) {
        if let Some(entry) = self.forget(id) {
            entry.stop.abort();
        }
    }

    fn forget(&mut self, id: &str) -> Option<Entry> {
        let entry = self.by_id.remove(id)?;
        self.weight -= entry.weight;
        Some(entry)
    }

    /// The next message of any of them; waits while there is none.
    pub async fn next(&mut self) -> String {
        loop {
            let Some((answer, running)) = self.running.next().await else {
                std::future::pending::<()>().await;
                continue;
            };
            // One that was stopped is dropped here, and its id may belong to another by now.
            let is_current = self
                .by_id
                .get(&running.id)
                .is_some_and(|entry| entry.number == running.number);
            if !is_current {
                continue;
            }
            return match answer {
                Some(Answer::Next(written)) => {
                    let message = running.name.next(&written.json);
                    self.running.push(running.into_future());
                    message
                }
                Some(Answer::Refused(errors)) => {
                    self.forget(&running.id);
                    running.name.error(&errors)
                }
                None => {
                    self.forget(&running.id);
                    running.name.complete()
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use serde_json::Value;

    use super::*;
    use crate::graphql::Written;

    fn next(text: &str) -> Answer {
        Answer::Next(Arc::new(Written {
            json: text.to_string(),
            cursor: None,
        }))
    }

    fn of(message: &str) -> (String, String) {
        let message: Value = serde_json::from_str(message).unwrap();
        let word = |name: &str| message[name].as_str().unwrap().to_string();
        (word("id"), word("type"))
    }

    #[tokio::test]
    async fn a_busy_operation_does_not_keep_another_waiting() {
        let mut operations = Operations::new(50);
        operations.launch("busy", 1, stream::repeat_with(|| next("1")).boxed());
        operations.launch("calm", 1, stream::iter([next("1"), next("2")]).boxed());
        let mut heard = Vec::new();
        for _ in 0..8 {
            heard.push(of(&operations.next().await));
        }
        let calm: Vec<usize> = (0..8).filter(|at| heard[*at].0 == "calm").collect();
        assert_eq!(calm.len(), 3, "{heard:?}");
        assert!(calm[2] <= 6, "two answers and the end come in turn: {heard:?}");
    }

    #[tokio::test]
    async fn a_stopped_operation_says_nothing_more_and_gives_its_id_and_room_back() {
        let mut operations = Operations::new(1);
        operations.launch("a", 10, stream::repeat_with(|| next("1")).boxed());
        assert_eq!(of(&operations.next().await), ("a".into(), "next".into()));
        assert!(matches!(operations.room_for("a", 1), Err(Full::InUse)));
        assert!(matches!(operations.room_for("b", 1), Err(Full::TooMany)));
        operations.stop("a");
        assert!(operations.room_for("a", 1).is_ok());
        operations.launch("a", WEIGHT_LIMIT, stream::iter([next("2")]).boxed());
        assert!(
            operations.next().await.contains(r#""payload":2"#),
            "only the new one speaks"
        );
        assert_eq!(of(&operations.next().await), ("a".into(), "complete".into()));
        operations.limit = 2;
        operations.launch("a", WEIGHT_LIMIT, stream::pending().boxed());
        assert!(matches!(operations.room_for("b", 1), Err(Full::TooHeavy)));
        operations.stop("unknown");
    }
}
