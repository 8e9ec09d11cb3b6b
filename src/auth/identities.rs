//! Which account a person of the identity provider works in: the issuer and the claim that names them, linked by the
//! operator or, if the configuration says so, with a new account on first sight.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use uuid::Uuid;

use crate::credits;
use crate::db::{self, Db};
use crate::entities::identity;
use crate::error::{Refusal, Result};
use crate::events::{Bus, Unit};
use crate::ids::new_id;

/// Longest name of a person.
pub(super) const LONGEST: usize = 255;
/// Longest name of an account.
const NAME: usize = 120;

/// The account of a person.
pub(super) async fn find(connection: &impl ConnectionTrait, issuer: &str, subject: &str) -> Result<Option<Uuid>> {
    let key = (issuer.to_string(), subject.to_string());
    let found = identity::Entity::find_by_id(key).one(connection).await?;
    Ok(found.map(|identity| identity.account_id))
}

/// Lets a person work in an account. One who works in another already is refused.
pub async fn link(db: &Db, issuer: &str, subject: &str, account: Uuid) -> Result<()> {
    if subject.is_empty() || subject.chars().count() > LONGEST || subject.chars().any(char::is_control) {
        let message = format!("A person's name at the identity provider has 1 to {LONGEST} characters.");
        return Err(Refusal::invalid(&["subject"], "LENGTH", message).into());
    }
    let transaction = db.write().await?;
    if !insert(&transaction, issuer, subject, account).await?
        && find(&transaction, issuer, subject).await? != Some(account)
    {
        let message = format!("\"{subject}\" belongs to another account already.");
        return Err(Refusal::invalid(&["subject"], "UNIQUE", message).into());
    }
    transaction.commit().await?;
    Ok(())
}

/// A new account for a person who has none; of two requests at once one makes it and both get it.
pub(super) async fn open(db: &Db, bus: &Bus, initial: i64, issuer: &str, subject: &str) -> Result<Option<Uuid>> {
    let made = make(db, bus, initial, issuer, subject).await;
    if let Ok(Some(account)) = made {
        return Ok(Some(account));
    }
    // Somebody was faster, with the person or with the name of their account alone: what was written is undone.
    match (find(db.reader(), issuer, subject).await?, made) {
        (None, Err(_)) => make(db, bus, initial, issuer, subject).await,
        (found, _) => Ok(found),
    }
}

/// None when the person has an account by now.
async fn make(db: &Db, bus: &Bus, initial: i64, issuer: &str, subject: &str) -> Result<Option<Uuid>> {
    let mut unit = Unit::begin(db, bus).await?;
    let is_free = subject.chars().count() <= NAME && credits::find_account(&unit.tx, subject).await?.is_none();
    // The name is for people. One that is taken, by whomever, must not lead to that account.
    let name = match is_free {
        true => subject.to_string(),
        false => format!("person {}", new_id().simple()),
    };
    let account = credits::create_account(&mut unit, &name, initial).await?.id;
    if !insert(&unit.tx, issuer, subject, account).await? {
        return Ok(None);
    }
    unit.commit().await?;
    Ok(Some(account))
}

/// Whether the person had no account before.
async fn insert(connection: &impl ConnectionTrait, issuer: &str, subject: &str, account: Uuid) -> Result<bool> {
    let row = identity::ActiveModel {
        issuer: Set(issuer.to_string()),
        subject: Set(subject.to_string()),
        account_id: Set(account),
        created_at: Set(db::now()),
    };
    let columns = [identity::Column::Issuer, identity::Column::Subject];
    let ignore = OnConflict::columns(columns).do_nothing().to_owned();
    let inserted = identity::Entity::insert(row)
        .on_conflict(ignore)
        .exec_without_returning(connection)
        .await?;
    Ok(inserted > 0)
}
