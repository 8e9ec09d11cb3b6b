//! Making, listing, revoking and checking API keys, always through the account that owns them.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use parking_lot::Mutex;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, Select,
};
use uuid::Uuid;

use super::Verdict;
use super::caller::{Caller, Credential};
use super::denied::Denied;
use super::reach::Scope;
use super::secret::{self, Mark};
use crate::db::{self, Db};
use crate::entities::{Role, api_key};
use crate::error::{Error, Instant, Refusal, Result};
use crate::events::{Bus, Notice};
use crate::ids::new_id;

const NAME_MAX: usize = 120;
/// Keys of one account that can be used at the same time: more are a script that makes one a run.
pub const LIVE_MAX: u64 = 100;

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// 1 to 120 characters on one line, for people.
    pub name: String,
    pub role: Role,
    /// None: it lives until it is revoked.
    pub expires_at: Option<Instant>,
}

/// Makes a key. The second value is the secret: it is not kept and cannot be shown again.
pub async fn create(db: &Db, account: Uuid, new: NewKey) -> Result<(api_key::Model, String)> {
    let now = db::now();
    let name = check(&new, now)?;
    let secret = secret::generate(Mark::Key);
    let row = api_key::ActiveModel {
        id: Set(new_id()),
        account_id: Set(account),
        name: Set(name),
        prefix: Set(secret::prefix(&secret)),
        hash: Set(secret::hash(&secret)),
        role: Set(new.role),
        created_at: Set(now),
        expires_at: Set(new.expires_at),
        revoked_at: Set(None),
        last_used_at: Set(None),
    };
    let transaction = db.write().await?;
    // The account's row: of two that make the last key one waits here.
    let lock = "SELECT id FROM accounts WHERE id = $1 {lock}";
    db::rows(&transaction, lock, [account.into()]).await?;
    let live = of_account(account).filter(is_usable(now));
    if live.count(&transaction).await? >= LIVE_MAX {
        let message = format!("The account has {LIVE_MAX} keys that can be used. Revoke those that nobody needs.");
        return Err(Refusal::invalid(&["input"], "TOO_MANY", message).into());
    }
    let row = row.insert(&transaction).await?;
    transaction.commit().await?;
    Ok((row, secret))
}

fn is_usable(now: Instant) -> Condition {
    let lives = Condition::any()
        .add(api_key::Column::ExpiresAt.is_null())
        .add(api_key::Column::ExpiresAt.gt(now));
    Condition::all().add(api_key::Column::RevokedAt.is_null()).add(lives)
}

/// Makes a key for whoever asks: it may do at most what they may.
pub async fn create_as(db: &Db, caller: &Caller, new: NewKey) -> Result<(api_key::Model, String)> {
    if new.role > caller.role {
        let message = "A key may do at most what the credential that makes it may. Choose a lower role.";
        return Err(Refusal::invalid(&["input", "role"], "TOO_HIGH", message).into());
    }
    create(db, caller.account, new).await
}

fn check(new: &NewKey, now: Instant) -> Result<String> {
    let name = new.name.trim();
    let mut refusals = Vec::new();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        let message = format!("Give the key a name of 1 to {NAME_MAX} characters that says who uses it.");
        refusals.push(Refusal::invalid(&["input", "name"], "LENGTH", message));
    }
    if name.chars().any(char::is_control) {
        let message = "Write the name on one line, without control characters.";
        refusals.push(Refusal::invalid(&["input", "name"], "CONTROL_CHARACTERS", message));
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        let message = "Choose a moment in the future, or leave it out for a key that does not expire.";
        refusals.push(Refusal::invalid(&["input", "expiresAt"], "IN_THE_PAST", message));
    }
    if refusals.is_empty() {
        Ok(name.to_string())
    } else {
        Err(Error::Refused(refusals))
    }
}

/// Whether any account has a key that could be used.
pub async fn has_a_key(db: &Db) -> Result<bool> {
    let usable = api_key::Entity::find().filter(is_usable(db::now()));
    Ok(usable.one(db.reader()).await?.is_some())
}

/// The account's keys, revoked and expired ones included.
pub fn of_account(account: Uuid) -> Select<api_key::Entity> {
    api_key::Entity::find().filter(api_key::Column::AccountId.eq(account))
}

/// Ends a key. Revoking it again changes nothing.
pub async fn revoke(db: &Db, account: Uuid, id: Uuid) -> Result<api_key::Model> {
    end(db, account, id, Role::Admin).await
}

/// Ends a key for whoever asks, and with it every connection that has shown it. A key that may do more stays.
pub async fn revoke_as(db: &Db, bus: &Bus, caller: &Caller, id: Uuid) -> Result<api_key::Model> {
    let key = end(db, caller.account, id, caller.role).await?;
    bus.publish(Notice::Access);
    Ok(key)
}

async fn end(db: &Db, account: Uuid, id: Uuid, highest: Role) -> Result<api_key::Model> {
    let transaction = db.write().await?;
    let text = "UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND account_id = $3 AND revoked_at IS NULL";
    db::execute(&transaction, text, [db::now().into(), id.into(), account.into()]).await?;
    let key = api_key::Entity::find_by_id(id)
        .filter(api_key::Column::AccountId.eq(account))
        .one(&transaction)
        .await?;
    let key = key.ok_or_else(|| Refusal::not_found(&["input", "id"], "API key"))?;
    if key.role > highest {
        // What was written is undone with the transaction.
        let message = "This key may do more than the credential of this request. End it with one that may as much.";
        return Err(Refusal::invalid(&["input", "id"], "TOO_HIGH", message).into());
    }
    transaction.commit().await?;
    Ok(key)
}

/// The caller behind a key.
pub async fn authenticate(db: &Db, bearer: &str) -> Result<Verdict> {
    if !secret::is_plausible(Mark::Key, bearer) {
        return Ok(Err(Denied::Malformed));
    }
    let hash = secret::hash(bearer);
    let key = api_key::Entity::find()
        .filter(api_key::Column::Hash.eq(&hash))
        .one(db.reader())
        .await?;
    let Some(key) = key.filter(|key| secret::same(&key.hash, &hash)) else {
        return Ok(Err(Denied::Unknown));
    };
    let now = db::now();
    if !may_be_used(&key, now) {
        let is_revoked = key.revoked_at.is_some();
        return Ok(Err(if is_revoked { Denied::Revoked } else { Denied::Expired }));
    }
    note_use(db, &key, now);
    Ok(Ok(Caller {
        account: key.account_id,
        role: key.role,
        credential: Credential::Key(key.id),
        scope: Scope::Account,
        until: key.expires_at,
    }))
}

/// Those of these keys that are no longer good.
pub async fn gone_among(db: &Db, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let keys = api_key::Entity::find().filter(api_key::Column::Id.is_in(ids.iter().copied()));
    let (keys, now) = (keys.all(db.reader()).await?, db::now());
    let live: BTreeSet<Uuid> = keys
        .iter()
        .filter(|key| may_be_used(key, now))
        .map(|key| key.id)
        .collect();
    Ok(ids.iter().copied().filter(|id| !live.contains(id)).collect())
}

fn may_be_used(key: &api_key::Model, now: Instant) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now)
}

/// The keys whose use is being noted: many requests of one key wait for the writer once.
static NOTING: Mutex<BTreeSet<Uuid>> = Mutex::new(BTreeSet::new());

/// Notes that the key is in use, at most once a minute: a note must not turn every read into a write. The request does
/// not wait for it: the writer may be busy.
fn note_use(db: &Db, key: &api_key::Model, now: Instant) {
    let stale = now - TimeDelta::minutes(1);
    if key.last_used_at.is_some_and(|at| at > stale) {
        return;
    }
    let (db, id) = (db.clone(), key.id);
    if !NOTING.lock().insert(id) {
        return;
    }
    let noted = async move {
        let transaction = db.write().await?;
        let text =
            "UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at <= $3)";
        db::execute(&transaction, text, [now.into(), id.into(), stale.into()]).await?;
        transaction.commit().await?;
        Ok::<_, Error>(())
    };
    tokio::spawn(async move {
        if let Err(error) = noted.await {
            // Not worth refusing a good key for.
            tracing::warn!(cause = error.cause(), "the use of an API key was not noted");
        }
        NOTING.lock().remove(&id);
    });
}
