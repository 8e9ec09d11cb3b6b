//! Who is asking: API keys, tokens of the operator's identity provider, watch tokens, and the caller that a request
//! runs as, with the rows within its reach.
//!
//! A secret of ours is shown once and kept as a hash. Sessions and passwords are absent.

mod caller;
mod denied;
mod identities;
mod jwt;
mod keys;
mod reach;
mod secret;
mod watch_tokens;

use uuid::Uuid;

pub use caller::{Caller, Credential};
pub use denied::Denied;
pub use identities::link;
pub use jwt::Jwts;
pub use keys::{LIVE_MAX, NewKey, create, create_as, has_a_key, of_account, revoke, revoke_as};
pub use reach::{Scope, jobs_of, reaches_page};
pub use secret::Mark;
pub use watch_tokens::create as create_watch_token;

use crate::db::{self, Db};
use crate::error::Result;

/// Somebody who may come in, or why not.
pub type Verdict = std::result::Result<Caller, Denied>;

/// Longer than any credential; what is longer is not looked at.
const LONGEST: usize = 8 * 1024;

/// The caller behind the text of a credential.
pub async fn authenticate(db: &Db, jwts: Option<&Jwts>, text: &str) -> Result<Verdict> {
    if text.len() > LONGEST {
        return Ok(Err(Denied::Malformed));
    }
    match (Mark::of(text), jwts) {
        (Some(Mark::Key), _) => keys::authenticate(db, text).await,
        (Some(Mark::Watch), _) => watch_tokens::authenticate(db, text).await,
        (None, Some(jwts)) if jwt::is_plausible(text) => jwts.authenticate(db, text).await,
        (None, None) if jwt::is_plausible(text) => Ok(Err(Denied::NoJwt)),
        (None, _) => Ok(Err(Denied::Malformed)),
    }
}

/// Whether a credential that was good when a connection opened still is.
pub async fn is_live(db: &Db, caller: &Caller) -> Result<bool> {
    if caller.until.is_some_and(|until| until <= db::now()) {
        return Ok(false);
    }
    Ok(gone_among(db, std::slice::from_ref(&caller.credential))
        .await?
        .is_empty())
}

/// Those of these credentials that were revoked. One that has only expired may not be among them.
pub async fn gone_among(db: &Db, credentials: &[Credential]) -> Result<Vec<Credential>> {
    let ids = |of: fn(&Credential) -> Option<Uuid>| credentials.iter().filter_map(of).collect::<Vec<_>>();
    let keys = ids(|credential| match credential {
        Credential::Key(id) => Some(*id),
        _ => None,
    });
    let tokens = ids(|credential| match credential {
        Credential::Watch(id) => Some(*id),
        _ => None,
    });
    let keys = keys::gone_among(db, &keys).await?.into_iter().map(Credential::Key);
    let tokens = watch_tokens::gone_among(db, &tokens).await?;
    Ok(keys.chain(tokens.into_iter().map(Credential::Watch)).collect())
}
