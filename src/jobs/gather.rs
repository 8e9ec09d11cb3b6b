//! Work that waits for the same row is done together: one transaction for all that came while the one before ran.
//!
//! Whoever comes first begins at once and alone. What comes meanwhile is gathered, and a leader that is done takes all of
//! it. So nothing waits for company, and a crowd costs as many commits as there are moments, not as there are members.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use uuid::Uuid;

/// The most that one leader takes: a statement has only so many parameters.
const MOST: usize = 100;

/// Lines of work, by what they do and for whom. Cheap to clone.
#[derive(Clone, Default)]
pub struct Gather(Arc<Mutex<Lines>>);

type Lines = HashMap<(TypeId, Uuid), Box<dyn Any + Send>>;

struct Line<W, R> {
    waiting: VecDeque<Waiting<W, R>>,
    leaders: usize,
}

struct Waiting<W, R> {
    work: W,
    tell: oneshot::Sender<R>,
}

impl Gather {
    /// Has `together` do the work, in the order of arrival, with other work of this kind `of` the same row, when so many
    /// `leaders` are busy with it already. It answers each of its works, in their order. None when it did not, which is a
    /// panic's doing.
    ///
    /// The work goes on when the caller is gone, as a commit that is under way would; what has not begun is left out.
    pub async fn ask<W, R, F, Fut>(&self, of: Uuid, leaders: usize, work: W, together: F) -> Option<R>
    where
        W: Send + 'static,
        R: Send + 'static,
        F: Fn(Vec<W>) -> Fut + Send + 'static,
        Fut: Future<Output = Vec<R>> + Send,
    {
        let (tell, told) = oneshot::channel();
        let is_leader = self.on_line(of, |line: &mut Line<W, R>| {
            line.waiting.push_back(Waiting { work, tell });
            let is_leader = line.leaders < leaders;
            line.leaders += usize::from(is_leader);
            is_leader
        });
        if is_leader {
            let mut leader = Leader::<W, R> {
                gather: self.clone(),
                of,
                is_done: false,
                line: std::marker::PhantomData,
            };
            tokio::spawn(async move {
                while let Some(batch) = leader.take() {
                    let (works, tells): (Vec<W>, Vec<_>) = batch.into_iter().map(|one| (one.work, one.tell)).unzip();
                    for (tell, answer) in tells.into_iter().zip(together(works).await) {
                        // Nobody listens when the caller is gone.
                        let _ = tell.send(answer);
                    }
                }
            });
        }
        told.await.ok()
    }

    fn on_line<W, R, T>(&self, of: Uuid, act: impl FnOnce(&mut Line<W, R>) -> T) -> T
    where
        W: Send + 'static,
        R: Send + 'static,
    {
        let mut lines = self.0.lock();
        let kind = (TypeId::of::<(W, R)>(), of);
        let line = lines.entry(kind).or_insert_with(|| {
            let waiting = VecDeque::new();
            Box::new(Line::<W, R> { waiting, leaders: 0 })
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

struct Leader<W: Send + 'static, R: Send + 'static> {
    gather: Gather,
    of: Uuid,
    is_done: bool,
    line: std::marker::PhantomData<fn() -> (W, R)>,
}

impl<W: Send + 'static, R: Send + 'static> Leader<W, R> {
    /// All that waits; none when nothing does, and then this leader is one no more.
    fn take(&mut self) -> Option<Vec<Waiting<W, R>>> {
        let batch = self.gather.on_line(self.of, |line: &mut Line<W, R>| {
            line.waiting.retain(|one| !one.tell.is_closed());
            let batch: Vec<_> = line.waiting.drain(..line.waiting.len().min(MOST)).collect();
            line.leaders -= usize::from(batch.is_empty());
            batch
        });
        self.is_done = batch.is_empty();
        (!self.is_done).then_some(batch)
    }
}

impl<W: Send + 'static, R: Send + 'static> Drop for Leader<W, R> {
    /// After a panic, or at the end of the runtime: who waits is told, unless another leader takes it.
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        self.gather.on_line(self.of, |line: &mut Line<W, R>| {
            line.leaders -= 1;
            if line.leaders == 0 {
                line.waiting.clear();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    const LEADERS: usize = 2;

    fn sizes(works: Vec<usize>) -> Vec<(usize, usize)> {
        let size = works.len();
        works.into_iter().map(|work| (work, size)).collect()
    }

    /// Ten come while two are busy: they are done at once, each is told its own, and the line is gone afterwards.
    #[tokio::test]
    async fn what_comes_meanwhile_is_done_together() {
        let gather = Gather::default();
        let gate = Arc::new(Semaphore::new(0));
        let ask = |work: usize| {
            let (gather, gate) = (gather.clone(), gate.clone());
            let together = move |works| {
                let gate = gate.clone();
                async move {
                    gate.acquire().await.unwrap().forget();
                    sizes(works)
                }
            };
            tokio::spawn(async move { gather.ask(Uuid::nil(), LEADERS, work, together).await })
        };
        let mut all = Vec::new();
        for work in 0..12 {
            all.push(ask(work));
            tokio::task::yield_now().await;
        }
        gate.add_permits(12);
        let mut told = Vec::new();
        for one in all {
            told.push(one.await.unwrap().unwrap());
        }
        let works: Vec<usize> = told.iter().map(|(work, _)| *work).collect();
        assert_eq!(works, (0..12).collect::<Vec<_>>());
        let sizes: Vec<usize> = told.iter().map(|(_, size)| *size).collect();
        assert_eq!(sizes[..2], [1, 1], "whoever comes first waits for nobody");
        assert_eq!(sizes[2..], [10; 10]);
        assert!(gather.0.lock().is_empty());
    }

    #[tokio::test]
    async fn others_are_not_waited_for() {
        let gather = Gather::default();
        for _ in 0..LEADERS {
            let stuck = gather.clone();
            tokio::spawn(async move {
                let together = |_: Vec<usize>| std::future::pending::<Vec<(usize, usize)>>();
                stuck.ask(Uuid::nil(), LEADERS, 1, together).await
            });
        }
        tokio::task::yield_now().await;
        let other = gather.ask(Uuid::max(), LEADERS, 2_usize, async |works: Vec<usize>| sizes(works));
        assert_eq!(
            tokio::time::timeout(Duration::from_secs(5), other).await.unwrap(),
            Some((2, 1))
        );
    }

    #[tokio::test]
    async fn a_panic_leaves_nobody_waiting() {
        let gather = Gather::default();
        let fails = async |works: Vec<usize>| -> Vec<usize> { panic!("{works:?}") };
        assert_eq!(gather.ask(Uuid::nil(), 1, 1, fails).await, None);
        let after = gather.ask(Uuid::nil(), 1, 2, async |works: Vec<usize>| works);
        assert_eq!(
            tokio::time::timeout(Duration::from_secs(5), after).await.unwrap(),
            Some(2)
        );
        assert!(gather.0.lock().is_empty());
    }

    #[tokio::test]
    async fn who_left_before_it_began_is_left_out() {
        let gather = Gather::default();
        let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let done = Arc::new(Mutex::new(Vec::<usize>::new()));
        let ask = |work: usize| {
            let (gather, begun, gate, done) = (gather.clone(), begun.clone(), gate.clone(), done.clone());
            let together = move |works: Vec<usize>| {
                let (begun, gate, done) = (begun.clone(), gate.clone(), done.clone());
                async move {
                    begun.add_permits(1);
                    gate.acquire().await.unwrap().forget();
                    done.lock().extend(&works);
                    works
                }
            };
            tokio::spawn(async move { gather.ask(Uuid::nil(), LEADERS, work, together).await })
        };
        let mut all = Vec::new();
        for work in 0..LEADERS {
            all.push(ask(work));
            begun.acquire().await.unwrap().forget();
        }
        all.extend((LEADERS..4).map(ask));
        tokio::task::yield_now().await;
        // The first has begun and is done whether or not anybody listens; the third has not.
        all[0].abort();
        all[2].abort();
        gate.add_permits(4);
        for one in all.into_iter().skip(1).step_by(2) {
            one.await.unwrap().unwrap();
        }
        done.lock().sort();
        assert_eq!(*done.lock(), [0, 1, 3]);
    }
}
