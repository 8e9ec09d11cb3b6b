//! An account's own prompts: every version is kept, the newest one counts.
//!
//! Saving is one guarded INSERT: of two people who save at once, one is told that the prompt changed.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Select};
use uuid::Uuid;

use super::template::Template;
use crate::db::{Db, execute, now};
use crate::entities::prompt_template::{Column, Entity, Model};
use crate::error::{Error, Instant, Refusal, Result, Why};
use crate::generation::functions::{FUNCTIONS, Spec};
use crate::ids::new_id;
use crate::jobs::Lookup;

/// The prompt that a function uses for an account.
#[derive(Debug, Clone)]
pub struct Current {
    pub spec: &'static Spec,
    /// 0 until the account has saved one.
    pub version: i64,
    /// Whether the built-in text is in use.
    pub is_built_in: bool,
    pub template: Template,
    pub saved_at: Option<Instant>,
}

/// What a person wants a prompt to be.
#[derive(Debug, Clone)]
pub enum Change {
    To(Template),
    /// The text of an older version; 0 is the built-in one.
    Restore(i64),
}

/// The prompts of every function for an account, in the order of the list.
pub async fn current(
    connection: &impl ConnectionTrait,
    account: Uuid,
    specs: &[&'static Spec],
) -> Result<Vec<Current>> {
    let mut all = Vec::with_capacity(specs.len());
    for spec in specs {
        all.push(current_of(connection, account, spec).await?);
    }
    Ok(all)
}

/// The prompt of one function for an account.
pub async fn current_of(connection: &impl ConnectionTrait, account: Uuid, spec: &'static Spec) -> Result<Current> {
    let row = versions_of(account, spec.name)
        .order_by_desc(Column::Version)
        .one(connection)
        .await?;
    Ok(read(spec, row.as_ref()))
}

/// The prompts of functions, by their names.
pub struct Prompts;

impl Lookup for Prompts {
    type Key = &'static str;
    type Found = Current;

    async fn find(db: &Db, account: Uuid, functions: &[&'static str]) -> Result<HashMap<&'static str, Current>> {
        let asked = FUNCTIONS.iter().filter(|spec| functions.contains(&spec.name));
        // They are few, and a crowd asks for one of them.
        let found = current(db.reader(), account, &asked.copied().collect::<Vec<_>>()).await?;
        Ok(found.into_iter().map(|prompt| (prompt.spec.name, prompt)).collect())
    }
}

/// The versions that an account saved for a function.
pub fn versions_of(account: Uuid, function: &str) -> Select<Entity> {
    Entity::find()
        .filter(Column::AccountId.eq(account))
        .filter(Column::Function.eq(function))
}

/// The prompt of a stored version. One that a newer program cannot fill gives way to the built-in text.
pub fn read(spec: &'static Spec, row: Option<&Model>) -> Current {
    let version = row.map_or(0, |row| row.version);
    let own = row.and_then(|row| {
        let (system, user) = (row.system_text.clone()?, row.user_text.clone()?);
        Some(Template { system, user })
    });
    let usable = own.filter(|template| {
        let faults = template.faults(spec.variables);
        if !faults.is_empty() {
            tracing::warn!(
                function = spec.name,
                version,
                "a stored prompt does not fit this release; the built-in one is used"
            );
        }
        faults.is_empty()
    });
    Current {
        spec,
        version,
        is_built_in: usable.is_none(),
        template: usable.unwrap_or_else(|| spec.template()),
        saved_at: row.map(|row| row.created_at),
    }
}

/// Saves the next version. With `expected`, only when that is the present one.
pub async fn save(
    db: &Db,
    account: Uuid,
    spec: &'static Spec,
    change: Change,
    expected: Option<i64>,
) -> Result<Current> {
    let transaction = db.write().await?;
    let newest = versions_of(account, spec.name)
        .order_by_desc(Column::Version)
        .one(&transaction)
        .await?;
    let version = newest.as_ref().map_or(0, |row| row.version);
    if expected.is_some_and(|expected| expected != version) {
        transaction.rollback().await?;
        return Err(conflict(version).into());
    }
    let texts = match change {
        Change::To(template) => Some(checked(template, spec)?),
        Change::Restore(0) => None,
        Change::Restore(wanted) => {
            let query = versions_of(account, spec.name).filter(Column::Version.eq(wanted));
            let row = query.one(&transaction).await?;
            let row = row.ok_or_else(|| Refusal::not_found(&["input", "restoreVersion"], "version"))?;
            match (row.system_text, row.user_text) {
                (Some(system), Some(user)) => Some(checked(Template { system, user }, spec)?),
                _ => None,
            }
        }
    };
    let (system, user) = texts.map(|template| (template.system, template.user)).unzip();
    let text = "INSERT INTO prompt_templates (id, account_id, function, version, system_text, user_text, created_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let values = [
        new_id().into(),
        account.into(),
        spec.name.into(),
        (version + 1).into(),
        system.into(),
        user.into(),
        now().into(),
    ];
    if execute(&transaction, text, values).await? == 0 {
        transaction.rollback().await?;
        return Err(conflict(version + 1).into());
    }
    let saved = current_of(&transaction, account, spec).await?;
    transaction.commit().await?;
    Ok(saved)
}

fn checked(template: Template, spec: &Spec) -> Result<Template> {
    let faults = template.faults(spec.variables);
    if faults.is_empty() {
        return Ok(template);
    }
    let refusals = faults.iter().map(|fault| {
        let (field, rule) = (fault.part.field(), &fault.rule);
        Refusal::invalid(&["input", field], rule.constraint(), rule.to_string())
    });
    Err(Error::Refused(refusals.collect()))
}

fn conflict(current_version: i64) -> Refusal {
    let message = "The prompt changed since you read it. Read it again and repeat your change.";
    Refusal::new(
        &["input", "expectedVersion"],
        message,
        Why::Conflict { current_version },
    )
}
