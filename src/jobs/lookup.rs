//! Reads that several ask for at a time: one round of statements for all of them.
//!
//! A read begins after it was asked for, in company as alone, so nobody is told less than a statement of its own would
//! have told.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;

use uuid::Uuid;

use super::gather::{Gather, Joint};
use crate::db::{Db, few_lengths};
use crate::error::Result;

/// Rounds of one kind and one account that are read side by side before others are gathered.
const SIDE_BY_SIDE: usize = 2;

/// How things of one kind are found for an account. It knows nothing else of who asks: all who ask at a time are answered
/// by one of them.
pub trait Lookup: Send + Sync + 'static {
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    type Found: Clone + Send + 'static;

    /// Those that are there and the account's. The keys are at least one; the last may be repeated.
    fn find(
        db: &Db,
        account: Uuid,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<HashMap<Self::Key, Self::Found>>> + Send;
}

impl Gather {
    /// What `L` finds for the key; together with what others ask of it for this account.
    pub async fn look_up<L: Lookup>(&self, db: &Db, account: Uuid, key: L::Key) -> Result<Option<L::Found>> {
        let reading = Reading {
            db: db.clone(),
            account,
            of: PhantomData::<L>,
        };
        self.ask(account, SIDE_BY_SIDE, key, reading).await
    }
}

struct Reading<L> {
    db: Db,
    account: Uuid,
    of: PhantomData<L>,
}

impl<L: Lookup> Joint for Reading<L> {
    type Work = L::Key;
    type Made = Option<L::Found>;

    async fn together(&self, keys: &[L::Key]) -> Result<Option<Vec<Option<L::Found>>>> {
        let asked = few_lengths(keys);
        let found = self.db.unless_away(L::find(&self.db, self.account, &asked)).await?;
        Ok(Some(keys.iter().map(|key| found.get(key).cloned()).collect()))
    }

    async fn alone(&self, key: &L::Key) -> Result<Option<L::Found>> {
        let found = L::find(&self.db, self.account, std::slice::from_ref(key));
        Ok(self.db.unless_away(found).await?.remove(key))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use parking_lot::Mutex;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::config;

    /// What was asked, and the right to answer.
    static ASKED: Mutex<Vec<Vec<usize>>> = Mutex::new(Vec::new());
    static GATE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));

    /// Finds the halves of even numbers.
    struct Halves;

    impl Lookup for Halves {
        type Key = usize;
        type Found = usize;

        async fn find(_: &Db, account: Uuid, keys: &[usize]) -> Result<HashMap<usize, usize>> {
            assert_eq!(account, Uuid::max());
            ASKED.lock().push(keys.to_vec());
            GATE.acquire().await.unwrap().forget();
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
        let gather = Gather::default();
        let mut all = Vec::new();
        for key in [2, 4, 6, 7, 8, 6, 10, 12] {
            let (gather, db) = (gather.clone(), db.clone());
            let asked = async move { gather.look_up::<Halves>(&db, Uuid::max(), key).await.unwrap() };
            all.push(tokio::spawn(asked));
            tokio::task::yield_now().await;
        }
        while ASKED.lock().len() < SIDE_BY_SIDE {
            tokio::task::yield_now().await;
        }
        GATE.add_permits(3);
        let mut found = Vec::new();
        for one in all {
            found.push(one.await.unwrap());
        }
        assert_eq!(
            found,
            [Some(1), Some(2), Some(3), None, Some(4), Some(3), Some(5), Some(6)]
        );
        // Each key once, and the last again up to a length that others have as well.
        let asked = ASKED.lock().clone();
        assert_eq!(asked, [vec![2], vec![4], vec![6, 7, 8, 10, 12, 12, 12, 12]]);
    }
}
