//! Places that are taken and given back: how many things one client has open.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Key;

#[derive(Clone)]
pub struct Slots(Arc<Inner>);

struct Inner {
    /// 0: as many as one likes.
    most: usize,
    taken: Mutex<HashMap<Key, usize>>,
}

/// A place, for as long as it lives.
pub struct Slot(Option<(Slots, Key)>);

impl Slots {
    pub fn new(most: usize) -> Self {
        Slots(Arc::new(Inner {
            most,
            taken: Mutex::default(),
        }))
    }

    /// A place; none when all are taken.
    pub fn take(&self, key: Key) -> Option<Slot> {
        if self.0.most == 0 {
            return Some(Slot(None));
        }
        let mut taken = self.0.taken.lock();
        let own = taken.entry(key).or_default();
        if *own >= self.0.most {
            return None;
        }
        *own += 1;
        Some(Slot(Some((self.clone(), key))))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some((slots, key)) = self.0.take() else { return };
        let mut taken = slots.0.taken.lock();
        let Some(own) = taken.get_mut(&key) else { return };
        *own -= 1;
        if *own == 0 {
            taken.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_given_back() {
        let slots = Slots::new(2);
        let (one, other) = (Key { kind: 'a', id: 1 }, Key { kind: 'a', id: 2 });
        let held = [slots.take(one), slots.take(one)];
        assert!(held.iter().all(Option::is_some) && slots.take(one).is_none() && slots.take(other).is_some());
        drop(held);
        assert!(slots.take(one).is_some() && slots.0.taken.lock().is_empty());
        let endless = Slots::new(0);
        let held: Vec<_> = (0..100).map(|_| endless.take(one)).collect();
        assert!(held.iter().all(Option::is_some));
    }
}
