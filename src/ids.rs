//! Ids and cursors as clients see them: opaque, typed, and refused when they are not ours.
//!
//! Rows use plain UUIDv7 keys (time-ordered, so an index grows at its end). On the wire each id says
//! what it names: `job_…` can never be mistaken for a page.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// A new time-ordered key.
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

macro_rules! id_kinds {
    ($($(#[$doc:meta])* $kind:ident = $prefix:literal),+ $(,)?) => {
        /// What a global id names.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        pub enum IdKind { $($(#[$doc])* $kind),+ }

        impl IdKind {
            pub const ALL: &'static [IdKind] = &[$(IdKind::$kind),+];

            /// The letters before the underscore.
            pub fn prefix(self) -> &'static str {
                match self { $(IdKind::$kind => $prefix),+ }
            }
        }
    };
}

id_kinds! {
    Account = "acc",
    /// The balance of an account; the same UUID as the account's.
    Credits = "crd",
    CreditEntry = "ent",
    ApiKey = "key",
    BuilderOption = "opt",
    Price = "prc",
    Blueprint = "site",
    Page = "page",
    Block = "blk",
    Job = "job",
    Revision = "rev",
    AuditEntry = "aud",
    /// What one function asks a writer, for one account.
    Prompt = "prm",
    PromptVersion = "prv",
}

/// A typed id: `blk_` followed by 32 hexadecimal digits.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct GlobalId {
    pub kind: IdKind,
    pub uuid: Uuid,
}

impl GlobalId {
    pub fn new(kind: IdKind, uuid: Uuid) -> Self {
        GlobalId { kind, uuid }
    }

    /// Reads an id of any kind; `None` when it is not one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, digits) = text.split_once('_')?;
        let kind = IdKind::ALL.iter().copied().find(|kind| kind.prefix() == prefix)?;
        // Only the canonical spelling: two spellings of one id would be two entities in a client's cache.
        if digits.len() != 32 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        Uuid::parse_str(digits).ok().map(|uuid| GlobalId { kind, uuid })
    }

    /// Reads an id that must be of `kind`.
    pub fn parse_as(kind: IdKind, text: &str) -> Option<Uuid> {
        Self::parse(text).filter(|id| id.kind == kind).map(|id| id.uuid)
    }
}

impl fmt::Display for GlobalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.kind.prefix(), self.uuid.simple())
    }
}

/// A place in a job's stream: the lease under which it was written and its number within that lease.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Position {
    pub lease: i64,
    pub n: i64,
}

impl Position {
    pub fn new(lease: i64, n: i64) -> Self {
        Position { lease, n }
    }
}

/// Where a watcher stands in one stream of one database.
///
/// The epoch is renewed after a restore, so that a cursor of the lost future is recognised. The id is the stream's own:
/// another stream of the same kind has other events under the same numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    Job { epoch: String, id: Uuid, at: Position },
    Blueprint { epoch: String, id: Uuid, seq: i64 },
    Account { epoch: String, id: Uuid, seq: i64 },
}

impl Cursor {
    pub fn encode(&self) -> String {
        let text = match self {
            Cursor::Job { epoch, id, at } => format!("j.{epoch}.{}.{}-{}", id.simple(), at.lease, at.n),
            Cursor::Blueprint { epoch, id, seq } => format!("b.{epoch}.{}.{seq}", id.simple()),
            Cursor::Account { epoch, id, seq } => format!("a.{epoch}.{}.{seq}", id.simple()),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let mut parts = text.splitn(4, '.');
        let (stream, epoch) = (parts.next()?, parts.next()?.to_string());
        let (id, place) = (Uuid::try_parse(parts.next()?).ok()?, parts.next()?);
        let number = |digits: &str| digits.parse::<i64>().ok().filter(|n| *n >= 0);
        match stream {
            "j" => {
                let (lease, n) = place.split_once('-')?;
                Some(Cursor::Job {
                    epoch,
                    id,
                    at: Position::new(number(lease)?, number(n)?),
                })
            }
            "b" => Some(Cursor::Blueprint {
                epoch,
                id,
                seq: number(place)?,
            }),
            "a" => Some(Cursor::Account {
                epoch,
                id,
                seq: number(place)?,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_kind_and_survives_the_round_trip() {
        for kind in IdKind::ALL {
            let id = GlobalId::new(*kind, new_id());
            assert_eq!(GlobalId::parse(&id.to_string()), Some(id));
        }
        let job = GlobalId::new(IdKind::Job, new_id()).to_string();
        assert_eq!(GlobalId::parse_as(IdKind::Page, &job), None);
    }

    #[test]
    fn foreign_text_is_no_id_and_no_cursor() {
        let upper = GlobalId::new(IdKind::Job, new_id()).to_string().to_uppercase();
        for text in [
            "",
            "job_",
            "job_xyz",
            "nope_00000000000000000000000000000000",
            upper.as_str(),
        ] {
            assert_eq!(GlobalId::parse(text), None, "{text}");
        }
        let nameless = URL_SAFE_NO_PAD.encode("j.e.1-1");
        for text in ["", "x", "ai4x", "ai5lLjEtMQ==", nameless.as_str()] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_survives_the_round_trip() {
        let (epoch, id) = ("0a1b2c3d".to_string(), new_id());
        for cursor in [
            Cursor::Job {
                epoch: epoch.clone(),
                id,
                at: Position::new(3, 141),
            },
            Cursor::Blueprint {
                epoch: epoch.clone(),
                id,
                seq: 0,
            },
            Cursor::Account {
                epoch,
                id,
                seq: i64::MAX,
            },
        ] {
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
    }
}
