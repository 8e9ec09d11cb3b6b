//! The book in which the server keeps its calls, and the ticket that each call holds.
//!
//! The book lives in a watch channel: whoever waits for something is woken by every change. A ticket that
//! is dropped before its call ended is how an abandoned call is known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::watch;

use crate::behaviour::{Behaviour, Rule};

/// One call, as far as it came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Counted from 1.
    pub number: usize,
    /// From the caller's `x-client-request-id`, up to its first dot.
    pub job: String,
    pub model: String,
    /// The name of the schema that was asked for.
    pub function: String,
    /// Every message, one after the other.
    #[serde(skip)]
    pub prompt: String,
    /// The request as it came.
    #[serde(skip)]
    pub body: Arc<serde_json::Value>,
    /// The credential that came with it.
    #[serde(skip)]
    pub authorization: Option<String>,
    /// Characters of the reply that were handed to the connection.
    pub characters: usize,
    pub outcome: Outcome,
    /// When it came, and when it ended or was abandoned, in milliseconds since 1970.
    pub began_ms: u64,
    pub ended_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Running,
    /// The whole answer went out, whatever it was.
    Answered,
    /// The server broke the connection.
    Cut,
    /// The caller went away before.
    Aborted,
}

/// What came of the calls so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Statistics {
    pub calls: usize,
    pub running: usize,
    /// The largest number of calls that ran at once.
    pub peak: usize,
    pub answered: usize,
    pub cut: usize,
    pub aborted: usize,
    pub calls_by_job: BTreeMap<String, usize>,
}

#[derive(Default)]
pub(crate) struct Book {
    pub rules: Vec<Rule>,
    pub calls: Vec<Call>,
    pub tokens_per_second: u32,
    running: usize,
    peak: usize,
}

pub(crate) type Shared = Arc<watch::Sender<Book>>;

/// A running call's own line in the book.
pub(crate) struct Ticket {
    book: Shared,
    place: usize,
    pub behaviour: Behaviour,
    pub tokens_per_second: u32,
}

impl Book {
    pub fn statistics(&self) -> Statistics {
        let count = |outcome| self.calls.iter().filter(|call| call.outcome == outcome).count();
        let mut calls_by_job = BTreeMap::new();
        for call in &self.calls {
            *calls_by_job.entry(call.job.clone()).or_insert(0) += 1;
        }
        Statistics {
            calls: self.calls.len(),
            running: self.running,
            peak: self.peak,
            answered: count(Outcome::Answered),
            cut: count(Outcome::Cut),
            aborted: count(Outcome::Aborted),
            calls_by_job,
        }
    }

    fn pick(&mut self, call: &Call) -> Behaviour {
        let mut rules = self.rules.iter_mut();
        let Some(rule) = rules.find(|rule| rule.times != Some(0) && rule.when.selects(call)) else {
            return Behaviour::Behave;
        };
        rule.times = rule.times.map(|times| times - 1);
        rule.behaviour.clone()
    }
}

impl Ticket {
    /// Enters a call; its number, outcome and times are ours to give.
    pub fn draw(book: &Shared, mut call: Call) -> Self {
        let mut ticket = Ticket {
            book: book.clone(),
            place: 0,
            behaviour: Behaviour::Behave,
            tokens_per_second: 0,
        };
        book.send_modify(|book| {
            call.number = book.calls.len() + 1;
            call.began_ms = now_ms();
            ticket.behaviour = book.pick(&call);
            ticket.tokens_per_second = book.tokens_per_second;
            ticket.place = book.calls.len();
            book.calls.push(call);
            book.running += 1;
            book.peak = book.peak.max(book.running);
        });
        ticket
    }

    pub fn sent(&self, characters: usize) {
        self.book
            .send_modify(|book| book.calls[self.place].characters += characters);
    }

    pub fn end(&self, outcome: Outcome) {
        self.book.send_if_modified(|book| {
            let call = &mut book.calls[self.place];
            if call.outcome != Outcome::Running {
                return false;
            }
            call.outcome = outcome;
            call.ended_ms = Some(now_ms());
            book.running -= 1;
            true
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(Outcome::Aborted);
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
