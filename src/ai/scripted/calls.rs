//! The book in which a script keeps its calls, and the ticket that each call holds.
//!
//! The book lives in a watch channel: whoever waits for something is woken by every change. A ticket
//! that is dropped before its call ended is how an abandoned call is known.

use super::behaviour::{Behaviour, Subject, When};
use crate::ai::{Request, Task};
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

/// One call, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Counted from 1.
    pub number: usize,
    pub job: Uuid,
    pub attempt: i32,
    pub subject: Subject,
    pub correction: Option<String>,
    /// How many sections were asked for; none for a structure.
    pub sections: usize,
    /// What a language model would have read, one message after the other.
    pub prompt: String,
    /// Characters that the reader took: it came back for more after the last of them.
    pub characters: usize,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Running,
    /// Sent a finish reason.
    Finished,
    /// Sent an error.
    Failed,
    /// Ended in silence.
    Cut,
    /// Was dropped by its reader before any of these.
    Aborted,
}

pub(super) struct Book {
    pub(super) rules: Vec<Rule>,
    /// For calls that no rule selects.
    pub(super) otherwise: Behaviour,
    pub(super) tokens_per_second: u32,
    pub(super) calls: Vec<Call>,
    /// The largest number of calls that ran at once.
    pub(super) peak: usize,
    /// How often held calls were released.
    pub(super) releases: u64,
}

pub(super) struct Rule {
    pub(super) when: When,
    pub(super) behaviour: Behaviour,
    /// How many more calls it applies to; nothing is no limit.
    pub(super) times: Option<usize>,
    pub(super) tokens_per_second: Option<u32>,
}

/// A running call's own line in the book.
pub(super) struct Ticket {
    book: Arc<watch::Sender<Book>>,
    /// The call's place in the book.
    place: usize,
    releases: u64,
    pub(super) behaviour: Behaviour,
    pub(super) tokens_per_second: u32,
}

impl Book {
    pub(super) fn running(&self) -> usize {
        self.calls
            .iter()
            .filter(|call| call.outcome == Outcome::Running)
            .count()
    }

    fn pick(&mut self, call: &Call) -> (Behaviour, u32) {
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.times != Some(0) && rule.when.selects(call));
        let Some(rule) = rule else {
            return (self.otherwise.clone(), self.tokens_per_second);
        };
        rule.times = rule.times.map(|times| times - 1);
        (
            rule.behaviour.clone(),
            rule.tokens_per_second.unwrap_or(self.tokens_per_second),
        )
    }
}

impl Ticket {
    pub(super) fn draw(book: &Arc<watch::Sender<Book>>, request: &Request) -> Self {
        let mut ticket = Ticket {
            book: Arc::clone(book),
            place: 0,
            releases: 0,
            behaviour: Behaviour::Behave,
            tokens_per_second: 0,
        };
        book.send_modify(|book| {
            let call = Call {
                number: book.calls.len() + 1,
                job: request.job,
                attempt: request.attempt,
                subject: Subject::of(request),
                correction: request.correction.clone(),
                sections: sections(request),
                prompt: prompt(request),
                characters: 0,
                outcome: Outcome::Running,
            };
            (ticket.behaviour, ticket.tokens_per_second) = book.pick(&call);
            ticket.place = book.calls.len();
            ticket.releases = book.releases;
            book.calls.push(call);
            book.peak = book.peak.max(book.running());
        });
        ticket
    }

    pub(super) fn took(&self, characters: usize) {
        self.write(|call| call.characters += characters);
    }

    pub(super) fn end(&self, outcome: Outcome) {
        self.write(|call| {
            if call.outcome == Outcome::Running {
                call.outcome = outcome;
            }
        });
    }

    /// Waits for a release that came after this call began, even if it came before this wait.
    pub(super) async fn released(&self) {
        // The sender lives in `self`, so the channel cannot close.
        let _ = self
            .book
            .subscribe()
            .wait_for(|book| book.releases > self.releases)
            .await;
    }

    fn write(&self, change: impl FnOnce(&mut Call)) {
        self.book.send_modify(|book| {
            if let Some(call) = book.calls.get_mut(self.place) {
                change(call);
            }
        });
    }
}

fn sections(request: &Request) -> usize {
    match &request.task {
        Task::Structure { .. } => 0,
        Task::Page(page) => page.sections.len(),
    }
}

fn prompt(request: &Request) -> String {
    let texts: Vec<&str> = request.messages.iter().map(|message| message.text.as_str()).collect();
    texts.join("\n")
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(Outcome::Aborted);
    }
}
