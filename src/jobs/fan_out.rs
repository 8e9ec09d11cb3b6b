//! T11: a site job becomes the parent of its page jobs, and its hold becomes theirs.
//!
//! One account `UPDATE` captures the structure's price, releases the rest and holds each page's price, so
//! the available balance never dips in between. From here on the parent holds no lease and no slot.

use serde_json::Value;
use uuid::Uuid;

use super::activity::Child;
use super::end::{Tried, lock_own};
use super::row;
use super::settle::own_price;
use super::start::{NewJob, insert_jobs, set_baselines};
use super::work::Work;
use crate::credits::{self, AccountChange, Movement};
use crate::entities::{JobKind, job};
use crate::error::{Error, Result};
use crate::events::append::JobEntry;
use crate::events::{BlueprintBody, JobEvent, Notice, Unit, append};
use crate::ids::{Position, new_id};

/// Carries the fan-out out, unless a cancel came first.
pub(super) async fn fan_out(work: &Work, content: &Value, children: &[Child]) -> Result<Tried> {
    let (mut unit, locked) = lock_own(work).await?;
    if locked.job.cancel_requested_at.is_some() {
        unit.rollback().await?;
        return Ok(Tried::Cancelled);
    }
    let page_price = locked.job.page_price.unwrap_or(0);
    let structure_price = own_price(&locked.job);
    let parent = become_parent(&unit, work, children.len(), structure_price).await?;
    let jobs = start_children(&unit, work, &parent, children, page_price).await?;
    let movements = move_holds(&unit, &parent, &jobs, structure_price, page_price).await?;
    let planned: Vec<JobEvent> = children
        .iter()
        .map(|child| JobEvent::PagePlanned { page_id: child.page })
        .collect();
    if let Some(site) = parent.blueprint_id {
        let planned = planned
            .iter()
            .map(|event| (Some(parent.id), BlueprintBody::Job(event.clone())));
        let queued = jobs
            .iter()
            .map(|job| (Some(job.id), BlueprintBody::Job(JobEvent::Queued)));
        let events: Vec<_> = planned.chain(queued).collect();
        append::blueprint_events(&mut unit, site, events).await?;
    }
    let baselines = work
        .engine
        .activity(parent.kind)?
        .plant(&mut unit, &parent, content)
        .await?;
    let of_page = |page: Uuid| jobs.iter().find(|job| job.page_id == Some(page)).map(|job| job.id);
    let baselines = baselines
        .into_iter()
        .filter_map(|(page, baseline)| Some((of_page(page)?, baseline)));
    set_baselines(&unit, baselines.collect()).await?;
    write_events(&mut unit, work, &parent, &jobs, &planned).await?;
    let change = AccountChange {
        account: parent.account_id,
        running: -1,
        movements,
        jobs: std::iter::once(&parent).chain(&jobs).map(|job| job.id).collect(),
    };
    credits::apply_covered(&mut unit, change).await?;
    log_queued(&mut unit, &jobs);
    unit.after_commit(Notice::Work);
    crate::faults::point("inside_fan_out");
    unit.commit().await?;
    Ok(Tried::Done(Box::new(parent)))
}

async fn become_parent(unit: &Unit, work: &Work, children: usize, charged: i64) -> Result<job::Model> {
    let text = "UPDATE jobs SET run_lease = run_lease + 1, fanned_out = $3, lease_owner = NULL, \
                lease_expires_at = NULL, deadline_at = NULL, children_total = $4, children_open = $4, charged = $5, \
                phase = 'writing', event_lease = run_lease + 1, event_n = $4, version = version + 1, \
                prompt_tokens = $6, completion_tokens = $7, model = $8 \
                WHERE id = $1 AND state = 'running' AND run_lease = $2 AND cancel_requested_at IS NULL RETURNING *";
    let values = [
        work.job.id.into(),
        work.job.run_lease.into(),
        true.into(),
        i32::try_from(children).unwrap_or(i32::MAX).into(),
        charged.into(),
        work.job.prompt_tokens.into(),
        work.job.completion_tokens.into(),
        work.job.model.clone().into(),
    ];
    row::one(unit, text, values).await?.ok_or(Error::LostLease)
}

async fn start_children(
    unit: &Unit,
    work: &Work,
    parent: &job::Model,
    children: &[Child],
    price: i64,
) -> Result<Vec<job::Model>> {
    let site = parent
        .blueprint_id
        .ok_or_else(|| Error::internal("a site job without a site"))?;
    let mut children: Vec<&Child> = children.iter().collect();
    children.sort_by_key(|child| child.page);
    let new = children.into_iter().map(|child| NewJob {
        id: new_id(),
        kind: JobKind::Page,
        blueprint_id: site,
        page_id: Some(child.page),
        block_id: None,
        parent_id: Some(parent.id),
        start_key: None,
        price,
        page_price: None,
        input: child.input.clone(),
    });
    insert_jobs(unit, &work.engine, parent.account_id, &new.collect::<Vec<_>>()).await
}

/// The plan's hold becomes those of the pages; none of them needs more than it held.
async fn move_holds(
    unit: &Unit,
    parent: &job::Model,
    jobs: &[job::Model],
    structure_price: i64,
    page_price: i64,
) -> Result<Vec<Movement>> {
    let mut movements = Vec::with_capacity(jobs.len() + 2);
    let closed = credits::close_holds(unit, &[(parent.id, structure_price)]).await?;
    if let Some((captured, released)) = closed.get(&parent.id) {
        movements.extend(Movement::settle(parent.id, *captured, *released));
    }
    let holds: Vec<(Uuid, i64)> = jobs.iter().map(|job| (job.id, page_price)).collect();
    movements.extend(credits::open_holds(unit, parent.account_id, &holds).await?);
    Ok(movements)
}

async fn write_events(
    unit: &mut Unit,
    work: &Work,
    parent: &job::Model,
    jobs: &[job::Model],
    planned: &[JobEvent],
) -> Result<()> {
    let mut before = append::durable_position(&work.job);
    let mut entries = Vec::with_capacity(planned.len() + jobs.len());
    for (index, event) in planned.iter().enumerate() {
        let at = Position::new(parent.run_lease, index as i64 + 1);
        entries.push(JobEntry {
            job: parent.id,
            at,
            // The first item of a lease follows the last durable event; unfinished text is void.
            durable: Some(before),
            item: Some(before),
            event,
        });
        before = at;
    }
    entries.extend(jobs.iter().map(|job| JobEntry {
        job: job.id,
        at: Position::new(1, 1),
        durable: None,
        item: None,
        event: &JobEvent::Queued,
    }));
    append::job_events(unit, &entries).await
}

/// One line a page job, as for every other start.
fn log_queued(unit: &mut Unit, jobs: &[job::Model]) {
    for (id, price) in jobs.iter().map(|job| (job.id, job.price)) {
        unit.log_after_commit(move || tracing::info!(job.id = %id, job.kind = "page", price, "job queued"));
    }
}
