//! The identity that a request runs as; every row is found through its account.

use uuid::Uuid;

use crate::entities::Role;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub account: Uuid,
    pub role: Role,
    /// The key that was shown; none on a server that needs no keys.
    pub api_key: Option<Uuid>,
}

impl Caller {
    /// The owner of the local account, on a server that needs no keys.
    pub fn local(account: Uuid) -> Self {
        Caller {
            account,
            role: Role::Owner,
            api_key: None,
        }
    }
}
