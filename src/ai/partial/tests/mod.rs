//! The scanner against serde_json, over arbitrary documents, cuts and garbage.

mod examples;
mod properties;

use super::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything one run told: its events, and how it ended.
#[derive(Debug, PartialEq)]
struct Told {
    events: Vec<Event>,
    end: Result<Value, Error>,
}

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Told {
    let mut scanner = Scanner::new("blocks");
    let mut events = Vec::new();
    for chunk in chunks {
        // Feeding goes on after an error: it must stay the same error.
        let _ = scanner.feed(chunk, &mut events);
    }
    Told {
        events: merged(events),
        end: scanner.finish(),
    }
}

fn whole(reply: impl AsRef<[u8]>) -> Told {
    read([reply.as_ref()])
}

/// Chunks of the given lengths, in turn.
fn cut<'a>(reply: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = reply;
    let mut chunks = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*length).min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// Joins what only the cuts had parted.
fn merged(events: Vec<Event>) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    for event in events {
        if let Event::Text { index, path, text } = &event
            && let Some(Event::Text {
                index: last,
                path: same,
                text: so_far,
            }) = all.last_mut()
            && (&*last, &*same) == (index, path)
        {
            so_far.push_str(text);
            continue;
        }
        all.push(event);
    }
    all
}

fn texts(events: &[Event]) -> BTreeMap<(usize, Vec<String>), String> {
    let mut texts = BTreeMap::new();
    for event in events {
        if let Event::Text { index, path, text } = event {
            let entry: &mut String = texts.entry((*index, path.to_vec())).or_default();
            entry.push_str(text);
        }
    }
    texts
}

fn closed(events: &[Event]) -> Vec<Value> {
    let mut values = Vec::new();
    for event in events {
        if let Event::Closed { index, value } = event {
            assert_eq!(*index, values.len());
            values.push(value.clone());
        }
    }
    values
}

fn read_in(reply: &str, length: usize) -> Told {
    read(cut(reply.as_bytes(), &[length]))
}
