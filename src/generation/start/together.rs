//! The transaction of one start or of several: the keys, the things through their owner, the jobs with their holds.
//!
//! No network call is made inside it; the wake-up follows the commit and is only a hint.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use tracing::Span;
use uuid::Uuid;

use super::{Asked, Started, What};
use crate::app::App;
use crate::audit;
use crate::credits::{self, Prices};
use crate::entities::{JobKind, PageStatus, blueprint, job, page};
use crate::error::{Error, Refusal, Result};
use crate::events::Unit;
use crate::ids::{GlobalId, IdKind, new_id};
use crate::jobs::{Joint, Key, KeyClaim, NewJob, claim_keys, enqueue, running_refusal, set_baselines};
use crate::sites::store;

/// Starts of one account.
pub(super) struct Starts {
    pub app: App,
    pub account: Uuid,
}

impl Joint for Starts {
    type Work = Asked;
    type Made = Started;

    async fn together(&self, asked: &[Asked]) -> Result<Option<Vec<Started>>> {
        let made = try_all(&self.app, self.account, asked);
        self.app.db.unless_away(made).await
    }

    async fn alone(&self, asked: &Asked) -> Result<Started> {
        let started = self.together(std::slice::from_ref(asked)).await?;
        let started = started.and_then(|mut started| started.pop());
        started.ok_or_else(|| Error::internal("a start by itself could not be made by itself"))
    }

    fn weight(asked: &Asked) -> usize {
        asked.pages().len().max(1)
    }
}

/// None when they cannot be made together: one of several replays another start.
async fn try_all(app: &App, account: Uuid, asked: &[Asked]) -> Result<Option<Vec<Started>>> {
    let mut unit = app.engine.unit().await?;
    let keys = asked.iter().map(|one| Key {
        key: &one.key,
        hash: &one.hash,
    });
    match claim_keys(&unit, account, &keys.collect::<Vec<_>>()).await? {
        KeyClaim::New => {}
        KeyClaim::Replay(jobs) => {
            unit.rollback().await?;
            return Ok(Some(vec![Started { jobs, replayed: true }]));
        }
        KeyClaim::Known => {
            unit.rollback().await?;
            return Ok(None);
        }
    }
    let found = Found::look(app, &unit, account, asked).await?;
    let mut new = Vec::new();
    for one in asked {
        new.extend(found.jobs(one)?);
    }
    let enqueued = enqueue(&mut unit, &app.engine, account, new, store::MARK_GENERATING).await?;
    if !enqueued.are_there {
        return Err(gone(&unit, account, asked, &found).await?);
    }
    refuse_running(&unit, &enqueued.jobs).await?;
    take_pages(&unit, &enqueued.jobs, asked).await?;
    let mut jobs: HashMap<String, Vec<job::Model>> = HashMap::with_capacity(asked.len());
    for job in &enqueued.jobs {
        let key = job.start_key.clone().unwrap_or_default();
        jobs.entry(key).or_default().push(job.clone());
    }
    let of = |one: &Asked| jobs.get(&one.key).map(Vec::as_slice).unwrap_or_default();
    let concluded = asked.iter().filter_map(|one| {
        let made = of(one).iter().map(|job| GlobalId::new(IdKind::Job, job.id));
        Some((one.entries.as_ref()?, made.collect()))
    });
    audit::conclude(&unit.tx, concluded).await?;
    enqueued.pay(&mut unit, &app.engine).await?;
    for one in asked {
        log_queued(&mut unit, &one.span, of(one));
    }
    crate::faults::point("before_start_commit");
    unit.commit().await?;
    crate::faults::point("after_start_commit");
    let started = asked.iter().map(|one| Started {
        jobs: of(one).to_vec(),
        replayed: false,
    });
    Ok(Some(started.collect()))
}

/// One line a job, once the commit has made it true, also when nobody waits for the answer any more.
fn log_queued(unit: &mut Unit, span: &Span, jobs: &[job::Model]) {
    for (id, kind, price) in jobs.iter().map(|job| (job.id, job.kind, job.price)) {
        let span = span.clone();
        unit.log_after_commit(move || {
            let _in_its_span = span.enter();
            tracing::info!(job.id = %id, job.kind = kind.as_str(), price, "job queued");
        });
    }
}

/// What starts need to know before they write, read through the owner.
struct Found<'a> {
    app: &'a App,
    prices: Prices,
    pages: HashMap<Uuid, page::Model>,
    sites: HashMap<Uuid, blueprint::Model>,
}

impl<'a> Found<'a> {
    async fn look(app: &'a App, unit: &Unit, account: Uuid, asked: &[Asked]) -> Result<Self> {
        let pages: Vec<Uuid> = asked.iter().flat_map(Asked::pages).copied().collect();
        let sites: Vec<Uuid> = asked.iter().filter_map(Asked::planned).collect();
        let pages = match pages.is_empty() {
            true => Vec::new(),
            false => store::own_pages(&unit.tx, account, &pages).await?,
        };
        let sites = match sites.is_empty() {
            true => Vec::new(),
            false => store::own_blueprints(&unit.tx, account, &sites).await?,
        };
        Ok(Found {
            app,
            prices: credits::prices(&unit.tx).await?,
            pages: pages.into_iter().map(|page| (page.id, page)).collect(),
            sites: sites.into_iter().map(|site| (site.id, site)).collect(),
        })
    }

    fn jobs(&self, asked: &Asked) -> Result<Vec<NewJob>> {
        let Prices { structure, page, .. } = self.prices;
        let job = |kind, blueprint_id, price, input| NewJob {
            id: new_id(),
            kind,
            blueprint_id,
            page_id: None,
            block_id: None,
            parent_id: None,
            start_key: Some(asked.key.clone()),
            price,
            page_price: None,
            input,
        };
        let instructions = &asked.instructions;
        match &asked.what {
            What::Pages(ids) => {
                let of_page = |id: &Uuid| {
                    let found = self.pages.get(id);
                    let found = found.ok_or_else(|| Refusal::not_found(&asked.path, "page"))?;
                    let input = json!({ "instructions": instructions });
                    Ok(NewJob {
                        page_id: Some(*id),
                        ..job(JobKind::Page, found.blueprint_id, page, input)
                    })
                };
                ids.iter().map(of_page).collect()
            }
            What::Plan { kind, site, max_pages } => {
                let found = self.sites.get(site);
                let found = found.ok_or_else(|| Refusal::not_found(&asked.path, "site"))?;
                // Said with the start, so that whoever watches knows it before a word is written.
                let language = found.brief["language"].as_str().unwrap_or_default();
                let warnings = self.app.ai.warnings(language);
                let input = json!({ "instructions": instructions, "maxPages": max_pages, "warnings": warnings });
                let is_site = *kind == JobKind::Site;
                let price = structure + if is_site { page * max_pages } else { 0 };
                Ok(vec![NewJob {
                    page_price: is_site.then_some(page),
                    ..job(*kind, *site, price, input)
                }])
            }
        }
    }
}

/// The refusal of starts of which one's site was deleted between the look and its lock.
async fn gone(unit: &Unit, account: Uuid, asked: &[Asked], found: &Found<'_>) -> Result<Error> {
    for one in asked {
        let of_pages = one
            .pages()
            .iter()
            .filter_map(|page| Some(found.pages.get(page)?.blueprint_id));
        for site in of_pages.chain(one.planned()) {
            if store::blueprint(&unit.tx, account, site).await?.is_none() {
                return Ok(Refusal::not_found(&one.path, "site").into());
            }
        }
    }
    Ok(Error::internal("a site is gone and is there"))
}

/// A plan must not move the pages that are being written, and no page is begun under a plan. Asked under the sites'
/// locks: of two such starts at the same time the later sees the earlier.
async fn refuse_running(unit: &Unit, own: &[job::Model]) -> Result<()> {
    let of = |are_plans: bool| {
        let of_kind = own.iter().filter(move |job| is_plan(job.kind) == are_plans);
        of_kind.filter_map(|job| job.blueprint_id).collect::<BTreeSet<Uuid>>()
    };
    let (planned, written) = (of(true), of(false));
    if !written.is_empty() {
        let query = job::Entity::find()
            .filter(job::Column::BlueprintId.is_in(written))
            .filter(job::Column::Kind.is_in([JobKind::Structure, JobKind::Site]))
            .filter(job::Column::FannedOut.eq(false))
            .filter(job::Column::FinishedAt.is_null());
        if let Some(job) = query.one(&unit.tx).await? {
            return Err(running_refusal(job.id).into());
        }
    }
    if !planned.is_empty() {
        let query = job::Entity::find()
            .filter(job::Column::BlueprintId.is_in(planned))
            .filter(job::Column::Kind.is_in([JobKind::Page, JobKind::Block]))
            .filter(job::Column::FinishedAt.is_null());
        if let Some(job) = query.one(&unit.tx).await? {
            return Err(running_refusal(job.parent_id.unwrap_or(job.id)).into());
        }
    }
    Ok(())
}

fn is_plan(kind: JobKind) -> bool {
    matches!(kind, JobKind::Structure | JobKind::Site)
}

/// Marks the pages and remembers which revisions each job may replace, under the sites' locks.
async fn take_pages(unit: &Unit, jobs: &[job::Model], asked: &[Asked]) -> Result<()> {
    let pages: Vec<Uuid> = jobs.iter().filter_map(|job| job.page_id).collect();
    if pages.is_empty() {
        return Ok(());
    }
    store::set_page_statuses(unit, &pages, PageStatus::Generating).await?;
    let mut baselines = store::baselines(&unit.tx, &pages).await?;
    let mut of_jobs = Vec::with_capacity(pages.len());
    for job in jobs {
        let Some(page) = job.page_id else { continue };
        let Some(baseline) = baselines.remove(&page) else {
            let message = "Every section of this page is locked. Unlock one before you start.";
            let one = asked.iter().find(|one| one.pages().contains(&page));
            let path = one.map_or(["input", "pageId"], |one| one.path);
            return Err(Refusal::invalid(&path, "LOCKED", message).into());
        };
        of_jobs.push((job.id, serde_json::to_value(baseline)?));
    }
    set_baselines(unit, of_jobs).await
}
