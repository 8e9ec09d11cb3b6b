//! The stream of one job: append under explicit ids, read after one.
//!
//! One script a batch, so that items, expiry and doorbell are one step and one round trip. Redis itself refuses an id
//! at or below the newest: a writer that lost its lease is not heard, and an item that was sent twice stands once.

use std::time::Duration;

use fred::interfaces::{KeysInterface, LuaInterface, StreamsInterface};
use uuid::Uuid;

use super::link::{Down, Redis};
use crate::ids::Position;

/// KEYS: items, open text. ARGV: channel, bell, maximum, milliseconds to live, may it make the stream, open text (empty:
/// none), then id and body of each item. Answers how many ids were refused, or -1 when there is no stream to append to.
const APPEND: &str = "\
if ARGV[5] == '0' and redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local refused = 0
for i = 7, #ARGV, 2 do
  local answer = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], ARGV[i], 'i', ARGV[i + 1])
  if type(answer) == 'table' and answer.err then refused = refused + 1 end
end
if ARGV[6] ~= '' then redis.call('SET', KEYS[2], ARGV[6]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return refused";

/// One item as the stream holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub at: Position,
    pub body: String,
}

/// Items to append, and what goes with them.
pub struct Append<'a> {
    pub job: Uuid,
    pub entries: &'a [Entry],
    /// What the doorbell says.
    pub bell: String,
    /// The open text, where it is due.
    pub open: Option<String>,
    /// Whether a stream that is not there is made.
    pub create: bool,
    /// How long all of it is kept after this.
    pub ttl: Duration,
    /// About so many items are kept.
    pub max_items: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Written, but for so many ids at or below the newest.
    Taken { refused: u64 },
    /// There is no such stream: it expired, or somebody flushed it.
    Gone,
}

/// What Redis keeps of a job's stream.
#[derive(Debug, Default)]
pub struct Kept {
    pub open: Option<String>,
    pub entries: Vec<Entry>,
}

impl Redis {
    pub async fn append(&self, append: Append<'_>) -> Result<Appended, Down> {
        let keys = vec![self.items_key(append.job), self.open_key(append.job)];
        let mut values: Vec<String> = Vec::with_capacity(6 + append.entries.len() * 2);
        values.push(self.bell(&job_bell(append.job)));
        values.push(append.bell);
        values.push(append.max_items.to_string());
        values.push(append.ttl.as_millis().to_string());
        values.push(if append.create { "1" } else { "0" }.to_string());
        values.push(append.open.unwrap_or_default());
        for entry in append.entries {
            values.push(format!("{}-{}", entry.at.lease, entry.at.n));
            values.push(entry.body.clone());
        }
        let refused = self
            .ask(async move |client| {
                let hash = fred::util::sha1_hash(APPEND);
                match client.evalsha::<i64, _, _, _>(hash, keys.clone(), values.clone()).await {
                    // The text itself also loads it, on the very node that has the key.
                    Err(cause) if cause.details().starts_with("NOSCRIPT") => client.eval(APPEND, keys, values).await,
                    answer => answer,
                }
            })
            .await?;
        Ok(match u64::try_from(refused) {
            Ok(refused) => Appended::Taken { refused },
            Err(_) => Appended::Gone,
        })
    }

    /// The open text, then everything after `after`: in this order, because text older than the items can be brought up
    /// to date by them, and not the other way round.
    pub async fn read(&self, job: Uuid, after: Option<Position>) -> Result<Kept, Down> {
        let (items, open) = (self.items_key(job), self.open_key(job));
        let start = after.map_or("-".to_string(), |at| format!("({}-{}", at.lease, at.n));
        self.ask(async move |client| {
            let open: Option<String> = client.get(open).await?;
            let rows: Vec<(String, std::collections::HashMap<String, String>)> =
                client.xrange_values(items, start, "+", None).await?;
            let entry = |(id, mut fields): (String, std::collections::HashMap<String, String>)| {
                let (lease, n) = id.split_once('-')?;
                let at = Position::new(lease.parse().ok()?, n.parse().ok()?);
                Some(Entry {
                    at,
                    body: fields.remove("i")?,
                })
            };
            let entries = rows.into_iter().filter_map(entry).collect();
            Ok(Kept { open, entries })
        })
        .await
    }

    fn items_key(&self, job: Uuid) -> String {
        self.key(&format!("{{{}}}:items", job.simple()))
    }

    fn open_key(&self, job: Uuid) -> String {
        self.key(&format!("{{{}}}:open", job.simple()))
    }
}

/// The doorbell of a job's stream.
pub fn job_bell(job: Uuid) -> String {
    format!("job/{}", job.simple())
}
