//! The live stream of one job in this process: the newest items, and the text of the open block.
//!
//! Watchers hold no queue of their own: each remembers its position and reads on from there, so a slow
//! one costs nothing and its waiting deltas merge by themselves. Ids only rise; an item at or below the
//! head is refused, which is what keeps a writer that lost its lease from being heard.
//!
//! Where a carrier between processes exists, the channel of a job that runs elsewhere is a copy of the
//! carrier's stream ([`Channel::absorb`]); it is watched only once that copy is as good as it gets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::event::{Item, ItemBody, OpenText};
use super::open_text::{Open, OpenAt};
use crate::ids::Position;

pub struct Channel {
    capacity: usize,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    watchers: AtomicUsize,
    /// Whether the carrier has been asked for what it keeps; always so when there is none.
    joined: watch::Sender<bool>,
    owed: Mutex<Owed>,
}

/// What the carrier is owed of the open text.
struct Owed {
    /// Items that were pushed here did not reach it: how they add up goes with the next ones.
    is_broken: bool,
    told_at: Option<Instant>,
}

struct State {
    items: VecDeque<Arc<Item>>,
    head: Option<Position>,
    open: Open,
    ended_at: Option<Instant>,
    touched_at: Instant,
    /// The database's position when the watchdog last found this stream behind it.
    behind: Option<Position>,
}

impl Channel {
    pub(super) fn new(capacity: usize, has_carrier: bool) -> Self {
        let state = State {
            items: VecDeque::new(),
            head: None,
            open: Open::Unknown,
            ended_at: None,
            touched_at: Instant::now(),
            behind: None,
        };
        Channel {
            capacity,
            state: Mutex::new(state),
            changed: watch::channel(()).0,
            watchers: AtomicUsize::new(0),
            joined: watch::channel(!has_carrier).0,
            owed: Mutex::new(Owed {
                is_broken: false,
                told_at: None,
            }),
        }
    }

    /// Appends an item unless its id is at or below the head; says whether it was taken.
    pub fn push(&self, item: Arc<Item>) -> bool {
        if !self.state.lock().push(item, self.capacity) {
            return false;
        }
        self.changed.send_replace(());
        true
    }

    /// Takes over what a carrier keeps: items before and after those that are here, and the open text.
    pub(super) fn absorb(&self, open: Option<OpenAt>, items: Vec<Arc<Item>>) {
        let is_new = {
            let mut state = self.state.lock();
            let first = state.items.front().map(|item| item.at);
            let is_older = |item: &&Arc<Item>| first.is_some_and(|first| item.at < first);
            let room = self.capacity.saturating_sub(state.items.len());
            let mut is_new = false;
            for item in items.iter().rev().filter(is_older).take(room) {
                state.items.push_front(item.clone());
                is_new = true;
            }
            for item in items {
                is_new |= state.push(item, self.capacity);
            }
            open.is_some_and(|open| state.restore(open)) || is_new
        };
        if is_new {
            self.changed.send_replace(());
        }
    }

    /// Whether this item comes right after the head.
    pub(super) fn continues(&self, item: &Item) -> bool {
        let head = self.state.lock().head;
        item.prev == head || head.is_some_and(|head| item.at <= head)
    }

    /// The items after `position`, oldest first, as far as they are kept.
    pub fn after(&self, position: Option<Position>) -> Vec<Arc<Item>> {
        let state = self.state.lock();
        let is_new = |item: &&Arc<Item>| position.is_none_or(|position| item.at > position);
        // From the newest on: whoever follows lacks one item or two.
        let new = state.items.iter().rev().take_while(is_new).count();
        state.items.range(state.items.len() - new..).cloned().collect()
    }

    /// Whether the stream goes on beyond `position`, and nobody will ever send how.
    pub(super) fn jumped_over(&self, position: Option<Position>) -> bool {
        let state = self.state.lock();
        let newest = state.items.back().map(|item| item.at);
        state.head > position && newest <= position
    }

    pub fn head(&self) -> Option<Position> {
        self.state.lock().head
    }

    /// The head and, if it is known, the open text at that very position.
    pub fn open_text(&self) -> (Option<Position>, Option<Vec<OpenText>>) {
        let state = self.state.lock();
        (state.head, state.open.at(state.head))
    }

    /// Whether the stream's terminal event was seen here.
    pub fn has_ended(&self) -> bool {
        self.state.lock().ended_at.is_some()
    }

    /// The carrier has given what it keeps, or cannot be asked.
    pub(super) fn set_joined(&self, is_joined: bool) {
        self.joined
            .send_if_modified(|joined| std::mem::replace(joined, is_joined) != is_joined);
    }

    pub(super) fn is_joined(&self) -> bool {
        *self.joined.borrow()
    }

    /// Pushed items did not reach the carrier.
    pub(super) fn set_broken(&self) {
        self.owed.lock().is_broken = true;
    }

    pub(super) fn is_broken(&self) -> bool {
        self.owed.lock().is_broken
    }

    /// The open text, when the carrier is owed it: after a break, and every so often while text flows.
    pub(super) fn owed_text(&self, every: Duration, has_text: bool, is_new: bool) -> Option<OpenAt> {
        let mut owed = self.owed.lock();
        let is_due = owed.told_at.is_none_or(|at| at.elapsed() >= every);
        let heals = owed.is_broken || is_new;
        let is_owed = heals || (has_text && is_due);
        if !is_owed {
            return None;
        }
        owed.is_broken = false;
        owed.told_at = Some(Instant::now());
        let (at, texts) = self.open_text();
        Some(OpenAt {
            at: at?,
            texts: texts?,
            heals,
        })
    }

    pub(super) fn ended_at(&self) -> Option<Instant> {
        self.state.lock().ended_at
    }

    pub(super) fn is_idle_since(&self, now: Instant, age: Duration) -> bool {
        let state = self.state.lock();
        state.items.is_empty() || now.saturating_duration_since(state.touched_at) > age
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Acquire) > 0
    }

    /// Notes that the database stands at `durable`; true when that was so at the last look too and the
    /// stream still has not shown it.
    pub(super) fn is_left_behind(&self, durable: Position) -> bool {
        let mut state = self.state.lock();
        if state.head.is_some_and(|head| head >= durable) {
            state.behind = None;
            return false;
        }
        state.behind.replace(durable).is_some_and(|before| before <= durable)
    }
}

impl State {
    fn push(&mut self, item: Arc<Item>, capacity: usize) -> bool {
        if self.head.is_some_and(|head| item.at <= head) {
            return false;
        }
        self.head = Some(item.at);
        self.touched_at = Instant::now();
        self.open.follow(&item);
        if matches!(&item.body, ItemBody::Event(event) if event.is_terminal()) {
            self.ended_at = Some(Instant::now());
        }
        if self.items.len() >= capacity {
            self.items.pop_front();
        }
        self.items.push_back(item);
        true
    }

    /// Brings told text up to the head with the items that are here, if they connect.
    fn restore(&mut self, told: OpenAt) -> bool {
        if self.open.reaches(told.at) && self.head.is_some_and(|head| head >= told.at) {
            return false;
        }
        let start = self.items.partition_point(|item| item.at <= told.at);
        let mut open = Open::Known(told);
        for item in self.items.range(start..) {
            open.follow(item);
        }
        let Open::Known(known) = &open else { return false };
        if known.heals && self.head.is_none_or(|head| head < known.at) {
            // Nobody will ever send what is between; watchers who stand before it start anew from here.
            self.head = Some(known.at);
        }
        self.open = open;
        true
    }
}

/// A watcher's hold on a channel: while it lives the stream is kept and compared with the database.
pub struct Attachment {
    channel: Arc<Channel>,
    changed: watch::Receiver<()>,
}

impl Attachment {
    pub(super) fn new(channel: Arc<Channel>) -> Self {
        channel.watchers.fetch_add(1, Ordering::AcqRel);
        let changed = channel.changed.subscribe();
        Attachment { channel, changed }
    }

    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Resolves when the channel is as complete as it gets, at the latest after `patience`.
    pub async fn joined(&self, patience: Duration) {
        let mut joined = self.channel.joined.subscribe();
        let _ = tokio::time::timeout(patience, joined.wait_for(|joined| *joined)).await;
    }

    /// Everything pushed so far counts as seen; call it before reading.
    pub fn mark_seen(&mut self) {
        self.changed.borrow_and_update();
    }

    /// Resolves when something was pushed since [`Attachment::mark_seen`].
    pub async fn changed(&mut self) {
        // The sender lives in the channel that we hold, so it cannot be gone.
        let _ = self.changed.changed().await;
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.channel.watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::now;
    use crate::events::{JobEvent, TextDelta};
    use uuid::Uuid;

    fn event(lease: i64, n: i64, event: JobEvent) -> Arc<Item> {
        Arc::new(Item {
            at: Position::new(lease, n),
            prev: None,
            time: now(),
            body: ItemBody::Event(event),
        })
    }

    fn text(n: i64, block_id: Uuid, offset: usize, text: &str) -> Arc<Item> {
        let delta = TextDelta {
            block_id,
            path: Arc::from(["title".to_string()]),
            offset,
            text: text.to_string(),
        };
        Arc::new(Item {
            at: Position::new(2, n),
            prev: Some(Position::new(2, n - 1)),
            time: now(),
            body: ItemBody::Text(delta),
        })
    }

    #[test]
    fn an_item_at_or_below_the_head_is_refused() {
        let channel = Channel::new(10, false);
        assert!(channel.push(event(2, 5, JobEvent::Queued)));
        assert!(!channel.push(event(2, 5, JobEvent::Queued)));
        assert!(!channel.push(event(1, 9, JobEvent::Queued)));
        assert!(channel.push(event(3, 1, JobEvent::Queued)));
    }

    #[test]
    fn the_open_text_counts_in_utf16_and_is_unknown_after_a_gap() {
        let (channel, block) = (Channel::new(10, false), Uuid::now_v7());
        channel.push(event(
            2,
            1,
            JobEvent::BlockOpened {
                block_id: block,
                block_kind: "HERO".into(),
            },
        ));
        channel.push(text(2, block, 0, "a😀"));
        channel.push(text(3, block, 3, "b"));
        assert_eq!(channel.open_text().1.unwrap()[0].text, "a😀b");
        channel.push(text(5, block, 9, "lost"));
        assert_eq!(channel.open_text().1, None);
        channel.push(event(2, 6, JobEvent::BlockClosed { block_id: block }));
        assert_eq!(channel.open_text().1, Some(Vec::new()));
    }

    #[test]
    fn only_the_newest_items_are_kept() {
        let channel = Channel::new(3, false);
        for n in 1..=5 {
            channel.push(event(1, n, JobEvent::Queued));
        }
        let kept: Vec<i64> = channel.after(None).iter().map(|item| item.at.n).collect();
        assert_eq!(kept, [3, 4, 5]);
        assert_eq!(channel.after(Some(Position::new(1, 4))).len(), 1);
    }
}
