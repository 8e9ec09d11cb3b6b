//! Work of one kind and one account is done together: one transaction, or one round of reads, for all that came while the
//! one before ran.
//!
//! Whoever comes first begins at once and alone. What comes meanwhile is gathered, and a leader that is done takes all of
//! it. So nothing waits for company, and a crowd costs as many commits as there are moments, not as there are members.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::holder::panic_message;
use crate::error::{Error, Result};

/// The most that one transaction takes, by weight: a statement has only so many parameters.
const MOST: usize = 100;

/// How works of one kind are made.
pub trait Joint: Send + Sync + 'static {
    type Work: Send + Sync + 'static;
    type Made: Send + 'static;

    /// Makes all of them in one transaction or round of reads, in their order. None, or an error, when that cannot be:
    /// nothing was written, and each is made alone.
    fn together(&self, works: &[Self::Work]) -> impl Future<Output = Result<Option<Vec<Self::Made>>>> + Send;

    fn alone(&self, work: &Self::Work) -> impl Future<Output = Result<Self::Made>> + Send;

    /// How many rows it is about, where that is more than one.
    fn weight(_work: &Self::Work) -> usize {
        1
    }
}

/// Lines of work, by who makes it and for whom. Cheap to clone.
#[derive(Clone, Default)]
pub struct Gather(Arc<Mutex<Lines>>);

type Lines = HashMap<(TypeId, Uuid), Box<dyn Any + Send>>;

struct Line<J: Joint> {
    waiting: VecDeque<Waiting<J>>,
    leaders: usize,
}

struct Waiting<J: Joint> {
    work: J::Work,
    tell: oneshot::Sender<Result<J::Made>>,
}

impl Gather {
    /// Has the work made, in the order of arrival; together with other work of this kind `of` the same row when so many
    /// leaders are busy with it already.
    ///
    /// It goes on when the caller is gone, as a commit that is under way would; what has not begun is left out.
    pub async fn ask<J: Joint>(&self, of: Uuid, leaders: usize, work: J::Work, joint: J) -> Result<J::Made> {
        let (tell, told) = oneshot::channel();
        let is_leader = self.on_line(of, |line: &mut Line<J>| {
            line.waiting.push_back(Waiting { work, tell });
            let is_leader = line.leaders < leaders;
            line.leaders += usize::from(is_leader);
            is_leader
        });
        if is_leader {
            let leader = Leader {
                gather: self.clone(),
                of,
                joint,
                is_done: false,
            };
            tokio::spawn(leader.lead());
        }
        let told = told.await;
        told.unwrap_or_else(|_| {
            Err(Error::internal(
                "a task that worked for several ended before it was done",
            ))
        })
    }

    fn on_line<J: Joint, T>(&self, of: Uuid, act: impl FnOnce(&mut Line<J>) -> T) -> T {
        let mut lines = self.0.lock();
        let kind = (TypeId::of::<J>(), of);
        let line = lines.entry(kind).or_insert_with(|| {
            let waiting = VecDeque::new();
            Box::new(Line::<J> { waiting, leaders: 0 })
        });
        // Its key is its type.
        let line = line.downcast_mut().expect("a line of this kind");
        let told = act(line);
        if line.leaders == 0 {
            lines.remove(&kind);
        }
        told
    }
}

struct Leader<J: Joint> {
    gather: Gather,
    of: Uuid,
    joint: J,
    is_done: bool,
}

impl<J: Joint> Leader<J> {
    async fn lead(mut self) {
        while let Some(batch) = self.take() {
            let (works, tells): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.work, one.tell)).unzip();
            for (tell, made) in tells.into_iter().zip(make(&self.joint, &works).await) {
                // Nobody listens when the caller is gone.
                let _ = tell.send(made);
            }
        }
    }

    /// All that waits; none when nothing does, and then this leader is one no more.
    fn take(&mut self) -> Option<Vec<Waiting<J>>> {
        let batch = self.gather.on_line(self.of, |line: &mut Line<J>| {
            line.waiting.retain(|one| !one.tell.is_closed());
            let mut weight = 0;
            let fitting = line.waiting.iter().take_while(|one| {
                weight += J::weight(&one.work);
                weight <= MOST
            });
            // One that is too heavy for company is made by itself.
            let count = fitting.count().max(1).min(line.waiting.len());
            let batch: Vec<_> = line.waiting.drain(..count).collect();
            line.leaders -= usize::from(batch.is_empty());
            batch
        });
        self.is_done = batch.is_empty();
        (!self.is_done).then_some(batch)
    }
}

impl<J: Joint> Drop for Leader<J> {
    /// After a panic, or at the end of the runtime: who waits is told, unless another leader takes it.
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        self.gather.on_line(self.of, |line: &mut Line<J>| {
            line.leaders -= 1;
            if line.leaders == 0 {
                line.waiting.clear();
            }
        });
    }
}

async fn make<J: Joint>(joint: &J, works: &[J::Work]) -> Vec<Result<J::Made>> {
    let mut trouble = None;
    if works.len() > 1 {
        match caught(joint.together(works)).await {
            Ok(Some(made)) => return made.into_iter().map(Ok).collect(),
            Ok(None) => {}
            Err(error) => {
                if !matches!(error, Error::Refused(_) | Error::LostLease) {
                    let (cause, size) = (error.cause(), works.len());
                    tracing::warn!(cause, size, "what could not be done together is done one by one");
                }
                trouble = Some(error);
            }
        }
    }
    let mut answers = Vec::with_capacity(works.len());
    for (at, work) in works.iter().enumerate() {
        match &trouble {
            // Each would wait as long again to be told the same.
            Some(error) if error.is_outage() => {
                answers.extend(works[at..].iter().map(|_| Err(error.clone())));
                return answers;
            }
            // Somebody keeps a row, perhaps: whoever needs it waits, but not one after the other.
            Some(Error::Database(_)) => {
                let rest = works[at..].iter().map(|work| caught(joint.alone(work)));
                answers.extend(join_all(rest).await);
                return answers;
            }
            _ => {}
        }
        let made = caught(joint.alone(work)).await;
        trouble = made.as_ref().err().cloned();
        answers.push(made);
    }
    answers
}

/// A panic over one work is no business of the others.
async fn caught<T>(making: impl Future<Output = Result<T>>) -> Result<T> {
    let made = AssertUnwindSafe(making).catch_unwind().await;
    made.unwrap_or_else(|panic| Err(Error::internal(format!("it panicked: {}", panic_message(&*panic)))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sea_orm::{ConnAcquireErr, DbErr};
    use tokio::sync::Semaphore;

    use super::*;

    const LEADERS: usize = 2;

    /// Answers with the work and how many were made with it.
    #[derive(Clone)]
    struct Sizes {
        begun: Arc<Semaphore>,
        gate: Arc<Semaphore>,
        done: Arc<Mutex<Vec<usize>>>,
    }

    impl Default for Sizes {
        fn default() -> Self {
            Sizes {
                begun: Arc::new(Semaphore::new(0)),
                gate: Arc::new(Semaphore::new(0)),
                done: Arc::default(),
            }
        }
    }

    /// What cannot be done in company, what panics, and what the database fails: as one that is away, and as one that is
    /// of another opinion.
    const LONER: usize = 100;
    const PANIC: usize = 101;
    const OUTAGE: usize = 102;
    const FAILURE: usize = 103;

    impl Joint for Sizes {
        type Work = usize;
        type Made = (usize, usize);

        async fn together(&self, works: &[usize]) -> Result<Option<Vec<(usize, usize)>>> {
            self.begun.add_permits(1);
            self.gate.acquire().await.unwrap().forget();
            for work in works {
                match *work {
                    PANIC => panic!("{work}"),
                    LONER | OUTAGE => return Ok(None),
                    FAILURE => return Err(DbErr::Custom("locked".to_string()).into()),
                    _ => {}
                }
            }
            self.done.lock().extend(works);
            Ok(Some(works.iter().map(|work| (*work, works.len())).collect()))
        }

        async fn alone(&self, work: &usize) -> Result<(usize, usize)> {
            match *work {
                PANIC => panic!("{work}"),
                OUTAGE => return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout).into()),
                FAILURE => return Err(DbErr::Custom("locked".to_string()).into()),
                _ => {}
            }
            self.begun.add_permits(1);
            self.gate.acquire().await.unwrap().forget();
            self.done.lock().push(*work);
            Ok((*work, 1))
        }
    }

    type Asking = tokio::task::JoinHandle<Result<(usize, usize)>>;

    fn ask(gather: &Gather, sizes: &Sizes, of: Uuid, work: usize) -> Asking {
        let (gather, sizes) = (gather.clone(), sizes.clone());
        tokio::spawn(async move { gather.ask(of, LEADERS, work, sizes).await })
    }

    /// Asks, one after the other, with two that have begun before the third asks.
    async fn in_line(gather: &Gather, sizes: &Sizes, works: &[usize]) -> Vec<Asking> {
        let mut all = Vec::new();
        for (at, work) in works.iter().enumerate() {
            all.push(ask(gather, sizes, Uuid::nil(), *work));
            match at < LEADERS {
                true => sizes.begun.acquire().await.unwrap().forget(),
                false => tokio::task::yield_now().await,
            }
        }
        all
    }

    async fn told(all: Vec<Asking>) -> Vec<Result<(usize, usize)>> {
        let mut told = Vec::new();
        for one in all {
            told.push(
                tokio::time::timeout(Duration::from_secs(5), one)
                    .await
                    .unwrap()
                    .unwrap(),
            );
        }
        told
    }

    /// Ten come while two are busy: they are done at once, each is told its own, and the line is gone afterwards.
    #[tokio::test]
    async fn what_comes_meanwhile_is_done_together() {
        let (gather, sizes) = (Gather::default(), Sizes::default());
        let all = in_line(&gather, &sizes, &(0..12).collect::<Vec<_>>()).await;
        sizes.gate.add_permits(12);
        let told: Vec<_> = told(all).await.into_iter().map(|one| one.unwrap()).collect();
        // Whoever comes first waits for nobody.
        assert_eq!(told[..2], [(0, 1), (1, 1)]);
        assert_eq!(told[2..], (2..12).map(|work| (work, 10)).collect::<Vec<_>>());
        assert!(gather.0.lock().is_empty());
    }

    #[tokio::test]
    async fn one_that_cannot_be_done_in_company_spoils_it_for_none() {
        let (gather, sizes) = (Gather::default(), Sizes::default());
        let all = in_line(&gather, &sizes, &[0, 1, 2, LONER, 3]).await;
        sizes.gate.add_permits(12);
        let told: Vec<_> = told(all).await.into_iter().map(|one| one.unwrap()).collect();
        assert_eq!(told, [(0, 1), (1, 1), (2, 1), (LONER, 1), (3, 1)]);
    }

    /// One after the other would each wait as long as an outage is waited for.
    #[tokio::test]
    async fn an_outage_is_told_to_all_who_stand_behind_it() {
        let (gather, sizes) = (Gather::default(), Sizes::default());
        let all = in_line(&gather, &sizes, &[0, 1, 2, OUTAGE, 3]).await;
        sizes.gate.add_permits(12);
        let told = told(all).await;
        assert_eq!(told[2].as_ref().unwrap(), &(2, 1));
        assert!(matches!(told[3..], [Err(Error::Database(_)), Err(Error::Database(_))]));
        assert!(!sizes.done.lock().contains(&3));
    }

    #[tokio::test]
    async fn what_the_database_fails_for_one_and_a_panic_are_nobody_elses() {
        for poison in [FAILURE, PANIC] {
            let (gather, sizes) = (Gather::default(), Sizes::default());
            let all = in_line(&gather, &sizes, &[0, 1, 2, poison, 3]).await;
            sizes.gate.add_permits(12);
            let told = told(all).await;
            assert_eq!(
                (told[2].as_ref().unwrap(), told[4].as_ref().unwrap()),
                (&(2, 1), &(3, 1))
            );
            assert!(told[3].is_err());
        }
    }

    #[tokio::test]
    async fn others_are_not_waited_for() {
        let (gather, stuck) = (Gather::default(), Sizes::default());
        let _stuck = in_line(&gather, &stuck, &[0, 1, 2]).await;
        let sizes = Sizes::default();
        sizes.gate.add_permits(1);
        let other = ask(&gather, &sizes, Uuid::max(), 4);
        assert_eq!(told(vec![other]).await.pop().unwrap().unwrap(), (4, 1));
    }

    #[tokio::test]
    async fn a_panic_leaves_nobody_waiting() {
        let (gather, sizes) = (Gather::default(), Sizes::default());
        sizes.gate.add_permits(1);
        let panicked = ask(&gather, &sizes, Uuid::nil(), PANIC);
        assert!(matches!(told(vec![panicked]).await[..], [Err(Error::Internal(_))]));
        let after = ask(&gather, &sizes, Uuid::nil(), 5);
        assert_eq!(told(vec![after]).await.pop().unwrap().unwrap(), (5, 1));
        assert!(gather.0.lock().is_empty());
    }

    #[tokio::test]
    async fn who_left_before_it_began_is_left_out() {
        let (gather, sizes) = (Gather::default(), Sizes::default());
        let mut all = in_line(&gather, &sizes, &[0, 1, 2, 3]).await;
        // The first has begun and is done whether or not anybody listens; the third has not.
        all[0].abort();
        all.remove(2).abort();
        tokio::task::yield_now().await;
        sizes.gate.add_permits(4);
        assert!(told(all.split_off(1)).await.iter().all(|one| one.is_ok()));
        let mut done = sizes.done.lock().clone();
        done.sort();
        assert_eq!(done, [0, 1, 3]);
    }
}
