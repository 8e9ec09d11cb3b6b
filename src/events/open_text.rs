//! The text of the block that is being written, as far as this process has seen it.
//!
//! Kept beside the ring, because text outlives the pieces it came in, and with the place it stands at, because text that
//! was told by the carrier may be ahead of the items that are here.

use super::event::{Item, ItemBody, JobEvent, OpenText, TextDelta};
use crate::ids::Position;

/// What is known of the text of the open block.
pub(super) enum Open {
    /// Every delta since the last reset was seen.
    Known(OpenAt),
    /// Some were missed: nothing can be said until the next reset.
    Unknown,
}

/// Everything that was written of the open block up to a place.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAt {
    pub at: Position,
    pub texts: Vec<OpenText>,
    /// Items before this place are missing in the carrier and will never come: whoever waits for them may go on here.
    pub heals: bool,
}

impl Open {
    /// The text at exactly this place, if it is known.
    pub fn at(&self, place: Option<Position>) -> Option<Vec<OpenText>> {
        match self {
            Open::Known(known) if Some(known.at) == place => Some(known.texts.clone()),
            _ => None,
        }
    }

    /// Whether it is known up to this place or beyond.
    pub fn reaches(&self, place: Position) -> bool {
        matches!(self, Open::Known(known) if known.at >= place)
    }

    /// Moves on by one item; one that was missed in between makes the text unknown until the next reset.
    pub fn follow(&mut self, item: &Item) {
        let resets = match &item.body {
            ItemBody::Event(event) => event.resets_text() || matches!(event, JobEvent::Queued),
            ItemBody::Text(_) => false,
        };
        if resets {
            *self = Open::Known(OpenAt {
                at: item.at,
                texts: Vec::new(),
                heals: false,
            });
            return;
        }
        let Open::Known(OpenAt { at, texts, .. }) = self else {
            return;
        };
        if item.at <= *at {
            return; // Told text may be ahead of the items.
        }
        let is_next = item.prev == Some(*at);
        *at = item.at;
        let is_whole = match &item.body {
            ItemBody::Text(delta) => extend(texts, delta),
            ItemBody::Event(_) => true,
        };
        if !is_next || !is_whole {
            *self = Open::Unknown;
        }
    }
}

/// Adds a piece of text where it belongs; false when text before it is missing.
fn extend(open: &mut Vec<OpenText>, delta: &TextDelta) -> bool {
    // The field being written is the last one; others are rare.
    let known = open
        .iter_mut()
        .rev()
        .find(|text| text.block_id == delta.block_id && text.path == delta.path);
    let length = known.as_ref().map_or(0, |text| utf16_len(&text.text));
    match known {
        _ if length != delta.offset => return false,
        Some(text) => text.text.push_str(&delta.text),
        None => open.push(OpenText {
            block_id: delta.block_id,
            path: delta.path.clone(),
            text: delta.text.clone(),
        }),
    }
    true
}

/// JavaScript's `length` of a string.
pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
