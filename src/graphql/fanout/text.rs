//! A piece of text as JSON without an execution: most of what watchers are told, and all of it is in the item.
//!
//! Only where nothing but the piece's own fields is selected; its `job` is loaded and thus executed. The bytes are those
//! of an execution: a test compares them for selections of all kinds.

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{OutputType, Positioned, ScalarType};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::Written;
use crate::error::Instant;
use crate::events::TextDelta;
use crate::graphql::jobs::{JobEvent, TextWritten};
use crate::graphql::node;
use crate::graphql::scalars::DateTime;
use crate::ids::{Cursor, IdKind, Position};

/// How one subscription shows pieces of text.
pub struct Text {
    job: Uuid,
    epoch: String,
    /// Under which key the event stands.
    root: String,
    fields: Vec<(String, Shown)>,
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Typename,
    Cursor,
    At,
    BlockId,
    Path,
    Offset,
    Text,
}

impl Shown {
    fn named(field: &str) -> Option<Self> {
        Some(match field {
            "__typename" => Shown::Typename,
            "cursor" => Shown::Cursor,
            "at" => Shown::At,
            "blockId" => Shown::BlockId,
            "path" => Shown::Path,
            "offset" => Shown::Offset,
            "text" => Shown::Text,
            _ => return None,
        })
    }
}

impl Text {
    /// How a collected document shows pieces of this job's text; none when it has to be executed for that.
    pub fn of(document: &ExecutableDocument, job: Uuid, epoch: &str) -> Option<Self> {
        let DocumentOperations::Single(operation) = &document.operations else {
            return None;
        };
        let [root] = operation.node.selection_set.node.items.as_slice() else {
            return None;
        };
        let Selection::Field(root) = &root.node else {
            return None;
        };
        let mut fields = Vec::new();
        collect(&root.node.selection_set.node, &mut fields)?;
        Some(Text {
            job,
            epoch: epoch.to_string(),
            root: key(root),
            fields,
        })
    }

    pub fn write(&self, at: Position, time: Instant, piece: &TextDelta) -> Written {
        let (epoch, id) = (self.epoch.clone(), self.job);
        let cursor = Cursor::Job { epoch, id, at }.encode();
        let response = Response {
            data: Data(Event {
                shown: self,
                time,
                piece,
                cursor: &cursor,
            }),
            extensions: Extensions { cursor: &cursor },
        };
        Written {
            json: super::json(&response),
            cursor: Some(cursor),
        }
    }
}

/// The fields of a piece of text. Fragments were laid out before, so conditions are the interface or one type.
fn collect(set: &SelectionSet, fields: &mut Vec<(String, Shown)>) -> Option<()> {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => fields.push((key(field), Shown::named(&field.node.name.node)?)),
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref()?;
                let on = condition.node.on.node.as_str();
                if on == TextWritten::type_name() || on == JobEvent::type_name() {
                    collect(&fragment.node.selection_set.node, fields)?;
                }
            }
            Selection::FragmentSpread(_) => return None,
        }
    }
    Some(())
}

fn key(field: &Positioned<Field>) -> String {
    field.node.response_key().node.to_string()
}

#[derive(Serialize)]
struct Response<'a> {
    data: Data<'a>,
    extensions: Extensions<'a>,
}

#[derive(Serialize)]
struct Extensions<'a> {
    cursor: &'a str,
}

struct Data<'a>(Event<'a>);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(&self.0.shown.root, &self.0)])
    }
}

struct Event<'a> {
    shown: &'a Text,
    time: Instant,
    piece: &'a TextDelta,
    cursor: &'a str,
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.shown.fields.iter().map(|(key, shown)| {
            (
                key,
                Value {
                    event: self,
                    shown: *shown,
                },
            )
        }))
    }
}

struct Value<'a> {
    event: &'a Event<'a>,
    shown: Shown,
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Event {
            time, piece, cursor, ..
        } = *self.event;
        match self.shown {
            Shown::Typename => TextWritten::type_name().serialize(serializer),
            Shown::Cursor => cursor.serialize(serializer),
            Shown::At => DateTime(time).to_value().serialize(serializer),
            Shown::BlockId => node::id(IdKind::Block, piece.block_id).serialize(serializer),
            Shown::Path => serializer.collect_seq(piece.path.iter()),
            Shown::Offset => piece.offset.serialize(serializer),
            Shown::Text => piece.text.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
