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

    /// Somebody whom another authority names.
    pub fn subject(account: Uuid, subject: &str) -> Self {
        let id = Uuid::new_v5(&account, subject.as_bytes()).as_u128();
        Key { kind: 's', id }
    }

    /// One address; of IPv6 the half that is not its holder's to choose.
    pub fn address(address: IpAddr) -> Self {
        let id = match address.to_canonical() {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
        };
        Key { kind: 'i', id }
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

    /// How long a credential that was good lately has to wait because its budget is spent; nothing is spent here.
    pub fn overdrawn(&self, credential: &str) -> Option<Wait> {
        let costs = self.0.costs.as_ref()?;
        costs.overdrawn(self.0.known.budget(credential)?)
    }

    /// Whether a request may come in, before anybody has looked at who sends it. Who has shown a good credential lately
    /// does not pay for what others do at the same address.
    pub fn enter(&self, address: Key, credential: Option<&str>) -> Result<(), Wait> {
        if credential.is_some_and(|text| self.0.known.budget(text).is_some()) {
            return Ok(());
        }
        if credential.is_some()
            && let Some(failures) = &self.0.failures
            && let Some(wait) = failures.wait(address, Instant::now())
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

    /// A credential turned out to be wrong. Gives how many were, where it is time to say so.
    pub fn note_wrong(&self, address: Key, credential: &str) -> Option<u64> {
        self.0.known.remove(credential);
        let failures = self.0.failures.as_ref()?;
        failures.note(address, Instant::now())
    }

    /// Wrong credentials since the start.
    pub fn wrong(&self) -> u64 {
        self.0.failures.as_ref().map_or(0, Failures::total)
    }

    /// A place for a WebSocket of this address; none when all are taken.
    pub fn socket_of_address(&self, address: Key) -> Option<Slot> {
        self.0.sockets_of_addresses.take(address)
    }

    /// A place for a WebSocket of this account.
    pub fn socket_of_account(&self, account: Uuid) -> Option<Slot> {
        self.0.sockets_of_accounts.take(Key::account(account))
    }

    /// A place for a subscription of this account.
    pub fn subscription(&self, account: Uuid) -> Option<Slot> {
        self.0.subscriptions.take(Key::account(account))
    }
}
