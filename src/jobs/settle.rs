//! Settle: what stands behind every terminal transition, of one job or of several in one transaction.
//!
//! It closes the hold by the capture policy, writes the ledger, gives the slot back, takes the child off
//! its parent (and ends the parent with the last one), closes the content and appends the terminal
//! events: all in the caller's transaction, in lock order.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use super::activity::{Ending, Failure};
use super::engine::Engine;
use super::row::{self, Locked};
use crate::credits::{self, AccountChange, Movement};
use crate::db::{now, sql};
use crate::entities::{JobKind, JobPhase, JobState, job};
use crate::error::{Error, Result};
use crate::events::append::JobEntry;
use crate::events::{BlueprintBody, JobEvent, Notice, Unit, append};
use crate::ids::Position;

/// How a job is to end.
pub(super) struct End<'a> {
    pub state: JobState,
    /// Where the first event of the end stands; its lease becomes the job's.
    pub at: Position,
    /// The item before it in the live stream.
    pub item: Position,
    /// Announced before the terminal event.
    pub events: &'a [JobEvent],
    pub result: Option<Value>,
    pub content: Option<&'a Value>,
    pub failure: Option<&'a Failure>,
    /// Added to the job's crashes (a rescue).
    pub crashes: i32,
}

impl<'a> End<'a> {
    /// An end by somebody who takes the job over: the fence moves, numbers begin anew.
    pub fn by_new_writer(state: JobState, job: &job::Model, failure: Option<&'a Failure>) -> Self {
        let at = Position::new(job.run_lease + 1, 1);
        let item = append::durable_position(job);
        End {
            state,
            at,
            item,
            events: &[],
            result: None,
            content: None,
            failure,
            crashes: 0,
        }
    }
}

/// A job that ended in this transaction, or came closer to it, with what it cost.
struct Ended {
    job: job::Model,
    charged: i64,
    released: i64,
}

impl Ended {
    /// The end, or how far a parent of others has come.
    fn event(&self) -> JobEvent {
        match self.job.state.is_terminal() {
            true => JobEvent::Finished {
                state: self.job.state,
                charged: self.charged,
                released: self.released,
            },
            false => JobEvent::Phase {
                phase: JobPhase::Writing,
                progress: self.job.progress,
                note: None,
            },
        }
    }
}

/// Ends `locked.job`; the caller has locked it and its parent and checked the guard under that lock.
pub(super) async fn settle(unit: &mut Unit, engine: &Engine, locked: Locked, end: End<'_>) -> Result<job::Model> {
    let mut settlement = Settlement::default();
    settlement.end(unit, locked, end).await?;
    let ended = settlement.finish(unit, engine).await?.pop();
    ended.ok_or_else(|| Error::internal("a job was settled and is not there"))
}

/// Ends of one transaction: their rows one after the other, and then their events, their content and their credits.
#[derive(Default)]
pub(super) struct Settlement<'a> {
    ends: Vec<Entry<'a>>,
}

struct Entry<'a> {
    ended: Ended,
    /// As this end left it.
    parent: Option<Ended>,
    before: job::Model,
    end: End<'a>,
    movements: Vec<Movement>,
}

impl<'a> Settlement<'a> {
    /// Ends one job, whose lock and whose parent's the caller holds.
    pub async fn end(&mut self, unit: &mut Unit, locked: Locked, end: End<'a>) -> Result<()> {
        let before = locked.job;
        let captured = credits::captured(credits::Ending {
            kind: before.kind,
            state: end.state,
            price: own_price(&before),
            written: before.written.into(),
            planned: before.planned.into(),
        });
        let job = write_end(unit, &before, &end, captured).await?;
        let parent = match locked.parent {
            // Another end of this transaction may have counted it down already.
            Some(parent) => Some(count_down(unit, self.newest(parent)).await?),
            None => None,
        };
        let (charged, released) = credits::close_hold(unit, job.id, captured).await?.unwrap_or((0, 0));
        self.ends.push(Entry {
            movements: Movement::settle(job.id, charged, released).collect(),
            ended: Ended { job, charged, released },
            parent,
            before,
            end,
        });
        Ok(())
    }

    fn newest(&self, parent: job::Model) -> job::Model {
        let parents = self.ends.iter().rev().filter_map(|entry| entry.parent.as_ref());
        let known = parents.map(|known| &known.job).find(|known| known.id == parent.id);
        known.cloned().unwrap_or(parent)
    }

    /// The rest of it, in lock order. The jobs come back in the order in which they ended.
    pub async fn finish(self, unit: &mut Unit, engine: &Engine) -> Result<Vec<job::Model>> {
        self.announce(unit).await?;
        for entry in &self.ends {
            let ending = Ending {
                state: entry.ended.job.state,
                content: entry.end.content,
            };
            close(unit, engine, &entry.ended.job, ending).await?;
            if let Some(parent) = entry.ended_parent() {
                let (state, content) = (parent.state, None);
                close(unit, engine, parent, Ending { state, content }).await?;
            }
        }
        let (mut changes, mut jobs) = (
            BTreeMap::<Uuid, AccountChange>::new(),
            Vec::with_capacity(self.ends.len()),
        );
        for entry in self.ends {
            let account = entry.ended.job.account_id;
            let change = changes.entry(account).or_default();
            change.account = account;
            change.running -= i64::from(entry.before.lease_owner.is_some());
            change.jobs.push(entry.ended.job.id);
            change.jobs.extend(entry.ended_parent().map(|parent| parent.id));
            change.movements.extend(entry.movements);
            log_end(unit, &entry.ended.job, entry.ended.charged);
            jobs.push(entry.ended.job);
        }
        for change in changes.into_values() {
            credits::apply_covered(unit, change).await?;
        }
        unit.after_commit(Notice::Work);
        Ok(jobs)
    }

    /// The events on the streams of the jobs and of their parents, whose rows are locked, and then on those of the sites.
    async fn announce(&self, unit: &mut Unit) -> Result<()> {
        let told: Vec<(Vec<JobEvent>, Option<JobEvent>)> = self.ends.iter().map(Entry::events).collect();
        let mut entries = Vec::new();
        let mut sites = append::SiteEvents::new();
        for (entry, (own, of_parent)) in self.ends.iter().zip(&told) {
            let job = &entry.ended.job;
            let (mut durable, mut item) = (append::durable_position(&entry.before), entry.end.item);
            let mut at = entry.end.at;
            for event in own {
                entries.push(JobEntry {
                    job: job.id,
                    at,
                    durable: Some(durable),
                    item: Some(item),
                    event,
                });
                (durable, item, at) = (at, at, Position::new(at.lease, at.n + 1));
            }
            let parent = entry.parent.as_ref().map(|parent| &parent.job);
            if let (Some(parent), Some(event)) = (parent, of_parent) {
                let at = append::durable_position(parent);
                let before = Some(Position::new(at.lease, at.n - 1));
                entries.push(JobEntry {
                    job: parent.id,
                    at,
                    durable: before,
                    item: before,
                    event,
                });
            }
            let Some(site) = job.blueprint_id else { continue };
            let own = own.iter().map(|event| (job.id, event));
            let all = own.chain(parent.map(|parent| parent.id).zip(of_parent.as_ref()));
            let all = all.map(|(job, event)| (Some(job), BlueprintBody::Job(event.clone())));
            sites.entry(site).or_default().extend(all);
        }
        append::job_events(unit, &entries).await?;
        append::site_events(unit, sites).await
    }
}

impl Entry<'_> {
    /// What is announced of the job, its end last, and of its parent.
    fn events(&self) -> (Vec<JobEvent>, Option<JobEvent>) {
        let mut own = self.end.events.to_vec();
        own.push(self.ended.event());
        (own, self.parent.as_ref().map(Ended::event))
    }

    fn ended_parent(&self) -> Option<&job::Model> {
        let parent = self.parent.as_ref().map(|parent| &parent.job);
        parent.filter(|parent| parent.state.is_terminal())
    }
}

async fn close(unit: &mut Unit, engine: &Engine, job: &job::Model, ending: Ending<'_>) -> Result<()> {
    engine.activity(job.kind)?.close(unit, job, ending).await
}

/// What the job itself is charged for: of a site job only the plan, its pages have prices of their own.
pub(super) fn own_price(job: &job::Model) -> i64 {
    match (job.kind, job.page_price) {
        (JobKind::Site, Some(page)) => job.price - page * job.input["maxPages"].as_i64().unwrap_or(0),
        _ => job.price,
    }
}

async fn write_end(unit: &Unit, before: &job::Model, end: &End<'_>, captured: i64) -> Result<job::Model> {
    let text = "UPDATE jobs SET state = $4, run_lease = $5, event_lease = $5, event_n = $6, lease_owner = NULL, \
                lease_expires_at = NULL, finished_at = {now}, phase = NULL, result = $7, charged = $8, \
                progress = CASE WHEN $4 = 'succeeded' THEN 1 ELSE progress END, crashes = crashes + $9, \
                error_code = $10, error_message = $11, error_retryable = $12, \
                prompt_tokens = $13, completion_tokens = $14, model = $15, version = version + 1 \
                WHERE id = $1 AND state = $2 AND run_lease = $3 AND ($4 <> 'succeeded' OR cancel_requested_at IS NULL) \
                RETURNING *";
    let failure = end.failure;
    let values = [
        before.id.into(),
        before.state.as_str().into(),
        before.run_lease.into(),
        end.state.as_str().into(),
        end.at.lease.into(),
        (end.at.n + end.events.len() as i64).into(),
        end.result.clone().into(),
        captured.into(),
        end.crashes.into(),
        failure.map(|failure| failure.code.to_string()).into(),
        failure.map(|failure| failure.message.clone()).into(),
        failure.map(|failure| failure.retryable).into(),
        before.prompt_tokens.into(),
        before.completion_tokens.into(),
        before.model.clone().into(),
    ];
    row::one(unit, text, values).await?.ok_or(Error::LostLease)
}

#[derive(FromQueryResult)]
struct Tally {
    open: i64,
    succeeded: i64,
    charged: i64,
}

/// Takes one child off the parent, whose lock is held; at 0 the parent ends.
async fn count_down(unit: &mut Unit, parent: job::Model) -> Result<Ended> {
    let text = "SELECT CAST(SUM(CASE WHEN finished_at IS NULL THEN 1 ELSE 0 END) AS bigint) AS open, \
                CAST(SUM(CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END) AS bigint) AS succeeded, \
                CAST(COALESCE(SUM(charged), 0) AS bigint) AS charged FROM jobs WHERE parent_id = $1";
    let tally = Tally::find_by_statement(sql(&unit.tx, text, [parent.id.into()]))
        .one(&unit.tx)
        .await?;
    let tally = tally.ok_or_else(|| Error::internal("a parent without children counts down"))?;
    let open = tally.open;
    if open != i64::from(parent.children_open) - 1 {
        // The parent's lock makes the tally right; refusing would leave a job that never ends.
        tracing::error!(job.id = %parent.id, counted = parent.children_open, open, "a parent had lost count of its children");
    }
    let total = i64::from(parent.children_total);
    let all = tally.succeeded == total;
    let state = match (open, parent.cancel_requested_at.is_some(), all) {
        (1.., _, _) => JobState::Running,
        (_, true, _) => JobState::Cancelled,
        (_, _, true) => JobState::Succeeded,
        _ => JobState::Failed,
    };
    let failed = (state == JobState::Failed).then(|| {
        let lost = total - tally.succeeded;
        format!("{lost} of {total} pages were not written. Look at those pages and start them again.")
    });
    let charged = parent.charged.unwrap_or(0) + tally.charged;
    let text = "UPDATE jobs SET state = $2, children_open = $3, charged = $4, progress = $5, event_n = event_n + 1, \
                finished_at = CASE WHEN $2 = 'running' THEN NULL ELSE {now} END, result = $6, \
                phase = CASE WHEN $2 = 'running' THEN 'writing' ELSE NULL END, \
                error_code = $7, error_message = $8, error_retryable = $9, version = version + 1 \
                WHERE id = $1 AND state = 'running' AND fanned_out RETURNING *";
    let is_over = state.is_terminal();
    let values = [
        parent.id.into(),
        state.as_str().into(),
        i32::try_from(open).unwrap_or(0).into(),
        if is_over { charged } else { parent.charged.unwrap_or(0) }.into(),
        // What is left is shared by the children that are left: it never goes back behind the plan's own share.
        match open {
            0 => 1.0,
            open => parent.progress + (1.0 - parent.progress) / (open + 1) as f64,
        }
        .into(),
        (state == JobState::Succeeded).then(|| json!({ "pages": total })).into(),
        failed.as_ref().map(|_| "PAGES_FAILED".to_string()).into(),
        failed.into(),
        (state == JobState::Failed).then_some(true).into(),
    ];
    let job = row::one(unit, text, values).await?;
    let job = job.ok_or_else(|| Error::internal("a parent ended before its children"))?;
    if is_over {
        log_end(unit, &job, charged);
    }
    let released = (job.price - charged).max(0);
    Ok(Ended { job, charged, released })
}

/// One line an end, with what an operator searches for.
fn log_end(unit: &mut Unit, job: &job::Model, charged: i64) {
    let (id, kind, attempt, state) = (job.id, job.kind.as_str(), job.attempt, job.state.as_str());
    let duration_ms = job.started_at.map(|started| (now() - started).num_milliseconds());
    unit.log_after_commit(move || {
        tracing::info!(
            job.id = %id, job.kind = kind, job.attempt = attempt, job.state = state, charged, duration_ms, "job ended"
        );
    });
}
