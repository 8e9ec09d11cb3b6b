//! Settle: what stands behind every terminal transition, of one job or of several in one transaction.
//!
//! It closes the hold by the capture policy, writes the ledger, gives the slot back, takes the child off
//! its parent (and ends the parent with the last one), stores a last checkpoint, closes the content and
//! appends the terminal events: all in the caller's transaction, in lock order.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use tracing::Span;
use uuid::Uuid;

use super::activity::{Checkpoint, Ending, Failure, Keeps, by_kind};
use super::checkpoint::store;
use super::engine::Engine;
use super::row::{self, Locked};
use super::step::{closes, is_for_site};
use crate::credits::{self, AccountChange, Movement};
use crate::db::{now, places, sql};
use crate::entities::{JobKind, JobPhase, JobState, job};
use crate::error::{Error, Result};
use crate::events::{BlueprintBody, JobEvent, Notice, Unit, append};
use crate::ids::Position;

/// How a job is to end.
pub(super) struct End<'a> {
    pub state: JobState,
    /// Where the first event of the end stands; its lease becomes the job's.
    pub at: Position,
    /// The item before it in the live stream.
    pub item: Position,
    /// Announced before the terminal event, those of the last checkpoint included.
    pub events: &'a [JobEvent],
    /// A checkpoint that is made with the end.
    pub last: Option<&'a Checkpoint>,
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
            last: None,
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

/// A job that is to end, whose lock and whose parent's the caller holds.
pub(super) struct Settling<'a> {
    pub locked: Locked,
    pub end: End<'a>,
    /// Where the log tells of it.
    pub span: Span,
}

/// Ends `locked.job`; the caller has checked the guard under its lock.
pub(super) async fn settle(unit: &mut Unit, engine: &Engine, locked: Locked, end: End<'_>) -> Result<job::Model> {
    let span = Span::current();
    let ended = settle_all(unit, engine, vec![Settling { locked, end, span }]).await?;
    let ended = ended.and_then(|mut jobs| jobs.pop());
    ended.ok_or_else(|| Error::internal("a job was settled and is not there"))
}

/// The same for several jobs of one account: as many statements as for one. They come back in their order; none when a
/// person keeps a block that one of them closes with its end, and then nothing may be committed.
pub(super) async fn settle_all(
    unit: &mut Unit,
    engine: &Engine,
    all: Vec<Settling<'_>>,
) -> Result<Option<Vec<job::Model>>> {
    let captured: Vec<i64> = all.iter().map(Settling::captured).collect();
    let jobs = write_ends(unit, &all, &captured).await?;
    let parents = count_down(unit, &all).await?;
    let holds: Vec<(Uuid, i64)> = jobs.iter().map(|job| job.id).zip(captured).collect();
    let closed = credits::close_holds(unit, &holds).await?;
    let ended = jobs.into_iter().map(|job| {
        let (charged, released) = closed.get(&job.id).copied().unwrap_or_default();
        Ended { job, charged, released }
    });
    let ended: Vec<Ended> = ended.collect();
    announce(unit, &all, &ended, &parents).await?;
    let lasts = all.iter().map(|settling| {
        let content = settling.end.last.map(|last| &last.content);
        (settling.locked.job.kind, content)
    });
    let stored = store(unit, engine, lasts, Keeps::All).await?;
    if stored.contains(&false) {
        return Ok(None);
    }
    close(unit, engine, &all, &ended, &parents).await?;
    let mut change = AccountChange::default();
    for (settling, ended) in all.iter().zip(&ended) {
        change.account = ended.job.account_id;
        change.running -= i64::from(settling.locked.job.lease_owner.is_some());
        let movements = Movement::settle(ended.job.id, ended.charged, ended.released);
        change.movements.extend(movements);
        change.jobs.push(ended.job.id);
        let _in_its_span = settling.span.enter();
        log_end(unit, &ended.job, ended.charged);
    }
    let over = parents
        .iter()
        .map(|parent| &parent.job)
        .filter(|job| job.state.is_terminal());
    change.jobs.extend(over.map(|job| job.id));
    credits::apply_covered(unit, change).await?;
    unit.after_commit(Notice::Work);
    Ok(Some(ended.into_iter().map(|ended| ended.job).collect()))
}

impl Settling<'_> {
    fn captured(&self) -> i64 {
        let job = &self.locked.job;
        credits::captured(credits::Ending {
            kind: job.kind,
            state: self.end.state,
            price: own_price(job),
            written: job.written.into(),
            planned: job.planned.into(),
        })
    }
}

/// The events on the streams of the jobs and of their parents, whose rows are locked, and then on those of the sites.
async fn announce(unit: &mut Unit, all: &[Settling<'_>], ended: &[Ended], parents: &[Ended]) -> Result<()> {
    let last: Vec<JobEvent> = ended.iter().map(Ended::event).collect();
    let of_parents: Vec<JobEvent> = parents.iter().map(Ended::event).collect();
    let mut entries = Vec::new();
    let mut told = Vec::new();
    for ((Settling { locked, end, .. }, Ended { job, .. }), last) in all.iter().zip(ended).zip(&last) {
        let events = end.events.iter().chain([last]);
        let before = append::durable_position(&locked.job);
        entries.extend(append::in_line(job.id, end.at, before, end.item, events.clone()));
        let events = events.filter(|event| is_for_site(event, false));
        told.extend(events.map(|event| (job, event)));
    }
    for (Ended { job, .. }, event) in parents.iter().zip(&of_parents) {
        let at = append::durable_position(job);
        let before = Position::new(at.lease, at.n - 1);
        entries.extend(append::in_line(job.id, at, before, before, [event]));
        told.push((job, event));
    }
    append::job_events(unit, &entries).await?;
    let mut sites = append::SiteEvents::new();
    for (job, event) in told {
        let Some(site) = job.blueprint_id else { continue };
        let event = (Some(job.id), BlueprintBody::Job(event.clone()));
        sites.entry(site).or_default().push(event);
    }
    append::site_events(unit, sites).await
}

/// What the ends do to the content, of each kind at once; parents come after their children.
async fn close(
    unit: &mut Unit,
    engine: &Engine,
    all: &[Settling<'_>],
    ended: &[Ended],
    parents: &[Ended],
) -> Result<()> {
    let own = ended.iter().zip(all).map(|(Ended { job, .. }, settling)| Ending {
        job,
        content: settling.end.content,
    });
    let over = parents
        .iter()
        .map(|parent| &parent.job)
        .filter(|job| job.state.is_terminal());
    let over = over.map(|job| Ending { job, content: None });
    for endings in [own.collect::<Vec<_>>(), over.collect()] {
        for (kind, endings) in by_kind(endings.into_iter().map(|ending| (ending.job.kind, ending))) {
            engine.activity(kind)?.close(unit, &endings).await?;
        }
    }
    Ok(())
}

/// What the job itself is charged for: of a site job only the plan, its pages have prices of their own.
pub(super) fn own_price(job: &job::Model) -> i64 {
    match (job.kind, job.page_price) {
        (JobKind::Site, Some(page)) => job.price - page * job.input["maxPages"].as_i64().unwrap_or(0),
        _ => job.price,
    }
}

/// The fenced update, one statement for all; the rows come back in their order.
async fn write_ends(unit: &Unit, all: &[Settling<'_>], captured: &[i64]) -> Result<Vec<job::Model>> {
    let rows = all
        .iter()
        .zip(captured)
        .map(|(Settling { locked, end, .. }, captured)| {
            let (before, failure) = (&locked.job, end.failure);
            [
                before.id.into(),
                before.state.as_str().into(),
                before.run_lease.into(),
                end.state.as_str().into(),
                end.at.lease.into(),
                (end.at.n + end.events.len() as i64).into(),
                end.result.clone().into(),
                (*captured).into(),
                end.crashes.into(),
                failure.map(|failure| failure.code.to_string()).into(),
                failure.map(|failure| failure.message.clone()).into(),
                failure.map(|failure| failure.retryable).into(),
                before.prompt_tokens.into(),
                before.completion_tokens.into(),
                before.model.clone().into(),
                end.last.map_or(0, |last| closes(&last.step)).into(),
            ]
        });
    let mut values = Vec::new();
    let places = places(&mut values, rows);
    let text = format!(
        "UPDATE jobs SET state = new.column4, run_lease = new.column5, event_lease = new.column5, \
         event_n = new.column6, lease_owner = NULL, lease_expires_at = NULL, finished_at = {{now}}, phase = NULL, \
         result = new.column7, charged = new.column8, \
         progress = CASE WHEN new.column4 = 'succeeded' THEN 1 ELSE progress END, crashes = crashes + new.column9, \
         error_code = new.column10, error_message = new.column11, error_retryable = new.column12, \
         prompt_tokens = new.column13, completion_tokens = new.column14, model = new.column15, \
         written = written + new.column16, version = version + 1 \
         FROM (VALUES {places}) AS new \
         WHERE jobs.id = new.column1 AND state = new.column2 AND run_lease = new.column3 \
         AND (new.column4 <> 'succeeded' OR cancel_requested_at IS NULL) RETURNING *"
    );
    let mut ended = row::many(unit, &text, values).await?;
    if ended.len() != all.len() {
        return Err(Error::LostLease);
    }
    ended.sort_by_key(|job| all.iter().position(|settling| settling.locked.job.id == job.id));
    Ok(ended)
}

#[derive(FromQueryResult)]
struct Tally {
    open: i64,
    succeeded: i64,
    charged: i64,
}

/// Takes the children that ended off their parents, whose locks are held.
async fn count_down(unit: &mut Unit, all: &[Settling<'_>]) -> Result<Vec<Ended>> {
    let mut parents: BTreeMap<Uuid, (&job::Model, i64)> = BTreeMap::new();
    for parent in all.iter().filter_map(|settling| settling.locked.parent.as_ref()) {
        parents.entry(parent.id).or_insert((parent, 0)).1 += 1;
    }
    let mut counted = Vec::with_capacity(parents.len());
    for (parent, children) in parents.into_values() {
        counted.push(count_one_down(unit, parent, children).await?);
    }
    Ok(counted)
}

/// Takes so many children off; at 0 the parent ends.
async fn count_one_down(unit: &mut Unit, parent: &job::Model, children: i64) -> Result<Ended> {
    let text = "SELECT CAST(SUM(CASE WHEN finished_at IS NULL THEN 1 ELSE 0 END) AS bigint) AS open, \
                CAST(SUM(CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END) AS bigint) AS succeeded, \
                CAST(COALESCE(SUM(charged), 0) AS bigint) AS charged FROM jobs WHERE parent_id = $1";
    let tally = Tally::find_by_statement(sql(&unit.tx, text, [parent.id.into()]))
        .one(&unit.tx)
        .await?;
    let tally = tally.ok_or_else(|| Error::internal("a parent without children counts down"))?;
    let open = tally.open;
    if open != i64::from(parent.children_open) - children {
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
            open => parent.progress + (1.0 - parent.progress) * children as f64 / (open + children) as f64,
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
    let span = Span::current();
    unit.log_after_commit(move || {
        let _in_its_span = span.enter();
        tracing::info!(
            job.id = %id, job.kind = kind, job.attempt = attempt, job.state = state, charged, duration_ms, "job ended"
        );
    });
}
