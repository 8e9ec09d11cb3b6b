//! Budgets that fill again with time: the generic cell rate algorithm, one number a client.
//!
//! The number is the moment at which the budget will be full again. Spending moves it into the future, and never further
//! than the burst; so there is nothing to refill, and a budget that is full needs no entry.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Key, Wait};

const SHARDS: usize = 16;
/// Budgets in one shard that are not full; the rest of the world shares one more, and so no flood of addresses fills the
/// memory.
const BUDGETS: usize = 16 * 1024;
const REST: Key = Key { kind: 'r', id: 0 };
/// How often a full shard is looked through, in nanoseconds: it takes a while, and a flood would ask for it each time.
const TIDY: u64 = 1_000_000_000;

/// How fast a budget fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Nanoseconds until one more may be spent.
    step: u64,
    burst: u64,
}

impl Rule {
    /// `rate` is at least 1 and at most a million.
    pub fn new(rate: u32, burst: u32) -> Self {
        Rule {
            step: 1_000_000_000 / u64::from(rate.clamp(1, 1_000_000)),
            burst: u64::from(burst.max(1)),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    /// When it will be full again, in nanoseconds after the beginning.
    full_at: u64,
    /// What was spent here and not told yet.
    untold: u64,
}

#[derive(Default)]
struct Shard {
    budgets: HashMap<Key, Budget>,
    tidied: u64,
}

pub struct Buckets {
    rule: Rule,
    began: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    /// Rings when there is something to tell.
    pub(super) spent: Notify,
}

/// What one node tells the others: whose budget, and how much of its time was spent.
pub(super) struct Spent {
    pub key: Key,
    pub time: Duration,
}

impl Buckets {
    pub fn new(rule: Rule) -> Self {
        Buckets {
            rule,
            began: Instant::now(),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            spent: Notify::new(),
        }
    }

    pub fn spend(&self, key: Key, cost: u64) -> Result<(), Wait> {
        self.spend_at(key, cost, self.now())
    }

    /// Spends as much of this as there is, and gives how much longer that takes to fill again.
    pub fn drain(&self, key: Key, cost: u64) -> Duration {
        self.drain_at(key, cost, self.now())
    }

    /// How long until anything can be spent again.
    pub fn overdrawn(&self, key: Key) -> Option<Wait> {
        let most = self.now() + self.rule.burst * self.rule.step;
        let full_at = self.shard(key).lock().budgets.get(&key)?.full_at;
        let early = (full_at + self.rule.step).saturating_sub(most);
        (early > 0).then_some(Wait(Duration::from_nanos(early)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn spend_at(&self, key: Key, cost: u64, now: u64) -> Result<(), Wait> {
        // What costs more than all there is passes when everything is there: it would wait for ever otherwise.
        let cost = cost.min(self.rule.burst);
        let mut shard = self.shard(key).lock();
        let key = shard.room_for(key, now);
        let budget = shard.budgets.entry(key).or_default();
        let full_at = budget.full_at.max(now) + cost * self.rule.step;
        let most = now + self.rule.burst * self.rule.step;
        if full_at > most {
            return Err(Wait(Duration::from_nanos(full_at - most)));
        }
        budget.full_at = full_at;
        let is_first = budget.untold == 0;
        budget.untold += cost;
        if is_first {
            self.spent.notify_one();
        }
        Ok(())
    }

    fn drain_at(&self, key: Key, cost: u64, now: u64) -> Duration {
        let mut shard = self.shard(key).lock();
        let key = shard.room_for(key, now);
        let budget = shard.budgets.entry(key).or_default();
        let full_at = budget.full_at.max(now);
        let most = now + self.rule.burst * self.rule.step;
        let spent = cost.min(most.saturating_sub(full_at) / self.rule.step);
        let time = spent * self.rule.step;
        budget.full_at = full_at + time;
        let is_first = budget.untold == 0 && spent > 0;
        budget.untold += spent;
        if is_first {
            self.spent.notify_one();
        }
        Duration::from_nanos(time)
    }

    fn shard(&self, key: Key) -> &Mutex<Shard> {
        let at = self.hasher.hash_one(key) as usize % SHARDS;
        &self.shards[at]
    }

    /// What was spent here since it was told last.
    pub(super) fn take_spent(&self) -> Vec<Spent> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock();
            let untold = shard.budgets.iter_mut();
            let untold = untold.filter(|(key, budget)| **key != REST && budget.untold > 0);
            all.extend(untold.map(|(key, budget)| Spent {
                key: *key,
                time: Duration::from_nanos(std::mem::take(&mut budget.untold) * self.rule.step),
            }));
        }
        all
    }

    /// Takes over what all nodes together have spent: the budget will be full in so long, and what was spent here since
    /// then comes on top.
    pub(super) fn heard(&self, key: Key, full_in: Duration) {
        let now = self.now();
        let mut shard = self.shard(key).lock();
        let Some(budget) = shard.budgets.get_mut(&key) else {
            return;
        };
        let full_in = u64::try_from(full_in.as_nanos()).unwrap_or(u64::MAX);
        let full_at = now
            .saturating_add(full_in)
            .saturating_add(budget.untold * self.rule.step);
        budget.full_at = budget.full_at.max(full_at);
    }
}

impl Shard {
    /// The key, or that of the rest of the world when there are too many.
    fn room_for(&mut self, key: Key, now: u64) -> Key {
        if self.budgets.len() < BUDGETS || self.budgets.contains_key(&key) {
            return key;
        }
        if now >= self.tidied + TIDY {
            self.tidied = now;
            self.budgets.retain(|_, budget| budget.full_at > now);
        }
        if self.budgets.len() < BUDGETS { key } else { REST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn key(id: u128) -> Key {
        Key { kind: 'c', id }
    }

    #[test]
    fn a_burst_may_be_spent_at_once_and_comes_back_at_the_rate() {
        let buckets = Buckets::new(Rule::new(10, 30));
        for _ in 0..30 {
            assert_eq!(buckets.spend_at(key(1), 1, 0), Ok(()));
        }
        assert_eq!(buckets.spend_at(key(1), 1, 0), Err(Wait(Duration::from_millis(100))));
        assert_eq!(buckets.spend_at(key(1), 20, 0), Err(Wait(Duration::from_secs(2))));
        // To be refused costs nothing, and another's budget is another's.
        assert_eq!(buckets.spend_at(key(2), 30, 0), Ok(()));
        assert_eq!(buckets.spend_at(key(1), 20, 2 * SECOND), Ok(()));
        assert!(buckets.spend_at(key(1), 1, 2 * SECOND).is_err());
        assert_eq!(
            buckets.spend_at(key(1), 30, 60 * SECOND),
            Ok(()),
            "never more than the burst"
        );
        assert!(buckets.spend_at(key(1), 1, 60 * SECOND).is_err());
    }

    #[test]
    fn a_drain_takes_what_is_left_and_never_more() {
        let buckets = Buckets::new(Rule::new(10, 30));
        assert_eq!(buckets.drain_at(key(1), 10, 0), Duration::from_secs(1));
        assert_eq!(buckets.spend_at(key(1), 15, 0), Ok(()));
        assert_eq!(buckets.drain_at(key(1), 10, 0), Duration::from_millis(500));
        assert_eq!(buckets.drain_at(key(1), 10, 0), Duration::ZERO);
        assert_eq!(buckets.spend_at(key(1), 30, 3 * SECOND), Ok(()));
    }

    #[test]
    fn what_costs_more_than_all_there_is_takes_all_there_is() {
        let buckets = Buckets::new(Rule::new(10, 30));
        assert_eq!(buckets.spend_at(key(1), 1_000, 0), Ok(()));
        assert_eq!(
            buckets.spend_at(key(1), 1_000, SECOND),
            Err(Wait(Duration::from_secs(2)))
        );
        assert_eq!(buckets.spend_at(key(1), u64::MAX, 3 * SECOND), Ok(()));
    }

    #[test]
    fn a_flood_of_keys_fills_a_bounded_memory_and_forgets_what_is_full_again() {
        let buckets = Buckets::new(Rule::new(1, 1));
        let keys = (SHARDS * BUDGETS * 2) as u128;
        for id in 0..keys {
            let _ = buckets.spend_at(key(id), 1, 0);
        }
        let kept = || {
            buckets
                .shards
                .iter()
                .map(|shard| shard.lock().budgets.len())
                .sum::<usize>()
        };
        assert!(kept() <= SHARDS * (BUDGETS + 1), "{}", kept());
        assert!(
            buckets.spend_at(key(keys), 1, 0).is_err(),
            "the rest of the world shares one budget"
        );
        assert_eq!(buckets.spend_at(key(keys), 1, 2 * SECOND), Ok(()));
    }

    #[test]
    fn what_others_spent_counts_once() {
        let (one, other) = (Buckets::new(Rule::new(10, 30)), Buckets::new(Rule::new(10, 30)));
        for buckets in [&one, &other] {
            assert_eq!(buckets.spend(key(1), 20), Ok(()));
        }
        let (told, heard) = (one.take_spent(), other.take_spent());
        assert_eq!((told.len(), told[0].time), (1, Duration::from_secs(2)));
        assert!(one.take_spent().is_empty(), "told once");
        let all = told[0].time + heard[0].time;
        one.heard(key(1), all);
        one.heard(key(1), all);
        assert!(matches!(one.spend(key(1), 1), Err(Wait(wait)) if wait <= Duration::from_millis(1_100)));
    }
}
