//! A client of a job's stream that does exactly what the documentation tells it, and fails the test when that is not
//! enough: a hole in the text, an event twice, a second end, or a page that differs from the stored one.
//!
//! It knows nothing of feeds and sockets; both hand it what they hear.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use sitewright::db::Db;
use sitewright::entities::{BlockStatus, block, job_event, revision};
use sitewright::events::{After, JobBody, JobEvent, JobFeedItem};
use sitewright::ids::Position;
use uuid::Uuid;

use super::world::PATIENCE;

/// So many items are shown when one more did not fit.
const REMEMBERED: usize = 12;

/// One item of a job's stream, from whatever it came.
#[derive(Debug, Clone)]
pub struct Heard {
    pub at: Position,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    /// An event that says nothing about text.
    Other,
    /// Started, or about to be tried again.
    Reset,
    Opened,
    /// Which revision of the block it was told, where it asked for that.
    Closed(Uuid, Option<i64>),
    Text {
        block: Uuid,
        path: Vec<String>,
        offset: usize,
        text: String,
    },
    Snapshot {
        ready: Vec<Uuid>,
        open: Vec<(Uuid, Vec<String>, String)>,
    },
    Finished,
}

impl From<&JobFeedItem> for Heard {
    fn from(item: &JobFeedItem) -> Self {
        let what = match &item.body {
            JobBody::Event(event) => match event {
                JobEvent::Started { .. } | JobEvent::Retrying { .. } => What::Reset,
                JobEvent::BlockOpened { .. } => What::Opened,
                JobEvent::BlockClosed { block_id } => What::Closed(*block_id, None),
                JobEvent::Finished { .. } => What::Finished,
                JobEvent::Queued | JobEvent::Phase { .. } | JobEvent::PagePlanned { .. } => What::Other,
            },
            JobBody::Text(delta) => What::Text {
                block: delta.block_id,
                path: delta.path.to_vec(),
                offset: delta.offset,
                text: delta.text.clone(),
            },
            JobBody::Snapshot { blocks, open, .. } => What::Snapshot {
                ready: blocks
                    .iter()
                    .filter(|b| b.status == BlockStatus::Ready)
                    .map(|b| b.id)
                    .collect(),
                open: open
                    .iter()
                    .map(|o| (o.block_id, o.path.to_vec(), o.text.clone()))
                    .collect(),
            },
        };
        Heard { at: item.at, what }
    }
}

/// What the client knows.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    pub cursor: Option<Position>,
    /// Text of unfinished blocks, by block and field.
    pub open: BTreeMap<(Uuid, Vec<String>), String>,
    /// The revisions that finished blocks were told with.
    told: Vec<(Uuid, i64)>,
    /// Finished blocks with their content.
    pub closed: BTreeMap<Uuid, Value>,
    pub ended: usize,
    pub snapshots: usize,
    /// Pieces of text that were received.
    pub pieces: usize,
    /// Fields whose text was received letter by letter and equalled what was stored.
    pub compared: usize,
    /// Nothing was missed of the open block's text.
    is_whole: bool,
    /// The durable events it received, in order.
    events: Vec<Position>,
    /// Everything up to here may have come with a snapshot.
    covered: Option<Position>,
    /// What it heard last, for whoever reads that it failed.
    last: VecDeque<String>,
}

impl Viewer {
    /// Where to subscribe again.
    pub fn after(&self) -> After<Position> {
        self.cursor.map_or(After::Start, After::At)
    }

    pub async fn hear(&mut self, db: &Db, heard: impl Into<Heard>) {
        let Heard { at, what } = heard.into();
        self.note(&format!("{}-{} {what:?}", at.lease, at.n));
        assert_eq!(self.ended, 0, "{what:?} came after the end");
        let is_snapshot = matches!(what, What::Snapshot { .. });
        assert!(
            is_snapshot || self.cursor.is_none_or(|cursor| at > cursor),
            "{at:?} after {:?}",
            self.cursor
        );
        if !is_snapshot && !matches!(what, What::Text { .. }) {
            self.events.push(at);
        }
        match what {
            What::Other => {}
            What::Reset => self.open.clear(),
            What::Opened => {
                self.open.clear();
                self.is_whole = true;
            }
            What::Finished => {
                self.open.clear();
                self.ended += 1;
            }
            What::Text {
                block,
                path,
                offset,
                text,
            } => self.text(block, path, offset, &text),
            What::Closed(block, revision) => {
                self.told.extend(revision.map(|revision| (block, revision)));
                self.close(db, block).await;
            }
            What::Snapshot { ready, open } => {
                self.snapshots += 1;
                self.covered = self.covered.max(Some(at));
                self.open = open
                    .into_iter()
                    .map(|(block, path, text)| ((block, path), text))
                    .collect();
                // One that tells no text may have missed some.
                self.is_whole = !self.open.is_empty();
                self.closed.clear();
                for id in ready {
                    // What was finished when the snapshot was taken may be written again by now; then its end comes.
                    if let (BlockStatus::Ready, content) = stored(db, id).await {
                        self.closed.insert(id, content);
                    }
                }
            }
        }
        self.cursor = Some(at);
    }

    /// Remembers something for whoever reads that it failed.
    pub fn note(&mut self, what: &str) {
        self.last.push_back(what.to_string());
        if self.last.len() > REMEMBERED {
            self.last.pop_front();
        }
    }

    fn text(&mut self, block: Uuid, path: Vec<String>, offset: usize, text: &str) {
        self.pieces += 1;
        let known = self.open.entry((block, path)).or_default();
        let length = known.encode_utf16().count();
        assert!(
            offset <= length,
            "a gap: {length} characters are known and {offset} come before {text:?}: {:#?}",
            self.last
        );
        if offset == length {
            known.push_str(text);
        }
    }

    /// The stored block takes the place of its text; until then the text was true.
    ///
    /// Seen to fail: with one field whose text never came.
    async fn close(&mut self, db: &Db, block: Uuid) {
        let (status, stored) = stored(db, block).await;
        // It is stored before anybody hears of it.
        assert_eq!(status, BlockStatus::Ready, "a block that was announced as finished");
        let open = std::mem::take(&mut self.open).into_iter();
        let heard: BTreeMap<Vec<String>, String> = open
            .filter(|((id, _), _)| *id == block)
            .map(|((_, path), text)| (path, text))
            .collect();
        // Letter by letter from the beginning, or from the store alone: what comes over the database has no text.
        let is_whole = self.is_whole && !heard.is_empty();
        let shown = |content: &Value| {
            let mut texts = BTreeMap::new();
            texts_of(content, &mut Vec::new(), &mut texts);
            if !is_whole {
                texts.retain(|path, _| heard.contains_key(path));
            }
            texts
        };
        // A better section may have taken its place before this was heard.
        if shown(&stored) != heard && !earlier(db, block).await.iter().any(|content| shown(content) == heard) {
            assert_eq!(
                heard,
                shown(&stored),
                "the block as it was heard, and as it is stored: {:#?}",
                self.last
            );
        }
        self.compared += heard.len();
        self.is_whole = false;
        self.closed.insert(block, stored);
    }

    /// It saw the job's whole life: nothing missing, nothing twice, one end, and it knows the page as it is stored.
    pub async fn check(&self, db: &Db, job: Uuid, page: Option<Uuid>) {
        assert_eq!(self.ended, 1, "ends seen");
        assert!(self.open.is_empty());
        let rows = job_event::Entity::find()
            .filter(job_event::Column::JobId.eq(job))
            .order_by_asc(job_event::Column::Lease)
            .order_by_asc(job_event::Column::N)
            .all(db.reader())
            .await
            .unwrap();
        let stored: Vec<Position> = rows.iter().map(|row| Position::new(row.lease, row.n)).collect();
        let mut once = self.events.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), self.events.len(), "an event came twice: {:?}", self.events);
        for at in &stored {
            let is_known = self.events.contains(at) || Some(*at) <= self.covered;
            assert!(is_known, "{at:?} was missed by {self:#?}");
        }
        if !stored.is_empty() {
            assert!(
                self.events.iter().all(|at| stored.contains(at)),
                "an event that is not stored"
            );
        }
        for (block, told) in &self.told {
            let own = revision::Entity::find()
                .filter(revision::Column::BlockId.eq(*block))
                .filter(revision::Column::JobId.eq(job))
                .order_by_asc(revision::Column::Revision);
            let own = own.one(db.reader()).await.unwrap().expect("what the job wrote is kept");
            assert!(*told >= own.revision, "{block} was told as {told}, of before the job");
        }
        let Some(page) = page else { return };
        let query = block::Entity::find().filter(block::Column::PageId.eq(page));
        let blocks = query.all(db.reader()).await.unwrap();
        let ready = blocks.into_iter().filter(|block| block.status == BlockStatus::Ready);
        let ready: BTreeMap<Uuid, Value> = ready
            .map(|block| (block.id, block.content.unwrap_or_default()))
            .collect();
        assert_eq!(self.closed, ready, "the page as the client knows it");
    }
}

/// Every text within a value that has letters, by its path.
fn texts_of(value: &Value, path: &mut Vec<String>, texts: &mut BTreeMap<Vec<String>, String>) {
    let steps: Vec<(String, &Value)> = match value {
        Value::String(text) if !text.is_empty() => {
            texts.insert(path.clone(), text.clone());
            return;
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        _ => return,
    };
    for (step, value) in steps {
        path.push(step);
        texts_of(value, path, texts);
        path.pop();
    }
}

/// A block as it is stored now. A database that is away is asked again: what befalls it may befall our own look as well.
async fn stored(db: &Db, id: Uuid) -> (BlockStatus, Value) {
    let since = Instant::now();
    loop {
        match block::Entity::find_by_id(id).one(db.reader()).await {
            Ok(block) => {
                let block = block.expect("a block that was announced is stored");
                return (block.status, block.content.unwrap_or_default());
            }
            Err(error) => assert!(since.elapsed() < PATIENCE, "the database stays away: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that a block has been.
async fn earlier(db: &Db, block: Uuid) -> Vec<Value> {
    let revisions = revision::Entity::find().filter(revision::Column::BlockId.eq(block));
    let revisions = revisions.all(db.reader()).await.expect("the database answers");
    revisions.into_iter().map(|revision| revision.content).collect()
}
