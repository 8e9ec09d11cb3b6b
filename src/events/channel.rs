//! The live stream of one job in this process: the newest items, and the text of the open block.
//!
//! Watchers hold no queue of their own: each remembers its position and reads on from there, so a slow
//! one costs nothing and its waiting deltas merge by themselves. Ids only rise; an item at or below the
//! head is refused, which is what keeps a writer that lost its lease from being heard.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::event::{Item, ItemBody, JobEvent, OpenText, TextDelta};
use crate::ids::Position;

pub struct Channel {
    capacity: usize,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    watchers: AtomicUsize,
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

/// What is known of the text of the open block.
enum Open {
    /// Every delta since the last reset was seen.
    Known(Vec<OpenText>),
    /// Some were missed: nothing can be said until the next reset.
    Unknown,
}

impl Channel {
    pub(super) fn new(capacity: usize) -> Self {
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
        }
    }

    /// Appends an item unless its id is at or below the head; says whether it was taken.
    pub fn push(&self, item: Arc<Item>) -> bool {
        {
            let mut state = self.state.lock();
            if state.head.is_some_and(|head| item.at <= head) {
                return false;
            }
            state.head = Some(item.at);
            state.touched_at = Instant::now();
            match &item.body {
                ItemBody::Text(delta) => state.open.extend(delta),
                ItemBody::Event(event) => {
                    if event.resets_text() || matches!(event, JobEvent::Queued) {
                        state.open = Open::Known(Vec::new());
                    }
                    if event.is_terminal() {
                        state.ended_at = Some(Instant::now());
                    }
                }
            }
            if state.items.len() >= self.capacity {
                state.items.pop_front();
            }
            state.items.push_back(item);
        }
        self.changed.send_replace(());
        true
    }

    /// The items after `position`, oldest first, as far as they are kept.
    pub fn after(&self, position: Option<Position>) -> Vec<Arc<Item>> {
        let state = self.state.lock();
        let start = match position {
            Some(position) => state.items.partition_point(|item| item.at <= position),
            None => 0,
        };
        state.items.range(start..).cloned().collect()
    }

    pub fn head(&self) -> Option<Position> {
        self.state.lock().head
    }

    /// The head and, if it is known, the open text at that very position.
    pub fn open_text(&self) -> (Option<Position>, Option<Vec<OpenText>>) {
        let state = self.state.lock();
        let open = match &state.open {
            Open::Known(open) => Some(open.clone()),
            Open::Unknown => None,
        };
        (state.head, open)
    }

    /// Whether the stream's terminal event was seen here.
    pub fn has_ended(&self) -> bool {
        self.state.lock().ended_at.is_some()
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

impl Open {
    fn extend(&mut self, delta: &TextDelta) {
        let Open::Known(open) = self else { return };
        // The field being written is the last one; others are rare.
        let known = open
            .iter_mut()
            .rev()
            .find(|text| text.block_id == delta.block_id && text.path == delta.path);
        let length = known.as_ref().map_or(0, |text| utf16_len(&text.text));
        match known {
            _ if length != delta.offset => *self = Open::Unknown,
            Some(text) => text.text.push_str(&delta.text),
            None => open.push(OpenText {
                block_id: delta.block_id,
                path: delta.path.clone(),
                text: delta.text.clone(),
            }),
        }
    }
}

/// JavaScript's `length` of a string.
pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
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
            prev: None,
            time: now(),
            body: ItemBody::Text(delta),
        })
    }

    #[test]
    fn an_item_at_or_below_the_head_is_refused() {
        let channel = Channel::new(10);
        assert!(channel.push(event(2, 5, JobEvent::Queued)));
        assert!(!channel.push(event(2, 5, JobEvent::Queued)));
        assert!(!channel.push(event(1, 9, JobEvent::Queued)));
        assert!(channel.push(event(3, 1, JobEvent::Queued)));
    }

    #[test]
    fn the_open_text_counts_in_utf16_and_is_unknown_after_a_gap() {
        let (channel, block) = (Channel::new(10), Uuid::now_v7());
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
        let channel = Channel::new(3);
        for n in 1..=5 {
            channel.push(event(1, n, JobEvent::Queued));
        }
        let kept: Vec<i64> = channel.after(None).iter().map(|item| item.at.n).collect();
        assert_eq!(kept, [3, 4, 5]);
        assert_eq!(channel.after(Some(Position::new(1, 4))).len(), 1);
    }
}
