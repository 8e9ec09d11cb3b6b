//! Reads that several ask for at a time: one round of statements for all of them.
//!
//! A read begins after it was asked for, in company as alone, so nobody is told less than a statement of its own would
//! have told.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use uuid::Uuid;

use super::gather::{Gather, Joint};
use crate::db::Db;
use crate::error::Result;

/// Rounds of one kind and one account that are read side by side before others are gathered.
const SIDE_BY_SIDE: usize = 2;

/// How things of one kind are found. Whoever asks for the same account and by the same type is answered by one of these,
/// so it knows nothing of who asks beside the account.
pub trait Lookup: Send + Sync + 'static {
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    type Found: Clone + Send + 'static;

    /// Those that are there. The keys are at least one; the last may be repeated.
    fn find(&self, keys: &[Self::Key]) -> impl Future<Output = Result<HashMap<Self::Key, Self::Found>>> + Send;
}

impl Gather {
    /// What `lookup` finds for the key; together with what others ask of it for this account.
    pub async fn look_up<L: Lookup>(&self, db: &Db, account: Uuid, lookup: L, key: L::Key) -> Result<Option<L::Found>> {
        let reading = Reading { db: db.clone(), lookup };
        self.ask(account, SIDE_BY_SIDE, key, reading).await
    }
}

struct Reading<L> {
    db: Db,
    lookup: L,
}

impl<L: Lookup> Joint for Reading<L> {
    type Work = L::Key;
    type Made = Option<L::Found>;

    async fn together(&self, keys: &[L::Key]) -> Result<Option<Vec<Option<L::Found>>>> {
        let found = self.db.unless_away(self.lookup.find(&of_few_lengths(keys))).await?;
        Ok(Some(keys.iter().map(|key| found.get(key).cloned()).collect()))
    }

    async fn alone(&self, key: &L::Key) -> Result<Option<L::Found>> {
        let found = self.lookup.find(std::slice::from_ref(key));
        Ok(self.db.unless_away(found).await?.remove(key))
    }
}

/// Each key once, and the last of them again up to a power of two: a statement is planned anew for each length of its
/// lists.
fn of_few_lengths<K: Clone + Eq + Hash>(keys: &[K]) -> Vec<K> {
    let mut seen = HashSet::with_capacity(keys.len());
    let mut all: Vec<K> = keys.iter().filter(|key| seen.insert(*key)).cloned().collect();
    if let Some(last) = all.last().cloned() {
        all.resize(all.len().next_power_of_two(), last);
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::config;

    /// Finds the even numbers, and remembers what it was asked.
    #[derive(Clone)]
    struct Halves {
        asked: Arc<Mutex<Vec<Vec<usize>>>>,
        gate: Arc<Semaphore>,
    }

    impl Lookup for Halves {
        type Key = usize;
        type Found = usize;

        async fn find(&self, keys: &[usize]) -> Result<HashMap<usize, usize>> {
            self.asked.lock().push(keys.to_vec());
            self.gate.acquire().await.unwrap().forget();
            let even = keys.iter().filter(|key| *key % 2 == 0);
            Ok(even.map(|key| (*key, key / 2)).collect())
        }
    }

    #[tokio::test]
    async fn a_crowd_is_answered_by_one_look() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config::load(&config::Source::default()).unwrap().database;
        config.url = format!("sqlite://{}/lookup.db", folder.path().display());
        let db = Db::connect(&config, "test").await.unwrap();
        let (gather, halves) = (
            Gather::default(),
            Halves {
                asked: Arc::default(),
                gate: Arc::new(Semaphore::new(0)),
            },
        );
        let mut all = Vec::new();
        for key in [2, 4, 6, 7, 8, 6, 10, 12] {
            let (gather, db, halves) = (gather.clone(), db.clone(), halves.clone());
            let asked = async move { gather.look_up(&db, Uuid::nil(), halves, key).await.unwrap() };
            all.push(tokio::spawn(asked));
            tokio::task::yield_now().await;
        }
        while halves.asked.lock().len() < SIDE_BY_SIDE {
            tokio::task::yield_now().await;
        }
        halves.gate.add_permits(3);
        let mut found = Vec::new();
        for one in all {
            found.push(one.await.unwrap());
        }
        assert_eq!(
            found,
            [Some(1), Some(2), Some(3), None, Some(4), Some(3), Some(5), Some(6)]
        );
        // Each key once, and the last again up to a length that others have as well.
        let asked = halves.asked.lock().clone();
        assert_eq!(asked, [vec![2], vec![4], vec![6, 7, 8, 10, 12, 12, 12, 12]]);
    }
}
