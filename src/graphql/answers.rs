//! Finished answers to what everybody with the same rights is told alike, as the bytes that leave.
//!
//! Whether an operation is of that kind, its root fields say ([`FOR_EVERYBODY`]): nothing of an account is ever kept. An
//! answer holds for one version of the data, and only one without an error is kept. What may not be asked, and what a
//! budget is charged, is no different for an answer that is kept.

use std::hash::{Hash, Hasher};
use std::io::Write;
use std::sync::{Arc, OnceLock};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::guard::Asked;
use super::strict::{Checked, Ready};
use crate::auth::{Caller, Scope};
use crate::entities::Role;

/// Fields of the query root below which nothing depends on the account. A field of an account must not be put here.
const FOR_EVERYBODY: &[&str] = &["builderMetadata", "__schema", "__type", "__typename"];
/// Bytes that all answers may take together; explorers ask for some 150 KB.
const MEMORY: u64 = 16 * 1024 * 1024;
/// What an answer takes besides its bytes.
const OVERHEAD: u64 = 500;

pub struct Answers(Cache<Key, Arc<Finished>, ByBytes>);

/// An answer as it leaves.
pub struct Finished {
    version: i64,
    /// The operation's name, for logs.
    pub name: Option<String>,
    /// What its caller must be allowed.
    pub asked: Asked,
    /// What a budget is charged for it.
    pub cost: u64,
    pub plain: Bytes,
    packed: OnceLock<Option<Bytes>>,
}

/// Where an answer may be kept, and the version that it is made for.
pub struct Slot {
    key: Key,
    version: i64,
}

/// The same with what is known of the operation.
pub struct Kept {
    slot: Slot,
    name: Option<String>,
    asked: Asked,
    cost: u64,
}

impl Slot {
    pub fn of(self, ready: &Ready) -> Kept {
        Kept {
            slot: self,
            name: ready.name.clone(),
            asked: ready.asked.clone(),
            cost: ready.cost,
        }
    }
}

/// Whether everybody with the same rights gets the same answer.
pub fn is_for_everybody(checked: &Checked) -> bool {
    checked.kind() == OperationType::Query && checked.roots.iter().all(|root| FOR_EVERYBODY.contains(&root.as_str()))
}

impl Answers {
    pub fn new() -> Self {
        Answers(Cache::with_weighter(1_000, MEMORY, ByBytes))
    }

    /// The answer to a request whose document is in it.
    pub fn get(&self, request: &Request, caller: &Caller, version: i64) -> Option<Arc<Finished>> {
        let variables = variables(request)?;
        let name = request.operation_name.as_deref();
        let rights = (caller.role, caller.scope);
        let finished = self
            .0
            .get(&(request.query.as_str(), name, variables.as_str(), rights))?;
        (finished.version == version).then_some(finished)
    }

    /// Where the answer to a request may be kept; nowhere before the version was asked for.
    pub fn slot(request: &Request, caller: &Caller, version: i64) -> Option<Slot> {
        if version == 0 {
            return None;
        }
        let key = Key {
            text: request.query.as_str().into(),
            name: request.operation_name.as_deref().map(Into::into),
            variables: variables(request)?.into(),
            rights: (caller.role, caller.scope),
        };
        Some(Slot { key, version })
    }

    /// Keeps a response if it may be kept.
    pub fn keep(&self, kept: Kept, response: &Response) -> Option<Arc<Finished>> {
        if !response.errors.is_empty() || !response.extensions.is_empty() {
            return None;
        }
        let finished = Arc::new(Finished {
            version: kept.slot.version,
            name: kept.name,
            asked: kept.asked,
            cost: kept.cost,
            plain: serde_json::to_vec(response).ok()?.into(),
            packed: OnceLock::new(),
        });
        self.0.insert(kept.slot.key, finished.clone());
        Some(finished)
    }
}

/// The variables as text, as the client ordered them.
fn variables(request: &Request) -> Option<String> {
    match request.variables.is_empty() {
        true => Some(String::new()),
        false => serde_json::to_string(&request.variables).ok(),
    }
}

impl Finished {
    /// The same compressed, made when somebody first asks for it.
    pub fn packed(&self) -> Option<Bytes> {
        let pack = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&self.plain).ok()?;
            encoder.finish().ok().map(Bytes::from)
        };
        self.packed.get_or_init(pack).clone()
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Key {
    text: Box<str>,
    name: Option<Box<str>>,
    variables: Box<str>,
    rights: Rights,
}

/// What of a caller decides what everybody is told: who may not ask something is not told it by another's answer.
type Rights = (Role, Scope);
type Sought<'a> = (&'a str, Option<&'a str>, &'a str, Rights);

impl Key {
    fn sought(&self) -> Sought<'_> {
        (&self.text, self.name.as_deref(), &self.variables, self.rights)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sought().hash(state);
    }
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.sought()
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Finished>> for ByBytes {
    fn weight(&self, key: &Key, finished: &Arc<Finished>) -> u64 {
        // Compressed it takes less than half of that again.
        (key.text.len() + key.variables.len() + finished.plain.len() * 3 / 2) as u64 + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{Variables, value};
    use uuid::Uuid;

    use super::*;
    use crate::graphql::schema::sdl;
    use crate::graphql::strict::Strict;

    fn request(name: Option<&str>, a: i32) -> Request {
        let mut request = Request::new("query A { __typename } query B { __typename }");
        request.operation_name = name.map(str::to_string);
        request.variables(Variables::from_value(value!({ "a": a })))
    }

    fn caller(role: Role, scope: Scope) -> Caller {
        Caller {
            role,
            scope,
            ..Caller::local(Uuid::nil())
        }
    }

    fn kept(asked: &Request, caller: &Caller, version: i64) -> Option<Kept> {
        let limits = crate::config::load(&crate::config::Source::default()).unwrap().graphql;
        let ready = Strict::new(&sdl(), limits)
            .unwrap()
            .ready(Request::new("{ __typename }"));
        let ready = ready.unwrap_or_else(|errors| panic!("{errors:?}"));
        Answers::slot(asked, caller, version).map(|slot| slot.of(&ready))
    }

    #[test]
    fn an_answer_is_for_one_operation_its_variables_its_rights_and_one_version() {
        let (answers, asked) = (Answers::new(), request(Some("A"), 1));
        let viewer = caller(Role::Viewer, Scope::Account);
        let slot = kept(&asked, &viewer, 7).unwrap();
        assert!(answers.keep(slot, &Response::new(value!({ "x": 1 }))).is_some());
        let found = answers.get(&asked, &viewer, 7).unwrap();
        assert_eq!(&found.plain[..], br#"{"data":{"x":1}}"#);
        let nil = Uuid::nil();
        for other in [
            caller(Role::Admin, Scope::Account),
            caller(Role::Viewer, Scope::Job(nil)),
            caller(Role::Viewer, Scope::Site(nil)),
        ] {
            assert!(answers.get(&asked, &other, 7).is_none(), "{other:?}");
        }
        assert!(answers.get(&asked, &viewer, 8).is_none());
        assert!(answers.get(&request(Some("B"), 1), &viewer, 7).is_none());
        assert!(answers.get(&request(None, 1), &viewer, 7).is_none());
        assert!(answers.get(&request(Some("A"), 2), &viewer, 7).is_none());
    }

    #[test]
    fn an_answer_with_an_error_is_not_kept_and_none_before_the_version_is_known() {
        let (answers, asked) = (Answers::new(), request(None, 1));
        let owner = caller(Role::Owner, Scope::Account);
        let slot = kept(&asked, &owner, 1).unwrap();
        let error = async_graphql::ServerError::new("No.", None);
        assert!(answers.keep(slot, &Response::from_errors(vec![error])).is_none());
        assert!(answers.get(&asked, &owner, 1).is_none());
        assert!(kept(&asked, &owner, 0).is_none());
    }
}
