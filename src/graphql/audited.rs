//! The one place where mutations meet the audit trail: around each field of the mutation root.
//!
//! What the field's arguments name is an entry's subject, and so is what [`settle`](super::user_error::settle) is given:
//! a payload's type says what it touched ([`Touched`]), so a new mutation cannot forget it and still compile.

use async_graphql::extensions::ResolveInfo;
use async_graphql::{ServerError, ServerResult, Value, Variables};
use async_graphql_value::Value as Argument;

use super::context::Session;
use super::error::Code;
use crate::audit::{Act, Actor, Outcome, recorded};
use crate::auth::{Caller, Credential};
use crate::db::Db;
use crate::entities::ActorKind;
use crate::ids::{GlobalId, IdKind};
use crate::{audit, entities};

/// How deep arguments are looked into.
const DEPTH: usize = 8;

/// Whether a field is an act.
pub fn is_act(info: &ResolveInfo<'_>) -> bool {
    info.parent_type == "Mutation" && info.path_node.parent.is_none() && !info.is_for_introspection
}

/// Resolves a field of the mutation root as an act of the caller.
pub async fn act(
    db: &Db,
    session: &Session,
    name: String,
    subjects: Vec<GlobalId>,
    work: impl Future<Output = ServerResult<Option<Value>>>,
) -> ServerResult<Option<Value>> {
    let act = Act {
        actor: actor(session),
        name,
        subjects,
    };
    recorded(db, act, work, outcome).await
}

/// Notes fields of the mutation root that were refused, with this code, before any of them ran.
pub async fn denied(db: &Db, session: &Session, names: &[String], code: Code) {
    for name in names {
        let act = Act {
            actor: actor(session),
            name: name.clone(),
            subjects: Vec::new(),
        };
        recorded(db, act, async {}, |()| Outcome::failed(code.as_str())).await;
    }
}

fn actor(session: &Session) -> Actor {
    let (kind, id, key) = credential(&session.caller);
    Actor {
        account: session.caller.account,
        kind,
        id,
        key,
        role: session.caller.role,
        request_id: Some(session.request_id.clone()),
        address: session.address.map(|address| address.to_string()),
    }
}

/// What the caller has shown, as the trail names it; the last is the API key, whose name is noted too.
fn credential(caller: &Caller) -> (ActorKind, Option<String>, Option<uuid::Uuid>) {
    match &caller.credential {
        Credential::Key(id) => (
            ActorKind::Key,
            Some(GlobalId::new(IdKind::ApiKey, *id).to_string()),
            Some(*id),
        ),
        Credential::Jwt(subject) => (ActorKind::Jwt, Some(subject.to_string()), None),
        Credential::Watch(id) => (ActorKind::Watch, Some(id.to_string()), None),
        Credential::Local => (ActorKind::Local, None, None),
    }
}

fn outcome(result: &ServerResult<Option<Value>>) -> Outcome {
    match result {
        Ok(_) => Outcome::done(),
        Err(error) => Outcome::failed(code(error)),
    }
}

fn code(error: &ServerError) -> String {
    let code = error.extensions.as_ref().and_then(|values| values.get("code"));
    match code {
        Some(Value::String(code)) => code.clone(),
        // The executor's own errors have none: an argument that does not fit its type.
        _ => Code::BadUserInput.as_str().to_string(),
    }
}

/// The ids among a field's arguments.
pub fn named(info: &ResolveInfo<'_>, variables: &Variables) -> Vec<GlobalId> {
    let mut ids = Vec::new();
    for (_, value) in &info.field.arguments {
        look(&value.node, variables, DEPTH, &mut ids);
    }
    ids
}

fn look(value: &Argument, variables: &Variables, depth: usize, ids: &mut Vec<GlobalId>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Argument::String(text) => ids.extend(GlobalId::parse(text)),
        Argument::List(items) => items.iter().for_each(|item| look(item, variables, depth, ids)),
        Argument::Object(fields) => fields.values().for_each(|field| look(field, variables, depth, ids)),
        Argument::Variable(name) => {
            if let Some(value) = variables.get(name) {
                look(&value.clone().into_value(), variables, depth, ids);
            }
        }
        _ => {}
    }
}

/// What a mutation made or changed, for the audit trail.
pub trait Touched {
    fn touched(&self) -> Vec<GlobalId>;
}

macro_rules! touched {
    ($($row:ty = $kind:ident),+ $(,)?) => {
        $(impl Touched for $row {
            fn touched(&self) -> Vec<GlobalId> {
                vec![GlobalId::new(IdKind::$kind, self.id)]
            }
        })+
    };
}

touched! {
    entities::account::Model = Account,
    entities::api_key::Model = ApiKey,
    entities::blueprint::Model = Blueprint,
    entities::builder_option::Model = BuilderOption,
    entities::page::Model = Page,
    entities::block::Model = Block,
    entities::price::Model = Price,
    entities::job::Model = Job,
}

impl Touched for crate::generation::Started {
    fn touched(&self) -> Vec<GlobalId> {
        self.jobs.iter().flat_map(Touched::touched).collect()
    }
}

impl Touched for crate::credits::Granted {
    fn touched(&self) -> Vec<GlobalId> {
        vec![GlobalId::new(IdKind::CreditEntry, self.entry.id)]
    }
}

/// A key and its secret, of which only the key is named.
impl Touched for (entities::api_key::Model, String) {
    fn touched(&self) -> Vec<GlobalId> {
        self.0.touched()
    }
}

/// The secret of a watch token and its end: what it watches is named by the input.
impl Touched for (String, crate::error::Instant) {
    fn touched(&self) -> Vec<GlobalId> {
        Vec::new()
    }
}

impl Touched for async_graphql::ID {
    fn touched(&self) -> Vec<GlobalId> {
        GlobalId::parse(self).into_iter().collect()
    }
}

/// Notes an outcome's subjects with the present act.
pub fn note(outcome: &impl Touched) {
    outcome.touched().into_iter().for_each(audit::note_subject);
}
