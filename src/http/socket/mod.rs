//! GraphQL over WebSocket, `graphql-transport-ws`: queries, mutations and subscriptions over one connection.
//!
//! Our own loop, because a client decides by close codes whether to come back, and because one that stops reading must
//! not cost more than its connection. [`handshake`] opens it, [`connection`] is the loop, [`operations`] what runs,
//! [`message`] the words, [`wire`] the writes with their limit and the end with its code.

mod connection;
mod handshake;
mod message;
mod operations;
mod wire;

pub use handshake::accept;
