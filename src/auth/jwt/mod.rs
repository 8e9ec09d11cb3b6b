//! Tokens of the operator's identity provider: who signed them, whom they name, and what that person may do here.
//!
//! The algorithm belongs to the key and is never taken from the token. The person is the value of one claim under the
//! configured issuer, and has an account by `identities`.

mod claims;
mod crypto;
mod keys;

use std::sync::Arc;

use chrono::DateTime;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::caller::{Caller, Credential};
use super::denied::Denied;
use super::reach::Scope;
use super::{Verdict, identities};
use crate::config::Auth;
use crate::db::Db;
use crate::entities::Role;
use crate::error::{Error, Result};
use crate::events::Bus;
use keys::{Key, Keys};

/// The tokens that this server takes.
#[derive(Clone)]
pub struct Jwts(Arc<Inner>);

struct Inner {
    keys: Keys,
    config: Auth,
    bus: Bus,
    /// Credits of an account that is made on first sight.
    initial: i64,
}

/// Whether this can be a JWT at all: three parts of base64url.
pub fn is_plausible(text: &str) -> bool {
    let is_fit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.bytes().filter(|b| *b == b'.').count() == 2 && text.bytes().all(is_fit)
}

impl Jwts {
    /// None when the configuration names no issuer; fails when its keys cannot be used.
    pub async fn new(config: &Auth, bus: &Bus, initial: i64) -> Result<Option<Self>> {
        if config.jwt_issuer.is_empty() {
            return Ok(None);
        }
        crypto::install();
        let inner = Inner {
            keys: Keys::new(config).await?,
            config: config.clone(),
            bus: bus.clone(),
            initial,
        };
        Ok(Some(Jwts(Arc::new(inner))))
    }

    /// Keeps the keys up to date; never ends.
    pub async fn keep(&self) {
        self.0.keys.keep().await;
    }

    /// The caller behind a token.
    pub async fn authenticate(&self, db: &Db, text: &str) -> Result<Verdict> {
        let claims = match self.verify(text).await {
            Ok(claims) => claims,
            Err(denied) => return Ok(Err(denied)),
        };
        let config = &self.0.config;
        let Some(subject) = claims::subject(&claims, &config.jwt_account_claim) else {
            return Ok(Err(Denied::NoClaim));
        };
        let Some(role) = self.role(&claims) else {
            return Ok(Err(Denied::NoRole));
        };
        let until = claims.get("exp").and_then(Value::as_f64);
        let until = until.and_then(|exp| DateTime::from_timestamp(exp as i64, 0));
        let Some(until) = until else {
            return Ok(Err(Denied::NoClaim));
        };
        let issuer = &config.jwt_issuer;
        let account = match identities::find(db.reader(), issuer, subject).await? {
            None if config.jwt_create_accounts => {
                identities::open(db, &self.0.bus, self.0.initial, issuer, subject).await?
            }
            found => found,
        };
        let Some(account) = account else {
            return Ok(Err(Denied::NoAccount));
        };
        Ok(Ok(Caller {
            account,
            role,
            credential: Credential::Jwt(subject.into()),
            scope: Scope::Account,
            until: Some(until),
        }))
    }

    /// The highest role that a token may give, of those that it names; the default when it names none.
    fn role(&self, claims: &Map<String, Value>) -> Option<Role> {
        let config = &self.0.config;
        let named = claims::role(claims, &config.jwt_role_claim);
        let role = named.or_else(|| claims::role_named(&config.jwt_default_role))?;
        Some(role.min(claims::role_named(&config.jwt_highest_role).unwrap_or(Role::Viewer)))
    }

    async fn verify(&self, text: &str) -> Result<Map<String, Value>, Denied> {
        let header = decode_header(text).map_err(|error| denied(error.kind()))?;
        if header.crit.is_some() {
            // It asks for something that this server does not know.
            return Err(Denied::Malformed);
        }
        let key = self
            .0
            .keys
            .find(header.kid.as_deref())
            .await
            .ok_or(Denied::UnknownKey)?;
        let decoded = decode::<Map<String, Value>>(text, &key.decoding, &self.validation(&key));
        decoded
            .map(|decoded| decoded.claims)
            .map_err(|error| denied(error.kind()))
    }

    fn validation(&self, key: &Key) -> Validation {
        let config = &self.0.config;
        let mut validation = Validation::new(key.algorithm);
        validation.leeway = config.jwt_leeway_s;
        validation.validate_nbf = true;
        validation.set_audience(&[&config.jwt_audience]);
        validation.set_issuer(&[&config.jwt_issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation
    }
}

fn denied(kind: &ErrorKind) -> Denied {
    match kind {
        ErrorKind::ExpiredSignature => Denied::Expired,
        ErrorKind::ImmatureSignature => Denied::NotYet,
        ErrorKind::InvalidIssuer => Denied::WrongIssuer,
        ErrorKind::InvalidAudience => Denied::WrongAudience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => Denied::NoClaim,
        ErrorKind::InvalidSignature
        | ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::InvalidKeyFormat => Denied::BadSignature,
        _ => Denied::Malformed,
    }
}

/// A configuration that cannot be used.
fn unusable(key: &str, why: impl std::fmt::Display) -> Error {
    crate::error::Refusal::invalid(&["auth", key], "INVALID", format!("auth.{key} cannot be used: {why}.")).into()
}
