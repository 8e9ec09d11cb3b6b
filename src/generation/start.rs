//! Starting work: the key, the thing through its owner, the job with its hold, all in one transaction.
//!
//! No network call is made inside it; the wake-up follows the commit and is only a hint.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::audit;
use crate::credits::{self, Prices};
use crate::db::execute;
use crate::entities::{JobKind, PageStatus, job, page};
use crate::error::{Error, Refusal, Result};
use crate::events::Unit;
use crate::ids::{GlobalId, IdKind, new_id};
use crate::jobs::{Enqueued, KeyClaim, NewJob, claim_key, enqueue, request_hash, running_refusal};
use crate::sites::{blueprints, brief, store};

/// The most pages one site has.
const MAX_PAGES: i64 = crate::sites::structure::MAX_PAGES as i64;

/// Jobs that a start made, or that an earlier start under the same key had made.
#[derive(Debug, Clone)]
pub struct Started {
    pub jobs: Vec<job::Model>,
    pub replayed: bool,
}

/// Plans a site: 50 credits unless the price list says otherwise.
pub async fn start_structure(
    app: &App,
    account: Uuid,
    blueprint: Uuid,
    key: &str,
    instructions: Option<String>,
) -> Result<Started> {
    let instructions = check(key, instructions)?;
    let request = json!({ "blueprint": blueprint, "instructions": instructions });
    let unit = match begin(app, account, key, "generateStructure", &request).await? {
        Begun::Replay(started) => return Ok(started),
        Begun::New(unit) => unit,
    };
    let price = credits::prices(&unit.tx).await?.structure;
    let input = json!({ "instructions": instructions, "maxPages": DEFAULT_PAGES });
    let job = NewJob {
        input,
        ..new_job(JobKind::Structure, blueprint, price)
    };
    start_plan(app, account, key, unit, job).await
}

/// Pages that a plan on its own may have.
const DEFAULT_PAGES: i64 = 8;

/// Plans a site and writes every page, under one hold for all of it.
pub async fn start_site(
    app: &App,
    account: Uuid,
    blueprint: Uuid,
    key: &str,
    instructions: Option<String>,
    max_pages: i64,
) -> Result<Started> {
    let instructions = check(key, instructions)?;
    if !(1..=MAX_PAGES).contains(&max_pages) {
        let message = format!("maxPages is {max_pages}: choose 1 to {MAX_PAGES}.");
        return Err(Refusal::invalid(&["input", "maxPages"], "RANGE", message).into());
    }
    let request = json!({ "blueprint": blueprint, "instructions": instructions, "maxPages": max_pages });
    let unit = match begin(app, account, key, "generateSite", &request).await? {
        Begun::Replay(started) => return Ok(started),
        Begun::New(unit) => unit,
    };
    let Prices { structure, page, .. } = credits::prices(&unit.tx).await?;
    let job = NewJob {
        page_price: Some(page),
        input: json!({ "instructions": instructions, "maxPages": max_pages }),
        ..new_job(JobKind::Site, blueprint, structure + page * max_pages)
    };
    start_plan(app, account, key, unit, job).await
}

async fn start_plan(app: &App, account: Uuid, key: &str, mut unit: Unit, mut job: NewJob) -> Result<Started> {
    let blueprint = job.blueprint_id;
    let path = ["input", "blueprintId"];
    let Some(site) = store::blueprint(&unit.tx, account, blueprint).await? else {
        return Err(Refusal::not_found(&path, "site").into());
    };
    // Said with the start, so that whoever watches knows it before a word is written.
    let language = site.brief["language"].as_str().unwrap_or_default();
    job.input["warnings"] = json!(app.ai.warnings(language));
    let enqueued = enqueue(&mut unit, &app.engine, account, key, vec![job]).await?;
    store::mark_generating(&unit, account, blueprint, &path).await?;
    // Under the blueprint's lock: a plan must not move the pages that are being written.
    refuse_running(&unit, blueprint, &[JobKind::Page, JobKind::Block], &enqueued.jobs).await?;
    commit(app, unit, enqueued).await
}

/// Writes one page: 20 credits unless the price list says otherwise.
pub async fn start_page(
    app: &App,
    account: Uuid,
    page: Uuid,
    key: &str,
    instructions: Option<String>,
) -> Result<Started> {
    let request = json!({ "page": page, "instructions": instructions });
    let asked = Pages {
        ids: &[page],
        mutation: "generatePage",
        request,
        path: &["input", "pageId"],
    };
    start_some(app, account, key, instructions, asked).await
}

/// Writes several pages, all or none of them.
pub async fn start_pages(
    app: &App,
    account: Uuid,
    pages: &[Uuid],
    key: &str,
    instructions: Option<String>,
) -> Result<Started> {
    let path = ["input", "pageIds"];
    let mut sorted = pages.to_vec();
    sorted.sort();
    sorted.dedup();
    if sorted.is_empty() || sorted.len() != pages.len() || pages.len() > 100 {
        let message = "Name 1 to 100 pages, each once.";
        return Err(Refusal::invalid(&path, "RANGE", message).into());
    }
    let request = json!({ "pages": sorted, "instructions": instructions });
    let asked = Pages {
        ids: &sorted,
        mutation: "generatePages",
        request,
        path: &path,
    };
    start_some(app, account, key, instructions, asked).await
}

struct Pages<'a> {
    ids: &'a [Uuid],
    mutation: &'a str,
    request: Value,
    path: &'a [&'a str],
}

async fn start_some(
    app: &App,
    account: Uuid,
    key: &str,
    instructions: Option<String>,
    asked: Pages<'_>,
) -> Result<Started> {
    let instructions = check(key, instructions)?;
    let mut unit = match begin(app, account, key, asked.mutation, &asked.request).await? {
        Begun::Replay(started) => return Ok(started),
        Begun::New(unit) => unit,
    };
    let mut pages: Vec<page::Model> = Vec::with_capacity(asked.ids.len());
    for id in asked.ids {
        let page = store::page(&unit.tx, account, *id).await?;
        pages.push(page.ok_or_else(|| Refusal::not_found(asked.path, "page"))?);
    }
    let price = credits::prices(&unit.tx).await?.page;
    let new = pages.iter().map(|page| NewJob {
        page_id: Some(page.id),
        input: json!({ "instructions": instructions }),
        ..new_job(JobKind::Page, page.blueprint_id, price)
    });
    let enqueued = enqueue(&mut unit, &app.engine, account, key, new.collect()).await?;
    let mut sites: Vec<Uuid> = pages.iter().map(|page| page.blueprint_id).collect();
    sites.sort();
    sites.dedup();
    for site in sites {
        store::mark_generating(&unit, account, site, asked.path).await?;
        refuse_planning(&unit, site).await?;
    }
    for job in &enqueued.jobs {
        take_page(&unit, job, asked.path).await?;
    }
    commit(app, unit, enqueued).await
}

/// Marks the page and remembers which revisions the job may replace, under the page's lock.
async fn take_page(unit: &Unit, job: &job::Model, path: &[&str]) -> Result<()> {
    let Some(page) = job.page_id else { return Ok(()) };
    store::set_page_status(unit, page, PageStatus::Generating).await?;
    let baseline = store::baseline(&unit.tx, page).await?;
    if baseline.is_empty() {
        let message = "Every section of this page is locked. Unlock one before you start.";
        return Err(Refusal::invalid(path, "LOCKED", message).into());
    }
    let baseline = serde_json::to_value(baseline)?;
    execute(
        &unit.tx,
        "UPDATE jobs SET baseline = $2 WHERE id = $1",
        [job.id.into(), baseline.into()],
    )
    .await?;
    Ok(())
}

/// Under the blueprint's lock, so that a plan that starts at the same time sees us or is seen.
async fn refuse_planning(unit: &Unit, blueprint: Uuid) -> Result<()> {
    let query = job::Entity::find()
        .filter(job::Column::BlueprintId.eq(blueprint))
        .filter(job::Column::Kind.is_in([JobKind::Structure, JobKind::Site]))
        .filter(job::Column::FannedOut.eq(false))
        .filter(job::Column::FinishedAt.is_null());
    match query.one(&unit.tx).await? {
        Some(job) => Err(running_refusal(job.id).into()),
        None => Ok(()),
    }
}

async fn refuse_running(unit: &Unit, blueprint: Uuid, kinds: &[JobKind], own: &[job::Model]) -> Result<()> {
    let query = job::Entity::find()
        .filter(job::Column::BlueprintId.eq(blueprint))
        .filter(job::Column::Kind.is_in(kinds.iter().copied()))
        .filter(job::Column::Id.is_not_in(own.iter().map(|job| job.id)))
        .filter(job::Column::FinishedAt.is_null());
    match query.one(&unit.tx).await? {
        Some(job) => Err(running_refusal(job.parent_id.unwrap_or(job.id)).into()),
        None => Ok(()),
    }
}

enum Begun {
    New(Unit),
    Replay(Started),
}

async fn begin(app: &App, account: Uuid, key: &str, mutation: &str, request: &Value) -> Result<Begun> {
    let unit = app.engine.unit().await?;
    match claim_key(&unit, account, key, &request_hash(mutation, request)).await? {
        KeyClaim::New => Ok(Begun::New(unit)),
        KeyClaim::Replay(jobs) => {
            unit.rollback().await?;
            Ok(Begun::Replay(Started { jobs, replayed: true }))
        }
    }
}

async fn commit(app: &App, mut unit: Unit, enqueued: Enqueued) -> Result<Started> {
    let ids = enqueued.jobs.iter().map(|job| GlobalId::new(IdKind::Job, job.id));
    audit::conclude(&unit.tx, &ids.collect::<Vec<_>>()).await?;
    let jobs = enqueued.pay(&mut unit, &app.engine).await?;
    crate::faults::point("before_start_commit");
    unit.commit().await?;
    crate::faults::point("after_start_commit");
    for job in &jobs {
        tracing::info!(job.id = %job.id, job.kind = job.kind.as_str(), price = job.price, "job queued");
    }
    Ok(Started { jobs, replayed: false })
}

fn new_job(kind: JobKind, blueprint: Uuid, price: i64) -> NewJob {
    NewJob {
        id: new_id(),
        kind,
        blueprint_id: blueprint,
        page_id: None,
        block_id: None,
        parent_id: None,
        price,
        page_price: None,
        input: Value::Null,
        baseline: json!([]),
    }
}

/// What every start checks before it touches the database.
fn check(key: &str, instructions: Option<String>) -> Result<Option<String>> {
    let mut refusals = Vec::new();
    if key.is_empty() || key.chars().count() > 128 || key.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let message = "An idempotencyKey has 1 to 128 characters without spaces; a new UUID for each start is best.";
        refusals.push(Refusal::invalid(&["input", "idempotencyKey"], "FORMAT", message));
    }
    match brief::validate_instructions(&["instructions"], instructions) {
        Ok(instructions) if refusals.is_empty() => return Ok(instructions),
        Ok(_) => {}
        Err(problems) => refusals.extend(problems.into_iter().map(blueprints::refusal)),
    }
    Err(Error::Refused(refusals))
}
