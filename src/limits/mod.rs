//! What one client may take: the cost of its operations, its requests, its mistakes and its open connections.
//!
//! Everything is decided in memory and at once. With Redis the nodes tell each other afterwards what was spent
//! ([`share`]): a budget may be exceeded by what is spent on several nodes within a tenth of a second, and a Redis that
//! is slow or away is not noticed. Counts of open connections are each process's own.

mod bucket;
mod failures;
mod known;
mod share;
mod slots;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::config::{AuthMode, Config};
use bucket::{Buckets, Rule};
use failures::Failures;
use known::Known;
pub use share::share;
pub use slots::Slot;
use slots::Slots;

/// What a place that is taken says of when to come back: nobody knows.
pub const A_MOMENT: Duration = Duration::from_secs(1);

/// How long to wait before the same would be let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// Whose budget it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// One letter, which also names it in Redis.
    kind: char,
    id: u128,
}

impl Key {
    pub fn credential(id: Uuid) -> Self {
        Key {
            kind: 'c',
            id: id.as_u128(),
        }
    }

    pub fn account(id: Uuid) -> Self {
        Key {
            kind: 'a',
            id: id.as_u128(),
        }
    }

    /// All who hold watch tokens of this account: a token costs nothing to make.
    pub fn watchers(account: Uuid) -> Self {
        Key {
            kind: 'w',
            id: account.as_u128(),
        }
    }

    /// One address; of IPv6 the half that is not its holder's to choose.
    pub fn address(address: IpAddr) -> Self {
        let id = match address.to_canonical() {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
        };
        Key { kind: 'i', id }
    }

    /// What one address shows within links: any page can make a browser follow them, and a header it cannot.
    pub fn links(address: IpAddr) -> Self {
        let Key { id, .. } = Key::address(address);
        Key { kind: 'l', id }
    }
}

#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    /// None: no limit, here and below.
    costs: Option<Buckets>,
    requests: Option<Buckets>,
    failures: Option<Failures>,
    known: Known,
    sockets_of_addresses: Slots,
    sockets_of_accounts: Slots,
    subscriptions: Slots,
}

impl Limits {
    /// The configured limits; none at all on a server that asks for no key.
    pub fn new(config: &Config) -> Self {
        let limits = &config.limits;
        let is_on = config.auth.mode == AuthMode::Keys;
        let buckets = |rate: u32, burst: u32| (is_on && rate > 0).then(|| Buckets::new(Rule::new(rate, burst)));
        let most = |number: usize| if is_on { number } else { 0 };
        let longest = Duration::from_millis(limits.failure_wait_ms);
        Limits(Arc::new(Inner {
            costs: buckets(limits.cost_per_second, limits.cost_burst),
            requests: buckets(limits.requests_per_second, limits.requests_burst),
            failures: (is_on && limits.failures > 0).then(|| Failures::new(limits.failures, longest)),
            known: Known::default(),
            sockets_of_addresses: Slots::new(most(limits.sockets_per_address)),
            sockets_of_accounts: Slots::new(most(limits.sockets_per_account)),
            subscriptions: Slots::new(most(limits.subscriptions_per_account)),
        }))
    }

    /// Spends what an operation costs; nothing is spent when it must wait.
    pub fn spend(&self, credential: Key, cost: u64) -> Result<(), Wait> {
        match &self.0.costs {
            Some(costs) => costs.spend(credential, cost),
            None => Ok(()),
        }
    }

    /// Spends what of this is left, on a refusal: to be refused again and again is not free. Gives how much longer it makes
    /// the wait.
    pub fn drain(&self, credential: Key, cost: u64) -> Duration {
        let costs = self.0.costs.as_ref();
        costs.map_or(Duration::ZERO, |costs| costs.drain(credential, cost))
    }

    /// How long somebody has to wait whose budget is spent; nothing is spent here.
    pub fn spent(&self, credential: Key) -> Option<Wait> {
        self.0.costs.as_ref()?.overdrawn(credential)
    }

    /// How long a credential that was good lately has to wait because its budget is spent; nothing is spent here.
    pub fn overdrawn(&self, credential: &str) -> Option<Wait> {
        self.spent(self.0.known.budget(credential)?)
    }

    /// Whether a request may come in, before anybody has looked at who sends it. Who has shown a good credential lately
    /// does not pay for what others do at the same address. Beside the credential stands whose mistake it would be.
    pub fn enter(&self, address: Key, credential: Option<(&str, Key)>) -> Result<(), Wait> {
        if credential.is_some_and(|(text, _)| self.0.known.budget(text).is_some()) {
            return Ok(());
        }
        if let Some((_, tries)) = credential
            && let Some(failures) = &self.0.failures
            && let Some(wait) = failures.wait(tries, Instant::now())
        {
            return Err(wait);
        }
        match &self.0.requests {
            Some(requests) => requests.spend(address, 1),
            None => Ok(()),
        }
    }

    /// A credential turned out to be good, and spends this budget.
    pub fn note_good(&self, credential: &str, budget: Key) {
        self.0.known.add(credential, budget);
    }

    /// A credential is good no more.
    pub fn forget(&self, credential: &str) {
        self.0.known.remove(credential);
    }

    /// A credential turned out to be wrong. Gives how many were, where it is time to say so.
    pub fn note_wrong(&self, tries: Key, credential: &str) -> Option<u64> {
        self.forget(credential);
        let failures = self.0.failures.as_ref()?;
        failures.note(tries, Instant::now())
    }

    /// A place for a WebSocket of this address; none when all are taken.
    pub fn socket_of_address(&self, address: Key) -> Option<Slot> {
        self.0.sockets_of_addresses.take(address)
    }

    /// A place for a WebSocket of this account, or of its watchers.
    pub fn socket_of_account(&self, of: Key) -> Option<Slot> {
        self.0.sockets_of_accounts.take(of)
    }

    /// A place for a subscription of this account, or of its watchers.
    pub fn subscription(&self, of: Key) -> Option<Slot> {
        self.0.subscriptions.take(of)
    }
}
