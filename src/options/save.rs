//! The operator's changes to a list: a new option, another text, another place, no longer offered.
//!
//! An option is never deleted: briefs name it. Places are renumbered from 0 with each change, so that moving one is one
//! number.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::db::{self, Db};
use crate::entities::{OptionKind, builder_option};
use crate::error::{Error, Refusal, Result};
use crate::ids::new_id;

const NAME_MAX: usize = 120;
const DESCRIPTION_MAX: usize = 1_000;
/// Options of one list: every visitor of a wizard loads all of them.
const LIST_MAX: usize = 500;

/// What an option is to be; what is left out stays, or for a new one takes its usual value.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// None makes a new one.
    pub id: Option<Uuid>,
    /// Of a new one; that of an existing one is fixed.
    pub kind: Option<OptionKind>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub is_active: Option<bool>,
    /// Its place in the list, from 0; beyond the end is the end.
    pub place: Option<i64>,
}

/// Makes or changes an option.
pub async fn save(db: &Db, change: Change) -> Result<builder_option::Model> {
    check(&change)?;
    let tx = db.write().await?;
    db::raise_version(&tx).await?;
    let known = match change.id {
        Some(id) => Some(find(&tx, id, change.kind).await?),
        None => None,
    };
    let kind = match (&known, change.kind) {
        (Some(option), _) => option.kind,
        (None, Some(kind)) => kind,
        (None, None) => return Err(Refusal::invalid(&["kind"], "REQUIRED", "Say which list it belongs to.").into()),
    };
    let mut list = builder_option::Entity::find()
        .filter(builder_option::Column::Kind.eq(kind))
        .order_by_asc(builder_option::Column::Position)
        .order_by_asc(builder_option::Column::Id)
        .all(&tx)
        .await?;
    let (option, last) = match known {
        Some(option) => {
            let place = list.iter().position(|other| other.id == option.id);
            list.retain(|other| other.id != option.id);
            (edit(&tx, option, &change).await?, place)
        }
        None if list.len() >= LIST_MAX => {
            let message = format!("A list has at most {LIST_MAX} options. Deactivate and rename one instead.");
            return Err(Refusal::invalid(&["kind"], "LIMIT", message).into());
        }
        None => (insert(&tx, kind, &change).await?, None),
    };
    let wanted = change.place.and_then(|place| usize::try_from(place).ok());
    let place = wanted.or(last).unwrap_or(list.len()).min(list.len());
    let id = option.id;
    list.insert(place, option);
    renumber(&tx, &mut list).await?;
    tx.commit().await?;
    list.into_iter()
        .find(|option| option.id == id)
        .ok_or_else(|| Error::internal("a saved option is gone"))
}

fn check(change: &Change) -> Result<()> {
    let mut refusals = Vec::new();
    let is_new = change.id.is_none();
    match change.name.as_deref().map(str::trim) {
        None if is_new => refusals.push(Refusal::invalid(&["name"], "REQUIRED", "Give the new option a name.")),
        Some(name) if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) => {
            let message = format!("A name has 1 to {NAME_MAX} characters on one line.");
            refusals.push(Refusal::invalid(&["name"], "FORMAT", message));
        }
        _ => {}
    }
    match change.description.as_deref().map(str::trim) {
        None if is_new => {
            let message = "Give the new option a description: it explains the choice, and guides the writer.";
            refusals.push(Refusal::invalid(&["description"], "REQUIRED", message));
        }
        Some(text) if text.is_empty() || text.chars().count() > DESCRIPTION_MAX || text.contains('\0') => {
            let message = format!("A description has 1 to {DESCRIPTION_MAX} characters.");
            refusals.push(Refusal::invalid(&["description"], "FORMAT", message));
        }
        _ => {}
    }
    if change.place.is_some_and(|place| place < 0) {
        refusals.push(Refusal::invalid(&["order"], "RANGE", "Places in a list begin at 0."));
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(Error::Refused(refusals))
    }
}

async fn find(tx: &impl ConnectionTrait, id: Uuid, kind: Option<OptionKind>) -> Result<builder_option::Model> {
    let found = builder_option::Entity::find_by_id(id).one(tx).await?;
    let option = found.ok_or_else(|| Refusal::not_found(&["id"], "option"))?;
    if kind.is_some_and(|kind| kind != option.kind) {
        let message = "An option stays in its list. Leave `kind` out, or make a new option.";
        return Err(Refusal::invalid(&["kind"], "FIXED", message).into());
    }
    Ok(option)
}

async fn edit(
    tx: &impl ConnectionTrait,
    option: builder_option::Model,
    change: &Change,
) -> Result<builder_option::Model> {
    let mut row: builder_option::ActiveModel = option.into();
    if let Some(name) = &change.name {
        row.name = Set(name.trim().to_string());
    }
    if let Some(description) = &change.description {
        row.description = Set(description.trim().to_string());
    }
    if let Some(is_active) = change.is_active {
        row.is_active = Set(is_active);
    }
    row.updated_at = Set(db::now());
    Ok(row.update(tx).await?)
}

async fn insert(tx: &impl ConnectionTrait, kind: OptionKind, change: &Change) -> Result<builder_option::Model> {
    let (id, text) = (new_id(), |text: &Option<String>| {
        text.as_deref().unwrap_or_default().trim().to_string()
    });
    let row = builder_option::ActiveModel {
        id: Set(id),
        kind: Set(kind),
        // Seeds have words; what people make has its id.
        key: Set(id.simple().to_string()),
        name: Set(text(&change.name)),
        description: Set(text(&change.description)),
        is_active: Set(change.is_active.unwrap_or(true)),
        position: Set(i32::MAX),
        created_at: Set(db::now()),
        updated_at: Set(db::now()),
    };
    Ok(row.insert(tx).await?)
}

async fn renumber(tx: &impl ConnectionTrait, list: &mut [builder_option::Model]) -> Result<()> {
    for (place, option) in list.iter_mut().enumerate() {
        let place = i32::try_from(place).unwrap_or(i32::MAX);
        if option.position != place {
            option.position = place;
            let text = "UPDATE builder_options SET position = $2 WHERE id = $1";
            db::execute(tx, text, [option.id.into(), place.into()]).await?;
        }
    }
    Ok(())
}
