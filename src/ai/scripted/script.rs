//! The handle that tests hold, and the stream that carries a behaviour out.
//!
//! Waiting is by signal only. A deadline for a wait is absent: the test runner has one.

use super::behaviour::{Behaviour, Subject, When};
use super::calls::{Book, Call, Outcome, Rule, Ticket};
use crate::ai::pacing::{self, Pieces, split_at_character};
use crate::ai::{Delta, Deltas, Error, FinishReason, Request, offline};
use std::sync::Arc;
use tokio::sync::watch;

/// Rules for calls to come and a book of those that were. Clones share both.
#[derive(Clone)]
pub struct Script {
    pub(super) book: Arc<watch::Sender<Book>>,
}

impl Default for Script {
    fn default() -> Self {
        Script::new()
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Script")
            .field("calls", &self.book.borrow().calls)
            .finish_non_exhaustive()
    }
}

/// Rules. Of several that select a call, the one given first wins.
impl Script {
    /// Behaves, at full speed, until told otherwise.
    pub fn new() -> Self {
        let book = Book {
            rules: Vec::new(),
            otherwise: Behaviour::Behave,
            tokens_per_second: 0,
            calls: Vec::new(),
            peak: 0,
            releases: 0,
        };
        Script {
            book: Arc::new(watch::Sender::new(book)),
        }
    }

    /// What these calls do, however many come.
    pub fn always(&self, when: When, behaviour: Behaviour) -> &Self {
        self.rule(Rule {
            when,
            behaviour,
            times: None,
            tokens_per_second: None,
        })
    }

    /// What the next of these calls does.
    pub fn once(&self, when: When, behaviour: Behaviour) -> &Self {
        self.times(1, when, behaviour)
    }

    /// What the next so many of these calls do.
    pub fn times(&self, times: usize, when: When, behaviour: Behaviour) -> &Self {
        self.rule(Rule {
            when,
            behaviour,
            times: Some(times),
            tokens_per_second: None,
        })
    }

    /// What all other calls do.
    pub fn otherwise(&self, behaviour: Behaviour) -> &Self {
        self.book.send_modify(|book| book.otherwise = behaviour);
        self
    }

    /// How fast calls write from now on; 0 is full speed.
    pub fn speed(&self, tokens_per_second: u32) -> &Self {
        self.book.send_modify(|book| book.tokens_per_second = tokens_per_second);
        self
    }

    /// Forgets all rules: calls behave again. The book of calls stays.
    pub fn clear(&self) -> &Self {
        self.book.send_modify(|book| {
            book.rules.clear();
            book.otherwise = Behaviour::Behave;
        });
        self
    }

    pub(super) fn rule(&self, rule: Rule) -> &Self {
        self.book.send_modify(|book| book.rules.push(rule));
        self
    }
}

/// Watching.
impl Script {
    /// Lets every call go on that holds now, or began before now and is still to hold.
    pub fn release(&self) {
        self.book.send_modify(|book| book.releases += 1);
    }

    /// The selected calls so far, oldest first.
    pub fn calls(&self, when: &When) -> Vec<Call> {
        self.book
            .borrow()
            .calls
            .iter()
            .filter(|call| when.selects(call))
            .cloned()
            .collect()
    }

    /// How many of the selected calls came to this so far.
    pub fn count(&self, when: &When, outcome: Outcome) -> usize {
        let book = self.book.borrow();
        book.calls
            .iter()
            .filter(|call| call.outcome == outcome && when.selects(call))
            .count()
    }

    /// How many calls run now.
    pub fn running(&self) -> usize {
        self.book.borrow().running()
    }

    /// The largest number of calls that ran at once.
    pub fn peak(&self) -> usize {
        self.book.borrow().peak
    }

    /// Waits until the reader of a selected call took so many characters (0: until one began).
    pub async fn reached(&self, when: &When, characters: usize) -> Call {
        self.first(|call| call.characters >= characters && when.selects(call))
            .await
    }

    /// Waits until a selected call came to this.
    pub async fn ended(&self, when: &When, outcome: Outcome) -> Call {
        self.first(|call| call.outcome == outcome && when.selects(call)).await
    }

    /// Waits until the calls, oldest first, are as wanted.
    pub async fn until(&self, mut wanted: impl FnMut(&[Call]) -> bool) {
        // The sender lives in `self`, so the channel cannot close.
        let _ = self.book.subscribe().wait_for(|book| wanted(&book.calls)).await;
    }

    async fn first(&self, wanted: impl Fn(&Call) -> bool) -> Call {
        let mut found = None;
        loop {
            self.until(|calls| {
                found = calls.iter().find(|call| wanted(call)).cloned();
                found.is_some()
            })
            .await;
            if let Some(call) = found {
                return call;
            }
        }
    }
}

/// Writing.
impl Script {
    pub(in crate::ai) fn stream(&self, request: Request) -> Deltas {
        // Counted here and not at the first poll, so that calls are numbered in the order they are made.
        let ticket = Ticket::draw(&self.book, &request);
        Box::pin(async_stream::stream! {
            let reply = reply(&ticket.behaviour, &request);
            let (before, after) = split_at_character(&reply, ticket.behaviour.after());
            let mut reason = FinishReason::Stop;

            let mut pieces = Pieces::new(before.to_owned(), ticket.tokens_per_second);
            while let Some(text) = pieces.next().await {
                let characters = text.chars().count();
                yield Ok(Delta::Text(text));
                ticket.took(characters);
            }
            match &ticket.behaviour {
                Behaviour::Fail { kind, retry_after, .. } => {
                    ticket.end(Outcome::Failed);
                    yield Err(Error { retry_after: *retry_after, ..Error::new(*kind, "as scripted") });
                    return;
                }
                Behaviour::Cut { .. } => {
                    ticket.end(Outcome::Cut);
                    return;
                }
                Behaviour::Stall { .. } => std::future::pending().await,
                Behaviour::Hold { .. } => {
                    ticket.released().await;
                    let mut pieces = Pieces::new(after.to_owned(), ticket.tokens_per_second);
                    while let Some(text) = pieces.next().await {
                        let characters = text.chars().count();
                        yield Ok(Delta::Text(text));
                        ticket.took(characters);
                    }
                }
                Behaviour::Finish { reason: scripted, .. } => reason = *scripted,
                Behaviour::Behave | Behaviour::Nonsense | Behaviour::WrongSchema | Behaviour::Say(_) => {}
            }
            yield Ok(Delta::Usage(pacing::usage(&request, &reply, "scripted")));
            ticket.end(Outcome::Finished);
            yield Ok(Delta::Finish(reason));
        })
    }
}

fn reply(behaviour: &Behaviour, request: &Request) -> String {
    match (behaviour, Subject::of(request)) {
        (Behaviour::Say(text), _) => text.clone(),
        (Behaviour::Nonsense, _) => "Certainly! Here is your website:\n\n<html><h1>Welcome</h1></html>".to_owned(),
        (Behaviour::WrongSchema, Subject::Structure) => {
            r#"{"siteName":42,"theme":null,"pages":[{"slug":"../etc","title":["no"],"sections":{}}]}"#.to_owned()
        }
        (Behaviour::WrongSchema, Subject::Page(_)) => {
            r#"{"blocks":[{"kind":"NO_SUCH_KIND","headline":{"text":["no"]},"placeholders":7}]}"#.to_owned()
        }
        _ => offline::write(request).to_string(),
    }
}
