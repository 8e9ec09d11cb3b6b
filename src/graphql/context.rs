//! What a resolver can reach: the application, who is asking, and the loaders of this operation.

use async_graphql::Context;

use super::loaders::Loaders;
use crate::app::App;
use crate::auth::Caller;

/// One request: who asks, and whether what it loads may be remembered.
#[derive(Clone, Debug)]
pub struct Session {
    pub caller: Caller,
    pub request_id: String,
    /// The client's address, where it is known.
    pub address: Option<std::net::IpAddr>,
    /// The variables of a mutation, for the audit trail: what its arguments name.
    pub variables: async_graphql::Variables,
    /// False for mutations: what a later field shows must not be older than what an earlier one wrote.
    pub remembers: bool,
}

/// Short names for what every resolver needs. The door (`execute`) puts all of it there.
pub trait Reach<'a> {
    fn app(&self) -> &'a App;
    fn caller(&self) -> &'a Caller;
    fn loaders(&self) -> &'a Loaders;
}

impl<'a> Reach<'a> for Context<'a> {
    fn app(&self) -> &'a App {
        self.data_unchecked::<App>()
    }

    fn caller(&self) -> &'a Caller {
        &self.data_unchecked::<Session>().caller
    }

    fn loaders(&self) -> &'a Loaders {
        self.data_unchecked::<Loaders>()
    }
}
