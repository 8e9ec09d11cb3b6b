//! Watch tokens: what a browser may hold. Short-lived, read-only, for one job or one site.
//!
//! A token ends at its time, with the key that made it, or with the sign-in that made it, whichever comes first. Tokens
//! that have ended are forgotten when the account makes another.

use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::Verdict;
use super::caller::{Caller, Credential};
use super::denied::Denied;
use super::keys;
use super::reach::Scope;
use super::secret::{self, Mark};
use crate::db::{self, Db};
use crate::entities::{Role, blueprint, job, watch_token};
use crate::error::{Error, Instant, Refusal, Result, Why};
use crate::ids::new_id;

/// How long a token may live, in seconds.
const SECONDS: std::ops::RangeInclusive<i64> = 60..=86_400;
/// Live tokens of one account.
const MOST: u64 = 10_000;
/// Live tokens of one maker: an API key, or all who show another credential.
const MOST_OF_ONE: u64 = 1_000;

/// Makes a token for a job or a site within the caller's reach. The first value is the secret: it is not kept.
pub async fn create(db: &Db, caller: &Caller, target: Scope, seconds: i64) -> Result<(String, Instant)> {
    if !SECONDS.contains(&seconds) {
        let (least, most) = (SECONDS.start(), SECONDS.end());
        let message = format!("A watch token lives {least} to {most} seconds. Make another when it ends.");
        return Err(Refusal::invalid(&["input", "expiresInSeconds"], "RANGE", message).into());
    }
    let now = db::now();
    let ends = now + TimeDelta::seconds(seconds);
    let expires_at = caller.until.map_or(ends, |until| until.min(ends));
    let (job_id, blueprint_id) = match target {
        Scope::Job(id) => (Some(id), None),
        Scope::Site(id) => (None, Some(id)),
        Scope::Account => return Err(Error::internal("a watch token for a whole account")),
    };
    let secret = secret::generate(Mark::Watch);
    let transaction = db.write().await?;
    find(&transaction, caller, target).await?;
    let own = || watch_token::Entity::find().filter(watch_token::Column::AccountId.eq(caller.account));
    watch_token::Entity::delete_many()
        .filter(watch_token::Column::AccountId.eq(caller.account))
        .filter(watch_token::Column::ExpiresAt.lte(now))
        .exec(&transaction)
        .await?;
    let maker = match caller.api_key() {
        Some(key) => watch_token::Column::ApiKeyId.eq(key),
        None => watch_token::Column::ApiKeyId.is_null(),
    };
    if own().filter(maker).count(&transaction).await? >= MOST_OF_ONE {
        let message = "This credential has made as many watch tokens as it may. Give one token to several watchers of the \
            same job or site, or let tokens end sooner.";
        return Err(too_many(message, MOST_OF_ONE));
    }
    if own().count(&transaction).await? >= MOST {
        let message = "The account has as many watch tokens as it may. Give one token to several watchers of the same \
            job or site, or let tokens end sooner.";
        return Err(too_many(message, MOST));
    }
    let row = watch_token::ActiveModel {
        id: Set(new_id()),
        account_id: Set(caller.account),
        hash: Set(secret::hash(&secret)),
        job_id: Set(job_id),
        blueprint_id: Set(blueprint_id),
        api_key_id: Set(caller.api_key()),
        created_at: Set(now),
        expires_at: Set(expires_at),
    };
    row.insert(&transaction).await?;
    transaction.commit().await?;
    Ok((secret, expires_at))
}

fn too_many(message: &str, limit: u64) -> Error {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Refusal::new(&["input"], message, Why::LimitExceeded { limit }).into()
}

/// Refuses a target that the caller does not reach, exactly like one that does not exist.
async fn find(connection: &impl sea_orm::ConnectionTrait, caller: &Caller, target: Scope) -> Result<()> {
    let (found, field, what) = match target {
        Scope::Job(id) => {
            let job = job::Entity::find_by_id(id).filter(caller.jobs());
            let id = job.select_only().column(job::Column::Id).into_tuple::<Uuid>();
            (id.one(connection).await?, "jobId", "job")
        }
        Scope::Site(id) => {
            let site = blueprint::Entity::find_by_id(id).filter(caller.sites());
            let id = site.select_only().column(blueprint::Column::Id).into_tuple::<Uuid>();
            (id.one(connection).await?, "blueprintId", "site")
        }
        Scope::Account => (None, "jobId", "job"),
    };
    match found {
        Some(_) => Ok(()),
        None => Err(Refusal::not_found(&["input", field], what).into()),
    }
}

/// The caller behind a token.
pub async fn authenticate(db: &Db, bearer: &str) -> Result<Verdict> {
    if !secret::is_plausible(Mark::Watch, bearer) {
        return Ok(Err(Denied::Malformed));
    }
    let hash = secret::hash(bearer);
    let token = watch_token::Entity::find()
        .filter(watch_token::Column::Hash.eq(&hash))
        .one(db.reader())
        .await?;
    let Some(token) = token.filter(|token| secret::same(&token.hash, &hash)) else {
        return Ok(Err(Denied::Unknown));
    };
    if token.expires_at <= db::now() {
        return Ok(Err(Denied::Expired));
    }
    if let Some(key) = token.api_key_id
        && !keys::gone_among(db, &[key]).await?.is_empty()
    {
        return Ok(Err(Denied::Revoked));
    }
    let scope = match (token.job_id, token.blueprint_id) {
        (Some(job), _) => Scope::Job(job),
        (None, Some(site)) => Scope::Site(site),
        (None, None) => return Err(Error::internal(format!("the watch token {} watches nothing", token.id))),
    };
    Ok(Ok(Caller {
        account: token.account_id,
        role: Role::Viewer,
        credential: Credential::Watch(token.id),
        scope,
        until: Some(token.expires_at),
    }))
}

/// Those of these tokens that are no longer good.
pub async fn gone_among(db: &Db, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let tokens = watch_token::Entity::find().filter(watch_token::Column::Id.is_in(ids.iter().copied()));
    let (tokens, now) = (tokens.all(db.reader()).await?, db::now());
    let makers: Vec<Uuid> = tokens.iter().filter_map(|token| token.api_key_id).collect();
    let gone = keys::gone_among(db, &makers).await?;
    let is_live = |token: &&watch_token::Model| {
        token.expires_at > now && token.api_key_id.is_none_or(|maker| !gone.contains(&maker))
    };
    let live: Vec<Uuid> = tokens.iter().filter(is_live).map(|token| token.id).collect();
    Ok(ids.iter().copied().filter(|id| !live.contains(id)).collect())
}
