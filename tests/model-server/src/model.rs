//! The handle that tests hold: a running server, its rules and its book.
//!
//! Waiting is by signal only. A deadline for a wait is absent: the test runner has one.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpSocket;
use tokio::sync::watch;

use crate::behaviour::{Behaviour, Rule, When};
use crate::book::{Book, Call, Outcome, Shared, Statistics};
use crate::server;

/// A running server; it stops when this goes.
pub struct Model {
    book: Shared,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Model {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Model {
    /// Listens on a free port of this machine. It behaves, at full speed, until told otherwise.
    pub async fn start() -> Self {
        Model::listen(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("a free port on this machine")
    }

    pub async fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        // The usual 128 have no room for a crowd; who finds none tries again a second later.
        let listener = socket.listen(1024)?;
        let address = listener.local_addr()?;
        let book: Shared = Arc::new(watch::Sender::new(Book::default()));
        let task = tokio::spawn(server::serve(listener, book.clone()));
        Ok(Model { book, address, task })
    }

    /// What a client takes as its base URL.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the server ends, which it does not by itself.
    pub async fn forever(mut self) {
        let _ = (&mut self.task).await;
    }
}

/// Rules. Of several that select a call, the one given first wins.
impl Model {
    /// What these calls do, however many come.
    pub fn always(&self, when: When, behaviour: Behaviour) -> &Self {
        self.rule(Rule {
            when,
            behaviour,
            times: None,
        })
    }

    /// What the next of these calls does.
    pub fn once(&self, when: When, behaviour: Behaviour) -> &Self {
        self.times(1, when, behaviour)
    }

    pub fn times(&self, times: usize, when: When, behaviour: Behaviour) -> &Self {
        self.rule(Rule {
            when,
            behaviour,
            times: Some(times),
        })
    }

    pub fn rule(&self, rule: Rule) -> &Self {
        self.book.send_modify(|book| book.rules.push(rule));
        self
    }

    /// Forgets all rules: calls behave again. The book of calls stays.
    pub fn clear(&self) -> &Self {
        self.book.send_modify(|book| book.rules.clear());
        self
    }

    /// How fast calls that come from now on are written; 0 is full speed.
    pub fn speed(&self, tokens_per_second: u32) -> &Self {
        self.book.send_modify(|book| book.tokens_per_second = tokens_per_second);
        self
    }
}

/// Watching.
impl Model {
    pub fn statistics(&self) -> Statistics {
        self.book.borrow().statistics()
    }

    /// The selected calls so far, oldest first.
    pub fn calls(&self, when: &When) -> Vec<Call> {
        let book = self.book.borrow();
        book.calls.iter().filter(|call| when.selects(call)).cloned().collect()
    }

    /// Waits until so many characters of a selected call went out (0: until one began).
    pub async fn reached(&self, when: &When, characters: usize) -> Call {
        self.first(|call| call.characters >= characters && when.selects(call))
            .await
    }

    /// Waits until a selected call came to this.
    pub async fn ended(&self, when: &When, outcome: Outcome) -> Call {
        self.first(|call| call.outcome == outcome && when.selects(call)).await
    }

    /// Waits until no call runs.
    pub async fn idle(&self) {
        let mut book = self.book.subscribe();
        // The sender lives in `self`, so the channel cannot close.
        let _ = book.wait_for(|book| book.statistics().running == 0).await;
    }

    async fn first(&self, wanted: impl Fn(&Call) -> bool) -> Call {
        let mut book = self.book.subscribe();
        let mut found = None;
        loop {
            let look = |book: &Book| {
                found = book.calls.iter().find(|call| wanted(call)).cloned();
                found.is_some()
            };
            // The sender lives in `self`, so the channel cannot close.
            let _ = book.wait_for(look).await;
            if let Some(call) = found.take() {
                return call;
            }
        }
    }
}
