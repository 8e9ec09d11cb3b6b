//! How items travel: short JSON, read back exactly.

use std::sync::Arc;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::event::{Item, ItemBody, JobEvent, OpenText, TextDelta};
use super::super::open_text::OpenAt;
use crate::ids::Position;
use crate::redis::Entry;

#[derive(Serialize, Deserialize)]
struct WireItem {
    /// The item before it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    p: Option<(i64, i64)>,
    /// Microseconds since 1970.
    t: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    e: Option<JobEvent>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    d: Option<WireText>,
}

#[derive(Deserialize)]
struct WireBell {
    i: Vec<(i64, i64, WireItem)>,
}

#[derive(Serialize, Deserialize)]
struct WireText {
    b: Uuid,
    f: Vec<String>,
    #[serde(default)]
    o: usize,
    x: String,
}

#[derive(Serialize, Deserialize)]
struct WireOpen {
    at: (i64, i64),
    #[serde(default)]
    heals: bool,
    texts: Vec<WireText>,
}

pub fn entry(item: &Item) -> Option<Entry> {
    let (e, d) = match &item.body {
        ItemBody::Event(event) => (Some(event.clone()), None),
        ItemBody::Text(delta) => (
            None,
            Some(WireText {
                b: delta.block_id,
                f: delta.path.to_vec(),
                o: delta.offset,
                x: delta.text.clone(),
            }),
        ),
    };
    let p = item.prev.map(|prev| (prev.lease, prev.n));
    let t = item.time.timestamp_micros();
    let body = serde_json::to_string(&WireItem { p, t, e, d }).ok()?;
    Some(Entry { at: item.at, body })
}

/// None when another version of the program wrote it in a way that this one cannot read.
pub fn item(entry: &Entry) -> Option<Arc<Item>> {
    read(entry.at, serde_json::from_str(&entry.body).ok()?)
}

fn read(at: Position, wire: WireItem) -> Option<Arc<Item>> {
    let body = match (wire.e, wire.d) {
        (Some(event), None) => ItemBody::Event(event),
        (None, Some(text)) => ItemBody::Text(TextDelta {
            block_id: text.b,
            path: Arc::from(text.f),
            offset: text.o,
            text: text.x,
        }),
        _ => return None,
    };
    Some(Arc::new(Item {
        at,
        prev: wire.p.map(|(lease, n)| Position::new(lease, n)),
        time: DateTime::from_timestamp_micros(wire.t)?,
        body,
    }))
}

/// The doorbell of a job: who rings, and the items themselves.
pub fn bell(node: &str, entries: &[Entry]) -> String {
    let mut text = format!("{{\"n\":\"{node}\",\"i\":[");
    for (index, entry) in entries.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        text.push_str(&format!("{comma}[{},{},{}]", entry.at.lease, entry.at.n, entry.body));
    }
    text.push_str("]}");
    text
}

/// The items of a doorbell, unless this node rang it; empty when they cannot be read.
pub fn rung(node: &str, text: &str) -> Option<Vec<Arc<Item>>> {
    let own = text.strip_prefix("{\"n\":\"").and_then(|rest| rest.strip_prefix(node));
    if own.is_some() {
        return None;
    }
    let items = serde_json::from_str(text).ok().and_then(|bell: WireBell| {
        let all = bell.i.into_iter();
        all.map(|(lease, n, wire)| read(Position::new(lease, n), wire))
            .collect()
    });
    Some(items.unwrap_or_default())
}

pub fn open(open: &OpenAt) -> Option<String> {
    let texts = open.texts.iter().map(|text| WireText {
        b: text.block_id,
        f: text.path.to_vec(),
        o: 0,
        x: text.text.clone(),
    });
    serde_json::to_string(&WireOpen {
        at: (open.at.lease, open.at.n),
        heals: open.heals,
        texts: texts.collect(),
    })
    .ok()
}

pub fn read_open(text: &str) -> Option<OpenAt> {
    let wire: WireOpen = serde_json::from_str(text).ok()?;
    let texts = wire.texts.into_iter().map(|text| OpenText {
        block_id: text.b,
        path: Arc::from(text.f),
        text: text.x,
    });
    Some(OpenAt {
        at: Position::new(wire.at.0, wire.at.1),
        texts: texts.collect(),
        heals: wire.heals,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::now;

    fn text(n: i64) -> Item {
        Item {
            at: Position::new(2, n),
            prev: Some(Position::new(2, n - 1)),
            time: now(),
            body: ItemBody::Text(TextDelta {
                block_id: Uuid::now_v7(),
                path: Arc::from(["items".to_string(), "0".to_string(), "title".to_string()]),
                offset: 7,
                text: "“Brötchen” 😀\n\u{0}".to_string(),
            }),
        }
    }

    #[test]
    fn an_item_is_read_back_exactly_from_the_stream_and_from_the_bell() {
        let event = Item {
            at: Position::new(2, 9),
            prev: None,
            time: now(),
            body: ItemBody::Event(JobEvent::Started { attempt: 2 }),
        };
        let items = [text(8), event];
        let entries: Vec<Entry> = items.iter().filter_map(entry).collect();
        for (item, entry) in items.iter().zip(&entries) {
            assert_eq!(super::item(entry).as_deref(), Some(item));
        }
        let bell = bell("there", &entries);
        let rang: Vec<Item> = rung("here", &bell)
            .unwrap()
            .iter()
            .map(|item| (**item).clone())
            .collect();
        assert_eq!(rang, items);
        assert!(rung("there", &bell).is_none(), "nobody needs to be told what it said");
    }

    #[test]
    fn what_another_version_wrote_is_no_item() {
        for body in ["", "{}", "{\"t\":1}", "{\"t\":1,\"e\":{\"kind\":\"sung\"}}"] {
            let entry = Entry {
                at: Position::new(1, 1),
                body: body.to_string(),
            };
            assert!(item(&entry).is_none(), "{body}");
        }
        assert_eq!(rung("here", "nonsense"), Some(Vec::new()));
    }

    #[test]
    fn open_text_is_read_back_exactly() {
        let told = OpenAt {
            at: Position::new(3, 4),
            texts: vec![OpenText {
                block_id: Uuid::now_v7(),
                path: Arc::from(["title".to_string()]),
                text: "Fresh “bread”".to_string(),
            }],
            heals: true,
        };
        assert_eq!(read_open(&open(&told).unwrap()), Some(told));
    }
}
