//! The identity that a request runs as; every row is found through its account.

use std::sync::Arc;

use uuid::Uuid;

use super::reach::Scope;
use crate::entities::Role;
use crate::error::Instant;

/// Two requests whose callers are equal may be given the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    pub account: Uuid,
    pub role: Role,
    pub credential: Credential,
    /// How much of the account it reaches.
    pub scope: Scope,
    /// When the credential ends by itself, and every connection that has shown it; none for never.
    pub until: Option<Instant>,
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// Nothing: the server needs no keys.
    Local,
    /// An API key, by its id.
    Key(Uuid),
    /// A token of the operator's identity provider, by its subject.
    Jwt(Arc<str>),
    /// A watch token, by its id.
    Watch(Uuid),
}

impl Caller {
    /// The owner of the local account, on a server that needs no keys.
    pub fn local(account: Uuid) -> Self {
        Caller {
            account,
            role: Role::Owner,
            credential: Credential::Local,
            scope: Scope::Account,
            until: None,
        }
    }

    /// The API key that was shown.
    pub fn api_key(&self) -> Option<Uuid> {
        match self.credential {
            Credential::Key(id) => Some(id),
            _ => None,
        }
    }
}
