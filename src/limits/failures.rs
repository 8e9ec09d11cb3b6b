//! Wrong credentials: an address that shows many has to wait, longer after each further one.
//!
//! Nothing waits here: whoever is too early is told so at once and costs nothing more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Key, Wait};

/// An address that has made no mistake for so long begins anew.
const FORGOTTEN: Duration = Duration::from_secs(1_800);
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Addresses that are remembered.
const ADDRESSES: usize = 64 * 1024;
/// How often an operator is told.
const TELL: Duration = Duration::from_secs(60);

struct Record {
    mistakes: u32,
    last: Instant,
    until: Instant,
}

pub struct Failures {
    /// Mistakes that cost no time.
    free: u32,
    longest: Duration,
    records: Mutex<HashMap<Key, Record>>,
    total: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl Failures {
    pub fn new(free: u32, longest: Duration) -> Self {
        Failures {
            free,
            longest,
            records: Mutex::default(),
            total: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// How long the address has to wait yet.
    pub fn wait(&self, address: Key, now: Instant) -> Option<Wait> {
        let records = self.records.lock();
        let record = records.get(&address)?;
        let left = record.until.saturating_duration_since(now);
        (!left.is_zero()).then_some(Wait(left))
    }

    /// Counts a mistake. Gives the total when it is time to tell an operator.
    pub fn note(&self, address: Key, now: Instant) -> Option<u64> {
        let total = self.total.fetch_add(1, Ordering::Relaxed) + 1;
        let mut records = self.records.lock();
        if records.len() >= ADDRESSES && !records.contains_key(&address) {
            records.retain(|_, record| now.duration_since(record.last) < FORGOTTEN);
            if records.len() > ADDRESSES / 2 {
                // So many addresses at once are not slowed down one by one: what they may ask at all is limited.
                records.clear();
            }
        }
        let record = records.entry(address).or_insert(Record {
            mistakes: 0,
            last: now,
            until: now,
        });
        if now.duration_since(record.last) >= FORGOTTEN {
            record.mistakes = 0;
        }
        record.mistakes = record.mistakes.saturating_add(1);
        record.last = now;
        if record.mistakes > self.free {
            let doublings = (record.mistakes - self.free - 1).min(20);
            let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(self.longest);
            record.until = record.until.max(now + wait);
        }
        drop(records);
        let mut told = self.told.lock();
        let is_due = told.is_none_or(|at| now.duration_since(at) >= TELL);
        is_due.then(|| {
            *told = Some(now);
            total
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_mistake_doubles_the_wait_and_time_heals() {
        let failures = Failures::new(3, Duration::from_secs(8));
        let (one, other) = (Key { kind: 'i', id: 1 }, Key { kind: 'i', id: 2 });
        let mut now = Instant::now();
        for _ in 0..3 {
            failures.note(one, now);
            assert_eq!(failures.wait(one, now), None);
        }
        for seconds in [1, 2, 4, 8, 8] {
            failures.note(one, now);
            assert_eq!(failures.wait(one, now), Some(Wait(Duration::from_secs(seconds))));
            now += Duration::from_secs(seconds);
            assert_eq!(failures.wait(one, now), None);
        }
        assert_eq!(failures.wait(other, now), None);
        now += FORGOTTEN;
        failures.note(one, now);
        assert_eq!(failures.wait(one, now), None);
    }

    #[test]
    fn an_operator_is_told_once_a_minute() {
        let failures = Failures::new(3, Duration::from_secs(8));
        let (address, now) = (Key { kind: 'i', id: 1 }, Instant::now());
        assert_eq!(failures.note(address, now), Some(1));
        assert_eq!(failures.note(address, now), None);
        assert_eq!(failures.note(address, now + TELL), Some(3));
    }
}
