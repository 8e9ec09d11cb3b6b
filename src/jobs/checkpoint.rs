//! T3: what was made, its events and the progress, in one fenced transaction that renews the lease.
//!
//! Checkpoints of one account that come while others of it are under way are made in one transaction: their events are
//! one statement, and so is their commit. One that cannot be made as it is spoils it for none: each is then made alone.

use std::slice::from_ref;

use super::activity::{Content, Keeps, by_kind};
use super::engine::{Engine, ms};
use super::gather::Joint;
use super::row;
use super::step::{Step, closes, events_of, is_for_site, is_progress};
use crate::db::{marks, places, rows};
use crate::entities::{JobKind, job};
use crate::error::{Error, Result};
use crate::events::{BlueprintBody, JobEvent, Unit, append};
use crate::ids::Position;

/// Checkpoints of an account that have a transaction of their own; they meet nowhere but at the sites. With its starts and
/// its ends an account whose rows somebody keeps holds eight connections, and others have the rest.
const SIDE_BY_SIDE: usize = 4;

/// A checkpoint that is to be made.
pub(super) struct Saving {
    pub step: Step,
    pub content: Option<Content>,
    /// The job as of the checkpoint before, with the tokens that were counted since.
    pub job: job::Model,
    /// The newest item of its live stream, and its number under this lease.
    pub item: Position,
    pub n: i64,
}

/// A checkpoint that was made.
pub(super) struct Saved {
    pub job: job::Model,
    /// Whether its content was stored.
    pub is_stored: bool,
}

impl Saving {
    /// The events that it becomes; those of its content only when that is stored.
    fn events(&self, keeps: Keeps) -> Vec<JobEvent> {
        events_of(&self.step, &self.job, keeps == Keeps::All)
    }
}

pub(super) async fn save(engine: &Engine, saving: Saving) -> Result<Saved> {
    let (account, side_by_side) = (saving.job.account_id, engine.side_by_side(SIDE_BY_SIDE));
    let checkpoints = Checkpoints(engine.clone());
    engine.gather.ask(account, side_by_side, saving, checkpoints).await
}

struct Checkpoints(Engine);

impl Joint for Checkpoints {
    type Work = Saving;
    type Made = Saved;

    async fn together(&self, savings: &[Saving]) -> Result<Option<Vec<Saved>>> {
        let made = try_all(&self.0, savings, Keeps::All);
        self.0.db.unless_away(made).await
    }

    async fn alone(&self, saving: &Saving) -> Result<Saved> {
        let made = async {
            let saving = from_ref(saving);
            let saved = match try_all(&self.0, saving, Keeps::All).await? {
                Some(saved) => Some(saved),
                None => try_all(&self.0, saving, Keeps::AllBut).await?,
            };
            let saved = saved.and_then(|mut saved| saved.pop());
            saved.ok_or_else(|| Error::internal("a checkpoint without content stored none"))
        };
        self.0.db.unless_away(made).await
    }
}

/// In lock order: jobs, then blueprints; content follows. None when a person keeps the block that one of them closed:
/// then nothing was written, and that one is to be made without it.
async fn try_all(engine: &Engine, savings: &[Saving], keeps: Keeps) -> Result<Option<Vec<Saved>>> {
    let mut unit = engine.unit().await?;
    let events: Vec<Vec<JobEvent>> = savings.iter().map(|saving| saving.events(keeps)).collect();
    let Some(jobs) = renew(&unit, engine, savings, &events, keeps).await? else {
        // At once: who lost a job must not keep it from the next.
        unit.rollback().await?;
        return Err(Error::LostLease);
    };
    announce(&mut unit, savings, &events).await?;
    let contents = savings.iter().map(|saving| (saving.job.kind, saving.content.as_ref()));
    let stored = store(&mut unit, engine, contents, keeps).await?;
    let is_kept = |(saving, is_stored): (&Saving, &bool)| !is_stored && saving.step.closed.is_some();
    if keeps == Keeps::All && savings.iter().zip(&stored).any(is_kept) {
        unit.rollback().await?;
        return Ok(None);
    }
    crate::faults::point("inside_checkpoint");
    unit.commit().await?;
    crate::faults::point("after_checkpoint");
    let saved = jobs
        .into_iter()
        .zip(stored)
        .map(|(job, is_stored)| Saved { job, is_stored });
    Ok(Some(saved.collect()))
}

/// The contents of each kind at once; says of each whether it was stored, as it does of what has none.
pub(super) async fn store<'a>(
    unit: &mut Unit,
    engine: &Engine,
    contents: impl Iterator<Item = (JobKind, Option<&'a Content>)>,
    keeps: Keeps,
) -> Result<Vec<bool>> {
    let mut stored = Vec::new();
    let mut given = Vec::new();
    for (at, (kind, content)) in contents.enumerate() {
        stored.push(true);
        given.extend(content.map(|content| (kind, (at, content))));
    }
    for (kind, contents) in by_kind(given) {
        let (places, contents): (Vec<usize>, Vec<&Content>) = contents.into_iter().unzip();
        let told = engine.activity(kind)?.store(unit, &contents, keeps).await?;
        for (at, is_stored) in places.into_iter().zip(told) {
            stored[at] = is_stored;
        }
    }
    Ok(stored)
}

/// The fenced update, one statement for all; the rows come back in the order of the checkpoints. None when one of the
/// jobs is its holder's no more.
async fn renew(
    unit: &Unit,
    engine: &Engine,
    savings: &[Saving],
    events: &[Vec<JobEvent>],
    keeps: Keeps,
) -> Result<Option<Vec<job::Model>>> {
    if savings.len() > 1 {
        let text = format!(
            "SELECT id FROM jobs WHERE id IN ({}) ORDER BY id {{lock}}",
            marks(1, savings.len())
        );
        rows(&unit.tx, &text, savings.iter().map(|saving| saving.job.id.into())).await?;
    }
    let mut values: Vec<sea_orm::Value> = vec![ms(engine.config().lease).into()];
    let rows = savings.iter().zip(events).map(|(Saving { job, step, n, .. }, events)| {
        let closed = if keeps == Keeps::All { closes(step) } else { 0 };
        let last = match events.is_empty() {
            true => job.event_n,
            false => n + events.len() as i64,
        };
        [
            job.id.into(),
            job.run_lease.into(),
            step.phase.as_str().into(),
            step.progress.clamp(0.0, 1.0).into(),
            step.planned.into(),
            closed.into(),
            (closed > 0).into(),
            is_progress(step, job).into(),
            last.into(),
            job.prompt_tokens.into(),
            job.completion_tokens.into(),
            job.model.clone().into(),
        ]
    });
    let places = places(&mut values, rows);
    let text = format!(
        "UPDATE jobs SET phase = new.column3, \
         progress = CASE WHEN new.column4 > progress THEN new.column4 ELSE progress END, \
         planned = COALESCE(new.column5, planned), written = written + new.column6, \
         closed_since_claim = (closed_since_claim OR new.column7), lease_expires_at = {{now+$1}}, \
         crashes = CASE WHEN new.column8 THEN 0 ELSE crashes END, \
         event_lease = run_lease, event_n = CASE WHEN new.column9 > event_n THEN new.column9 ELSE event_n END, version = version + 1, \
         prompt_tokens = new.column10, completion_tokens = new.column11, model = new.column12 \
         FROM (VALUES {places}) AS new \
         WHERE jobs.id = new.column1 AND state = 'running' AND run_lease = new.column2 RETURNING *"
    );
    let mut renewed = row::many(unit, &text, values).await?;
    if renewed.len() != savings.len() {
        return Ok(None);
    }
    renewed.sort_by_key(|job| savings.iter().position(|saving| saving.job.id == job.id));
    Ok(Some(renewed))
}

/// The events on the streams of the jobs and of their sites, whose locks this takes.
async fn announce(unit: &mut Unit, savings: &[Saving], events: &[Vec<JobEvent>]) -> Result<()> {
    let mut entries = Vec::new();
    let mut sites = append::SiteEvents::new();
    for (saving, events) in savings.iter().zip(events) {
        let Saving { job, step, .. } = saving;
        let at = Position::new(job.run_lease, saving.n + 1);
        entries.extend(append::in_line(
            job.id,
            at,
            append::durable_position(job),
            saving.item,
            events,
        ));
        let Some(site) = job.blueprint_id else { continue };
        let phase_changed = job.phase != Some(step.phase);
        let told = events.iter().filter(|event| is_for_site(event, phase_changed));
        let told = told.map(|event| (Some(job.id), BlueprintBody::Job(event.clone())));
        sites.entry(site).or_default().extend(told);
    }
    append::job_events(unit, &entries).await?;
    append::site_events(unit, sites).await
}
