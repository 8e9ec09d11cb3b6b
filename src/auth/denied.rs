//! Why somebody is not let in: a sentence for them, and a cause for the log that holds nothing of what they showed.

/// Why a credential was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Nothing was shown.
    Nothing,
    /// What was shown is no credential at all.
    Malformed,
    /// It looks like one of ours, and is none.
    Unknown,
    Revoked,
    Expired,
    /// A JWT on a server that takes none.
    NoJwt,
    /// No key that is known signed it.
    UnknownKey,
    /// Its signature does not fit the key, or it names another algorithm than the key's.
    BadSignature,
    NotYet,
    WrongIssuer,
    WrongAudience,
    /// A claim that is needed is missing or of the wrong type.
    NoClaim,
    /// It names nobody who has an account here.
    NoAccount,
    /// It gives no role.
    NoRole,
}

impl Denied {
    /// What to say: it ends with what to do next.
    pub fn sentence(self) -> &'static str {
        match self {
            Denied::Nothing => {
                "This server needs an API key: send `Authorization: Bearer sw_live_…` (in GraphiQL: \
                 `{\"Authorization\": \"Bearer sw_live_…\"}` under Headers). Make one with `sitewright key create`, or with \
                 the mutation createApiKey."
            }
            Denied::Malformed => {
                "This is no credential. Send `Authorization: Bearer` with an API key (`sw_live_…`), a watch token \
                 (`sw_watch_…`) or a token of your identity provider."
            }
            Denied::Unknown => "There is no such credential. Check that it was copied as a whole, or make a new one.",
            Denied::Revoked => "This credential was revoked. Use another one, or make a new one.",
            Denied::Expired => "This credential has expired. Sign in again, or make a new one.",
            Denied::NoJwt => {
                "This server takes no tokens of an identity provider. Use an API key, or ask its operator to set \
                 auth.jwt_issuer."
            }
            Denied::UnknownKey => {
                "No key that this server knows has signed the token. If the keys are new, try again in a minute; else \
                 sign in again."
            }
            Denied::BadSignature => "The token's signature is not valid. Sign in again.",
            Denied::NotYet => "The token is not valid yet. Check the clock of who issued it, or try again later.",
            Denied::WrongIssuer => {
                "The token comes from another issuer than this server trusts. Sign in at the right one."
            }
            Denied::WrongAudience => {
                "The token is meant for another service. Ask your identity provider for one for this."
            }
            Denied::NoClaim => {
                "The token lacks a claim that this server needs. Ask its operator which, and sign in again."
            }
            Denied::NoAccount => "You are signed in, but there is no account for you here. Ask the operator for one.",
            Denied::NoRole => "You are signed in, but have no role here. Ask the operator for one.",
        }
    }

    /// What the log says.
    pub fn cause(self) -> &'static str {
        match self {
            Denied::Nothing => "nothing was shown",
            Denied::Malformed => "malformed",
            Denied::Unknown => "unknown",
            Denied::Revoked => "revoked",
            Denied::Expired => "expired",
            Denied::NoJwt => "a JWT, and none are taken",
            Denied::UnknownKey => "signed with an unknown key",
            Denied::BadSignature => "bad signature or wrong algorithm",
            Denied::NotYet => "not valid yet",
            Denied::WrongIssuer => "wrong issuer",
            Denied::WrongAudience => "wrong audience",
            Denied::NoClaim => "a claim is missing",
            Denied::NoAccount => "no account",
            Denied::NoRole => "no role",
        }
    }
}
