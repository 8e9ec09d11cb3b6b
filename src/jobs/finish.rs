//! T4 and T6: jobs end with their result and their price, under their fences.
//!
//! Ends of one account that come while others of it are under way are one transaction: all of them meet at its row. One
//! that cannot be made as it is spoils it for none: each is then made alone.

use std::slice::from_ref;
use std::sync::Arc;

use tracing::Span;

use super::end::{Outcome, Tried};
use super::engine::Engine;
use super::gather::Joint;
use super::rescue::DEADLINE;
use super::row::{self, Locked};
use super::settle::{End, Settling, settle_all};
use super::step::events_of;
use super::work::Work;
use crate::entities::{JobState, job};
use crate::error::{Error, Result};
use crate::events::JobEvent;
use crate::ids::Position;

/// Ends of an account at a time: all of them wait for its row, one while the other commits.
const SIDE_BY_SIDE: usize = 2;

/// A job that is to end.
struct Finishing {
    outcome: Arc<Outcome>,
    /// As of its newest checkpoint, with the tokens that were counted since.
    job: job::Model,
    /// What is announced before its end.
    events: Vec<JobEvent>,
    /// The newest item of its live stream, and its number under this lease.
    item: Position,
    n: i64,
    /// Where the log tells of it.
    span: Span,
}

pub(super) async fn finish(work: &Work, outcome: Arc<Outcome>) -> Result<Tried> {
    let finishing = Finishing {
        events: announced(&outcome, &work.job),
        outcome,
        job: work.job.clone(),
        item: work.item,
        n: work.n,
        span: Span::current(),
    };
    let (engine, account) = (&work.engine, work.job.account_id);
    let side_by_side = engine.side_by_side(SIDE_BY_SIDE);
    let ends = Ends(engine.clone());
    engine.gather.ask(account, side_by_side, finishing, ends).await
}

fn announced(outcome: &Outcome, job: &job::Model) -> Vec<JobEvent> {
    let Outcome::Succeeded { events, last, .. } = outcome else {
        return Vec::new();
    };
    let of_last = last.iter().flat_map(|last| events_of(&last.step, job, true));
    of_last.chain(events.iter().cloned()).collect()
}

struct Ends(Engine);

impl Joint for Ends {
    type Work = Finishing;
    type Made = Tried;

    async fn together(&self, ends: &[Finishing]) -> Result<Option<Vec<Tried>>> {
        let tried = self.0.db.unless_away(try_all(&self.0, ends)).await?;
        let done = |jobs: Vec<job::Model>| jobs.into_iter().map(|job| Tried::Done(Box::new(job))).collect();
        Ok(tried.ok().map(done))
    }

    async fn alone(&self, end: &Finishing) -> Result<Tried> {
        match self.0.db.unless_away(try_all(&self.0, from_ref(end))).await? {
            Ok(mut jobs) => {
                let job = jobs.pop();
                let job = job.ok_or_else(|| Error::internal("a job ended and is not there"))?;
                Ok(Tried::Done(Box::new(job)))
            }
            Err(refused) => Ok(refused),
        }
    }
}

/// Or what one of them gives way to: a cancel that came first, or a person who keeps what it closes. Then nothing was
/// written.
async fn try_all(engine: &Engine, ends: &[Finishing]) -> Result<std::result::Result<Vec<job::Model>, Tried>> {
    let mut unit = engine.unit().await?;
    let ids: Vec<_> = ends.iter().map(|end| (end.job.id, end.job.parent_id)).collect();
    let locked = row::lock_all(&unit, &ids).await?;
    let is_ours = |locked: &Vec<Locked>| ends.iter().zip(locked).all(|(end, locked)| end.is_ours(&locked.job));
    let Some(locked) = locked.filter(is_ours) else {
        // At once: a claim skips a row that is locked, and whoever lost the job must not keep it from the next.
        unit.rollback().await?;
        return Err(Error::LostLease);
    };
    if ends.iter().zip(&locked).any(|(end, locked)| end.gives_way(&locked.job)) {
        unit.rollback().await?;
        return Ok(Err(Tried::Cancelled));
    }
    let settling = ends.iter().zip(locked).map(|(end, locked)| Settling {
        locked: end.counted(locked),
        end: end.as_end(),
        span: end.span.clone(),
    });
    let Some(jobs) = settle_all(&mut unit, engine, settling.collect()).await? else {
        unit.rollback().await?;
        return Ok(Err(Tried::Kept));
    };
    crate::faults::point("inside_end");
    unit.commit().await?;
    crate::faults::point("after_end");
    Ok(Ok(jobs))
}

impl Finishing {
    /// The fence: whoever writes holds the lease.
    fn is_ours(&self, row: &job::Model) -> bool {
        row.state == JobState::Running && row.run_lease == self.job.run_lease
    }

    /// A success or a failure gives way to a cancel; running out of time does not.
    fn gives_way(&self, row: &job::Model) -> bool {
        let gives_way = match &*self.outcome {
            Outcome::Succeeded { .. } => true,
            Outcome::Failed(failure) => failure.code != DEADLINE,
            _ => false,
        };
        gives_way && row.cancel_requested_at.is_some()
    }

    /// Tokens counted since the last checkpoint are known to the holder only.
    fn counted(&self, mut locked: Locked) -> Locked {
        locked.job.prompt_tokens = self.job.prompt_tokens;
        locked.job.completion_tokens = self.job.completion_tokens;
        locked.job.model.clone_from(&self.job.model);
        locked
    }

    fn as_end(&self) -> End<'_> {
        let base = End {
            state: JobState::Cancelled,
            at: Position::new(self.job.run_lease, self.n + 1),
            item: self.item,
            events: &self.events,
            last: None,
            result: None,
            content: None,
            failure: None,
            crashes: 0,
        };
        match &*self.outcome {
            Outcome::Succeeded {
                result, content, last, ..
            } => End {
                state: JobState::Succeeded,
                last: last.as_ref(),
                result: Some(result.clone()),
                content: Some(content),
                ..base
            },
            Outcome::Failed(failure) => End {
                state: JobState::Failed,
                failure: Some(failure),
                ..base
            },
            _ => base,
        }
    }
}
