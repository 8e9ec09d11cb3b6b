//! The audit trail as the owner of an account reads it.

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, Object};
use sea_orm::{ColumnTrait, QueryFilter, Select};

use super::types::Role;
use crate::entities::audit_entry;
use crate::graphql::node;
use crate::graphql::paging::connection;
use crate::graphql::scalars::DateTime;
use crate::ids::IdKind;

/// What kind of credential acted.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::ActorKind")]
pub enum ActorKind {
    /// An API key.
    Key,
    /// A token of the operator's identity provider.
    Jwt,
    /// A watch token.
    Watch,
    /// Nothing: the server asks for no key.
    Local,
    /// A command on the server's own machine.
    Command,
}

/// What came of a change that was asked for.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::AuditResult")]
pub enum AuditResult {
    /// The change was made; the server ended, or lost its database, before it could note more.
    Unfinished,
    /// The change was made.
    Done,
    /// Nothing was changed, for the reasons in `codes`: those of the payload's `userErrors`.
    Refused,
    /// It failed with the error in `codes`: a missing right, or a failure of the server.
    Failed,
}

/// Who did what: one entry for each field of a mutation, and for each command that changes an account. It holds ids and
/// codes, never a text of the input and never a secret, and cannot be changed.
#[derive(Clone)]
pub struct AuditEntry(pub Arc<audit_entry::Model>);

/// Who did what: one entry for each field of a mutation, and for each command that changes an account. It holds ids and
/// codes, never a text of the input and never a secret, and cannot be changed.
#[Object]
impl AuditEntry {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::AuditEntry, self.0.id)
    }

    /// When it was begun.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// What kind of credential acted.
    async fn actor_kind(&self) -> ActorKind {
        self.0.actor.into()
    }

    /// Which credential: the global id of an API key, the subject of a token; null where there is none. An operator's
    /// may be a key that you cannot look up.
    async fn actor_id(&self) -> Option<&str> {
        self.0.actor_id.as_deref()
    }

    /// The name that the API key had then; null for other credentials.
    async fn actor_name(&self) -> Option<&str> {
        self.0.actor_name.as_deref()
    }

    /// The role of the credential.
    async fn role(&self) -> Role {
        self.0.role.into()
    }

    /// The field of the mutation root, such as `generatePage`; for a command its words, such as `key create`.
    async fn mutation(&self) -> &str {
        &self.0.mutation
    }

    /// What the input named and what the change made or touched, at most 50 global ids.
    async fn subject_ids(&self) -> Vec<ID> {
        words(&self.0.subjects).map(|word| ID(word.to_string())).collect()
    }

    /// What came of it.
    async fn result(&self) -> AuditResult {
        self.0.result.into()
    }

    /// Why nothing was changed, one code an error; empty when it was.
    async fn codes(&self) -> Vec<&str> {
        words(&self.0.codes).collect()
    }

    /// The id of the request, as in `extensions.requestId` and in the server's log; null for a command.
    async fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The client's address; null for a command, and for what an operator did from elsewhere.
    async fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

impl From<audit_entry::Model> for AuditEntry {
    fn from(row: audit_entry::Model) -> Self {
        AuditEntry(Arc::new(row))
    }
}

connection!(AuditEntryConnection AuditEntryEdge AuditEntry "the audit trail, the newest first");

/// Only some audit entries. Fields that are left out do not narrow the list.
#[derive(InputObject, Default)]
pub struct AuditEntryFilter {
    /// Only entries of these fields of the mutation root, such as `generatePage`, or commands, such as `key create`.
    pub mutations: Option<Vec<String>>,
    /// Only entries with these results.
    pub results: Option<Vec<AuditResult>>,
    /// Only entries from this moment on.
    pub since: Option<DateTime>,
    /// Only entries before this moment.
    pub until: Option<DateTime>,
}

impl AuditEntryFilter {
    pub fn apply(self, mut select: Select<audit_entry::Entity>) -> Select<audit_entry::Entity> {
        use audit_entry::Column;
        if let Some(mutations) = self.mutations {
            select = select.filter(Column::Mutation.is_in(mutations));
        }
        if let Some(results) = self.results {
            let results = results.into_iter().map(crate::entities::AuditResult::from);
            select = select.filter(Column::Result.is_in(results));
        }
        if let Some(since) = self.since {
            select = select.filter(Column::At.gte(since.0));
        }
        if let Some(until) = self.until {
            select = select.filter(Column::At.lt(until.0));
        }
        select
    }
}
