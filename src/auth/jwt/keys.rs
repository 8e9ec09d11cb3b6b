//! The keys that tokens are signed with: one secret, or a set (JWKS) from a file or an address, found by key id.
//!
//! A known key is found without asking anybody. The set is read anew every so often, and once more when a token names a
//! key that is not in it, but then not again for a while: whoever invents key ids makes this server ask nobody. A set
//! that cannot be read leaves the one before it in use.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::RwLock;
use serde_json::Value;
use tokio::sync::Mutex;

use super::unusable;
use crate::config::Auth;
use crate::error::Result;

/// How long nobody is asked about an unknown key after the set was read.
const COOL_DOWN: Duration = Duration::from_secs(30);
/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest set, in bytes.
const LARGEST: usize = 1024 * 1024;

/// A key and the one algorithm that it is for.
pub struct Key {
    pub decoding: DecodingKey,
    pub algorithm: Algorithm,
}

type Set = HashMap<Option<String>, Arc<Key>>;

pub struct Keys {
    source: Source,
    every: Duration,
    set: RwLock<Arc<Set>>,
    /// When the set was last read, or could not be; held while it is.
    read: Mutex<Option<Instant>>,
}

enum Source {
    /// There is one key, and it does not change.
    Secret,
    File(String),
    Address(reqwest::Client, String),
}

impl Keys {
    /// A file must be there; a provider that does not answer yet is asked again later.
    pub async fn new(config: &Auth) -> Result<Self> {
        let (source, set) = if !config.jwt_secret.is_empty() {
            let key = Key {
                decoding: DecodingKey::from_secret(config.jwt_secret.as_bytes()),
                algorithm: Algorithm::HS256,
            };
            (Source::Secret, Set::from([(None, Arc::new(key))]))
        } else if !config.jwt_jwks_file.is_empty() {
            let text = std::fs::read(&config.jwt_jwks_file).map_err(|cause| unusable("jwt_jwks_file", cause))?;
            let set = parse(&text).map_err(|why| unusable("jwt_jwks_file", why))?;
            (Source::File(config.jwt_jwks_file.clone()), set)
        } else {
            let client = client().map_err(|cause| unusable("jwt_jwks_url", cause))?;
            (Source::Address(client, config.jwt_jwks_url.clone()), Set::new())
        };
        let keys = Keys {
            source,
            every: Duration::from_millis(config.jwt_refresh_ms),
            set: RwLock::new(Arc::new(set)),
            read: Mutex::new(None),
        };
        if let Source::Address(..) = keys.source {
            keys.refresh().await;
        }
        Ok(keys)
    }

    /// The key that a token names; without a name, the only one there is.
    pub async fn find(&self, id: Option<&str>) -> Option<Arc<Key>> {
        if let Some(key) = self.known(id) {
            return Some(key);
        }
        self.refresh().await;
        self.known(id)
    }

    fn known(&self, id: Option<&str>) -> Option<Arc<Key>> {
        let set = self.set.read().clone();
        if matches!(self.source, Source::Secret) || (id.is_none() && set.len() == 1) {
            return set.values().next().cloned();
        }
        set.get(&id.map(str::to_string)).filter(|_| id.is_some()).cloned()
    }

    /// Reads the set every so often; never ends.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(self.every).await;
            self.refresh().await;
        }
    }

    /// Reads the set, unless that was done a moment ago. Those who come meanwhile wait for the same reading.
    async fn refresh(&self) {
        let mut read = self.read.lock().await;
        if read.is_some_and(|at| at.elapsed() < COOL_DOWN.min(self.every)) {
            return;
        }
        let outcome = match &self.source {
            Source::Secret => return,
            Source::File(path) => match tokio::fs::read(path).await {
                Ok(text) => parse(&text),
                Err(cause) => Err(cause.to_string()),
            },
            Source::Address(client, address) => match fetch(client, address).await {
                Ok(text) => parse(&text),
                Err(why) => Err(why),
            },
        };
        *read = Some(Instant::now());
        match outcome {
            Ok(set) => *self.set.write() = Arc::new(set),
            Err(cause) => tracing::warn!(
                cause,
                "the keys of the identity provider could not be read; the old ones stay"
            ),
        }
    }
}

/// Asks with the certificates of this machine, and follows nobody to another address.
fn client() -> reqwest::Result<reqwest::Client> {
    crate::tls::choose();
    reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

async fn fetch(client: &reqwest::Client, address: &str) -> Result<Vec<u8>, String> {
    let told = |cause: reqwest::Error| {
        // The outermost words alone say little.
        let why = std::error::Error::source(&cause).map(|source| source.to_string());
        format!("{} {}", cause.without_url(), why.unwrap_or_default())
    };
    let answer = client.get(address).send().await.map_err(told)?;
    if !answer.status().is_success() {
        return Err(format!("the provider answers {}", answer.status()));
    }
    let (mut text, mut chunks) = (Vec::new(), answer.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        text.extend_from_slice(&chunk.map_err(told)?);
        if text.len() > LARGEST {
            return Err(format!("the set is larger than {LARGEST} bytes"));
        }
    }
    Ok(text)
}

/// The keys of a set that can sign tokens for this server; others in it belong to other services.
fn parse(text: &[u8]) -> Result<Set, String> {
    let set: Value = serde_json::from_slice(text).map_err(|cause| format!("it is no JWKS ({cause})"))?;
    let all = set["keys"]
        .as_array()
        .ok_or("it is no JWKS: it has no list of `keys`")?;
    let mut keys = Set::new();
    for value in all {
        // A key of a kind that is not known here is somebody else's.
        if let Ok(jwk) = serde_json::from_value::<Jwk>(value.clone())
            && let Some(key) = usable(&jwk)
        {
            keys.insert(jwk.common.key_id.clone(), Arc::new(key));
        }
    }
    if keys.is_empty() {
        return Err("it has no RSA key and no P-256 key for signatures".to_string());
    }
    Ok(keys)
}

/// The algorithm follows from the kind of the key. Secrets do not belong into a public set.
fn usable(jwk: &Jwk) -> Option<Key> {
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let is_fit = jwk.common.key_algorithm.as_ref().is_none_or(|own| *own == named)
        && jwk
            .common
            .public_key_use
            .as_ref()
            .is_none_or(|own| *own == PublicKeyUse::Signature);
    let decoding = DecodingKey::from_jwk(jwk).ok().filter(|_| is_fit)?;
    Some(Key { decoding, algorithm })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(set: Value) -> Result<Vec<String>, String> {
        let set = parse(set.to_string().as_bytes())?;
        let mut ids: Vec<String> = set.keys().map(|id| id.clone().unwrap_or_default()).collect();
        ids.sort();
        Ok(ids)
    }

    #[test]
    fn only_keys_that_sign_are_taken_from_a_set() {
        let rsa = |id: &str, more: Value| {
            let mut key = json!({ "kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB" });
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            key
        };
        let set = json!({ "keys": [
            rsa("plain", json!({})),
            rsa("named", json!({ "alg": "RS256", "use": "sig" })),
            rsa("other", json!({ "alg": "RS512" })),
            rsa("sealed", json!({ "use": "enc" })),
            { "kty": "EC", "kid": "curve", "crv": "P-256", "x": "AQAB", "y": "AQAB" },
            { "kty": "EC", "kid": "wide", "crv": "P-384", "x": "AQAB", "y": "AQAB" },
            { "kty": "oct", "kid": "secret", "k": "AQAB" },
            { "kty": "new", "kid": "strange" },
        ] });
        assert_eq!(ids(set).unwrap(), ["curve", "named", "plain"]);
        for none in [
            json!({}),
            json!({ "keys": [] }),
            json!({ "keys": [{ "kty": "oct", "k": "AQAB" }] }),
            json!([]),
        ] {
            assert!(ids(none).is_err());
        }
    }
}
