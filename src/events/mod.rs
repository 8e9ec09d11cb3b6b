//! The three event streams: what is written with a transaction, what flows in between, and how a watcher
//! that joins anywhere sees all of it exactly once.
//!
//! Durable events are rows, written by the transaction they describe ([`append`]) and announced after it
//! commits ([`Unit`]). The text of a block that is being written flows through the [`Bus`] only. A watcher
//! attaches, replays and hands over ([`Feeds`]); a [`watchdog`] asks the database for what no announcement
//! brought. Nothing here knows what a job makes.

pub mod append;
mod bus;
mod channel;
mod dense_feed;
mod event;
mod feeds;
mod job_feed;
mod open_text;
mod relay;
mod unit;
pub mod watchdog;

pub use bus::{Bus, Hint, Notice};
pub use channel::{Attachment, Channel};
pub use event::{
    AccountBody, AccountFeedItem, BlueprintBody, BlueprintFeedItem, Item, ItemBody, JobBody, JobEvent, JobFeedItem,
    OpenText, Piece, TextDelta,
};
pub use feeds::{After, Feeds};
pub use open_text::utf16_len;
pub use unit::Unit;
