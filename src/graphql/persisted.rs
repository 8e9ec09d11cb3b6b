//! Documents that clients name instead of sending them: automatic persisted queries, and the trusted documents of a
//! manifest. With `graphql.trusted_only` the manifest is all that runs.
//!
//! An automatic one is kept once it has been found valid, so the store holds only what could run; it forgets the least
//! used first, and clients then send the document again.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use async_graphql::{Extensions, Request, ServerError, Value};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::Code;
use crate::config::Graphql;

/// The extension of a request that carries a document's hash.
pub const PERSISTED_QUERY: &str = "persistedQuery";
/// The parameter of a request that names a trusted document; transports hand it over as an extension.
pub const DOCUMENT_ID: &str = "documentId";

/// What a document takes in the store besides its own bytes.
const OVERHEAD: u64 = 200;
/// What clients that speak the protocol look for, word for word.
const NOT_FOUND: &str = "PersistedQueryNotFound";
const NOT_SUPPORTED: &str = "PersistedQueryNotSupported";

pub struct Persisted {
    automatic: Option<Cache<String, Arc<str>, ByText>>,
    trusted: HashMap<String, Arc<str>>,
    /// Every text of the manifest, when nothing else may run.
    only: Option<HashSet<Arc<str>>>,
}

/// A request with its document.
pub struct Named {
    pub request: Request,
    /// A document to keep under its hash, once it is known to be valid.
    pub new: Option<(String, Arc<str>)>,
}

impl Persisted {
    /// Reads the manifest, if one is configured, and checks every document in it.
    pub fn new(config: &Graphql, check: impl Fn(&str) -> Result<(), String>) -> Result<Self, String> {
        let trusted = match config.trusted_documents.as_str() {
            "" => HashMap::new(),
            path => read_manifest(path, check)?,
        };
        let bytes = config.persisted_bytes as u64;
        let is_automatic = bytes > 0 && !config.trusted_only;
        Ok(Persisted {
            automatic: is_automatic.then(|| Cache::with_weighter(1_000, bytes, ByText)),
            only: config.trusted_only.then(|| trusted.values().cloned().collect()),
            trusted,
        })
    }

    /// Finds the document of a request that names one.
    pub fn read(&self, mut request: Request) -> Result<Named, Vec<ServerError>> {
        let found = self
            .find(&request.query, &request.extensions)
            .map_err(|error| vec![error])?;
        if let Some(text) = found.text {
            request.query = text.to_string();
        }
        let is_refused = |only: &HashSet<Arc<str>>| !only.contains(request.query.as_str());
        if self.only.as_ref().is_some_and(is_refused) {
            let message = "This server runs only the documents of its manifest. Send the `documentId` of one of them.";
            return Err(vec![Code::Forbidden.server_error(message)]);
        }
        Ok(Named {
            request,
            new: found.new,
        })
    }

    /// Keeps a document that was found valid.
    pub fn keep(&self, new: Option<(String, Arc<str>)>) {
        if let (Some(store), Some((hash, text))) = (&self.automatic, new) {
            store.insert(hash, text);
        }
    }

    fn find(&self, query: &str, extensions: &Extensions) -> Result<Found, ServerError> {
        if let Some(Value::String(id)) = extensions.0.get(DOCUMENT_ID) {
            let message = format!("There is no document {id} in the manifest. Check `documentId`.");
            let text = self.trusted.get(id).cloned();
            let text = text.ok_or_else(|| Code::PersistedQueryNotFound.server_error(message))?;
            return Ok(Found::known(text));
        }
        let Some(extension) = extensions.0.get(PERSISTED_QUERY) else {
            return Ok(Found::default());
        };
        let hash = hash_of(extension)?;
        if let Some(text) = self.trusted.get(&hash) {
            return Ok(Found::known(text.clone()));
        }
        let Some(store) = &self.automatic else {
            // What stands in the request still runs, unless only trusted documents do.
            return match query.is_empty() {
                true => Err(Code::PersistedQueryNotSupported.server_error(NOT_SUPPORTED)),
                false => Ok(Found::default()),
            };
        };
        if query.is_empty() {
            let text = store.get(&hash);
            return text
                .map(Found::known)
                .ok_or_else(|| Code::PersistedQueryNotFound.server_error(NOT_FOUND));
        }
        if sha256(query) != hash {
            let message = "The hash is not that of the document. Send the SHA-256 of `query`, in lower case hex.";
            return Err(Code::BadRequest.server_error(message));
        }
        let new = (!store.contains_key(&hash)).then(|| (hash, Arc::from(query)));
        Ok(Found { text: None, new })
    }
}

#[derive(Default)]
struct Found {
    text: Option<Arc<str>>,
    new: Option<(String, Arc<str>)>,
}

impl Found {
    fn known(text: Arc<str>) -> Self {
        Found {
            text: Some(text),
            new: None,
        }
    }
}

fn hash_of(extension: &Value) -> Result<String, ServerError> {
    if let Value::Object(fields) = extension
        && fields.get("version") == Some(&Value::from(1))
        && let Some(Value::String(hash)) = fields.get("sha256Hash")
    {
        return Ok(hash.clone());
    }
    let message = "The extension persistedQuery needs `version: 1` and a `sha256Hash`.";
    Err(Code::BadRequest.server_error(message))
}

fn sha256(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[derive(Clone)]
struct ByText;

impl Weighter<String, Arc<str>> for ByText {
    fn weight(&self, _: &String, text: &Arc<str>) -> u64 {
        text.len() as u64 + OVERHEAD
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo { operations: Vec<Operation> },
    Plain(HashMap<String, String>),
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

fn read_manifest(path: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<HashMap<String, Arc<str>>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("The manifest of trusted documents {path} cannot be used: {why}");
    let text = std::fs::read_to_string(path).map_err(|cause| wrong(&format!("{cause}.")))?;
    let manifest = serde_json::from_str(&text).map_err(|_| {
        wrong(&"it must be a JSON object of ids and documents, or have `operations` with `id` and `body`.")
    })?;
    let documents: Vec<(String, String)> = match manifest {
        Manifest::Apollo { operations } => operations.into_iter().map(|one| (one.id, one.body)).collect(),
        Manifest::Plain(documents) => documents.into_iter().collect(),
    };
    for (id, text) in &documents {
        check(text).map_err(|why| wrong(&format!("the document {id} is refused. {why}")))?;
    }
    Ok(documents.into_iter().map(|(id, text)| (id, text.into())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Source, load};

    fn with(change: impl FnOnce(&mut Graphql)) -> Result<Persisted, String> {
        let mut config = load(&Source::default()).unwrap().graphql;
        change(&mut config);
        Persisted::new(&config, |text| match text.contains("nope") {
            true => Err("There is no nope.".to_string()),
            false => Ok(()),
        })
    }

    fn ask(persisted: &Persisted, query: &str, extensions: serde_json::Value) -> Result<String, String> {
        let mut request = Request::new(query);
        request.extensions = serde_json::from_value(extensions).unwrap();
        let named = persisted.read(request).map_err(|errors| errors[0].message.clone())?;
        persisted.keep(named.new);
        Ok(named.request.query)
    }

    fn by_hash(text: &str) -> serde_json::Value {
        json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256(text) } })
    }

    #[test]
    fn a_document_is_sent_once() {
        let persisted = with(|_| {}).unwrap();
        let text = "{ a }";
        assert_eq!(ask(&persisted, "", by_hash(text)).unwrap_err(), NOT_FOUND);
        assert_eq!(ask(&persisted, text, by_hash(text)).unwrap(), text);
        assert_eq!(ask(&persisted, "", by_hash(text)).unwrap(), text);
        assert!(ask(&persisted, "{ b }", by_hash(text)).unwrap_err().contains("hash"));
        let wrong = json!({ "persistedQuery": { "version": 2 } });
        assert!(ask(&persisted, text, wrong).unwrap_err().contains("version"));
        let off = with(|config| config.persisted_bytes = 0).unwrap();
        assert_eq!(ask(&off, "", by_hash(text)).unwrap_err(), NOT_SUPPORTED);
        assert_eq!(ask(&off, text, by_hash(text)).unwrap(), text);
    }

    #[test]
    fn the_store_does_not_grow() {
        let persisted = with(|config| config.persisted_bytes = 20_000).unwrap();
        for number in 0..1_000 {
            let text = format!("{{ a{number} }}");
            ask(&persisted, &text, by_hash(&text)).unwrap();
        }
        let store = persisted.automatic.unwrap();
        assert!(store.weight() <= 20_000 && store.len() > 10, "{}", store.len());
    }

    #[test]
    fn with_a_manifest_required_nothing_else_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json").display().to_string();
        let new = |manifest: serde_json::Value, only: bool| {
            std::fs::write(&path, manifest.to_string()).unwrap();
            with(|config| (config.trusted_documents, config.trusted_only) = (path.clone(), only))
        };
        let apollo =
            json!({ "format": "x", "version": 1, "operations": [{ "id": "one", "name": "A", "body": "{ a }" }] });
        for manifest in [json!({ "one": "{ a }" }), apollo] {
            let persisted = new(manifest, true).unwrap();
            let one = json!({ "documentId": "one" });
            assert_eq!(ask(&persisted, "", one).unwrap(), "{ a }");
            assert_eq!(ask(&persisted, "{ a }", json!({})).unwrap(), "{ a }");
            assert!(ask(&persisted, "{ b }", json!({})).unwrap_err().contains("manifest"));
            assert!(
                ask(&persisted, "{ b }", by_hash("{ b }"))
                    .unwrap_err()
                    .contains("manifest")
            );
            assert!(
                ask(&persisted, "", json!({ "documentId": "two" }))
                    .unwrap_err()
                    .contains("two")
            );
        }
        let open = new(json!({ sha256("{ a }"): "{ a }" }), false).unwrap();
        assert_eq!(ask(&open, "", by_hash("{ a }")).unwrap(), "{ a }");
        assert_eq!(ask(&open, "{ b }", json!({})).unwrap(), "{ b }");
        assert!(new(json!({ "one": "{ nope }" }), true).err().unwrap().contains("one"));
        assert!(new(json!([1]), true).err().unwrap().contains("JSON object"));
        assert!(
            with(|config| config.trusted_documents = "/nowhere".into())
                .err()
                .unwrap()
                .contains("/nowhere")
        );
    }
}
