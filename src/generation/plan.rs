//! Planning a site (structure and site jobs): the model's plan is read, repaired or refused, and applied
//! in the transaction that ends the job or fans it out.

use std::collections::HashMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::context::instructions;
use super::functions::{self, Function, Prepared, Structure};
use super::reader::{Reader, bad_output};
use crate::ai::{Provider, partial};
use crate::entities::{JobPhase, JobState, PageStatus, job};
use crate::error::{Error, Result};
use crate::events::{JobEvent, Unit};
use crate::ids::new_id;
use crate::jobs::{Activity, Child, Done, Ending, Halt, Step, Work};
use crate::sites::merge::{Merge, MergedPage, merge};
use crate::sites::store;
use crate::sites::structure::SiteStructure;

/// How much of a site is done with its plan.
pub const PLAN_OF_A_SITE: f64 = 0.2;

pub struct Plan {
    pub ai: Provider,
    /// The most sections that a page is planned with.
    pub max_sections: usize,
    /// A site job goes on to write the pages it planned.
    pub fans_out: bool,
}

/// What the run hands to the transaction that applies it.
#[derive(Serialize, Deserialize)]
struct Planned {
    structure: SiteStructure,
    /// Page ids of slugs that did not exist when the plan was made.
    new_pages: HashMap<String, Uuid>,
}

#[async_trait]
impl Activity for Plan {
    async fn run(&self, work: &mut Work) -> Result<Done, Halt> {
        let prepared = functions::prepare::<Structure>(&self.ai, work).await?;
        let structure = self.ask(work, &prepared).await?;
        let site = prepared.site;
        work.checkpoint(Step::new(JobPhase::Saving, self.share_of(1.0))).await?;
        let new_pages = store::new_page_ids(&structure, &site.pages);
        let merged = merge(&structure, &site.pages, &site.blocks, &new_pages, new_id);
        let result = json!({ "pages": merged.pages.len() });
        if self.fans_out {
            let children = children(&merged, work.job());
            let content = serde_json::to_value(Planned { structure, new_pages }).map_err(Error::from)?;
            if !children.is_empty() {
                return Ok(Done::FanOut { content, children });
            }
            return Ok(Done::Result {
                result,
                content,
                events: Vec::new(),
                last: None,
            });
        }
        let events = merged
            .pages
            .iter()
            .map(|page| JobEvent::PagePlanned { page_id: page.id })
            .collect();
        let content = serde_json::to_value(Planned { structure, new_pages }).map_err(Error::from)?;
        Ok(Done::Result {
            result,
            content,
            events,
            last: None,
        })
    }

    async fn close(&self, unit: &mut Unit, endings: &[Ending<'_>]) -> Result<()> {
        for ending in endings {
            if let (JobState::Succeeded, Some(content), Some(site)) =
                (ending.job.state, ending.content, ending.job.blueprint_id)
            {
                apply(unit, site, content).await?;
            }
        }
        store::settle_blueprints(unit, endings.iter().filter_map(|ending| ending.job.blueprint_id)).await
    }

    async fn plant(&self, unit: &mut Unit, job: &job::Model, content: &Value) -> Result<Vec<(Uuid, Value)>> {
        let blueprint = job
            .blueprint_id
            .ok_or_else(|| Error::internal("a site job without a site"))?;
        let merged = apply(unit, blueprint, content).await?;
        let pages: Vec<Uuid> = merged.pages.iter().filter(has_work).map(|page| page.id).collect();
        store::set_page_statuses(unit, &pages, PageStatus::Generating).await?;
        let baselines = store::baselines(&unit.tx, &pages).await?;
        let baselines = baselines
            .into_iter()
            .map(|(page, baseline)| Ok((page, serde_json::to_value(baseline)?)));
        baselines.collect()
    }
}

impl Plan {
    /// The job's progress when its plan has come so far: of a site the pages are most.
    fn share_of(&self, plan: f64) -> f64 {
        match self.fans_out {
            true => plan * PLAN_OF_A_SITE,
            false => plan,
        }
    }

    async fn ask(&self, work: &mut Work, prepared: &Prepared) -> Result<SiteStructure, Halt> {
        let max_pages = usize::try_from(work.job().input["maxPages"].as_u64().unwrap_or(1)).unwrap_or(1);
        let function = Structure {
            site: &prepared.site,
            max_pages,
            max_sections: self.max_sections,
            instructions: instructions(work.job()),
        };
        let correction = work.job().correction.clone();
        let request = prepared.request(work.job(), &function, correction);
        let mut reader = Reader::new(self.ai.stream(request), "pages");
        reader.ask(work, Step::new(JobPhase::WaitingForModel, 0.0)).await?;
        let mut pages = 0_usize;
        while let Some(events) = reader.next(work).await? {
            let closed = events
                .iter()
                .filter(|event| matches!(event, partial::Event::Closed { .. }))
                .count();
            if closed > 0 {
                // How many pages there will be is the model's secret: the last step belongs to the checks.
                pages += closed;
                let progress = pages.min(max_pages) as f64 / (max_pages + 1) as f64;
                let step = Step::new(JobPhase::Writing, self.share_of(progress));
                work.checkpoint(step).await?;
            }
        }
        let reply = reader.finish()?;
        let (structure, repairs) = function.read(reply).map_err(|problems| bad_output(&problems))?;
        if !repairs.is_empty() {
            tracing::info!(repairs = repairs.len(), "the plan was repaired");
        }
        Ok(structure)
    }
}

fn children(merged: &Merge, job: &job::Model) -> Vec<Child> {
    let writable = merged.pages.iter().filter(has_work);
    let child = |page: Uuid| Child {
        page,
        input: json!({ "instructions": instructions(job) }),
    };
    writable.map(|page| child(page.id)).collect()
}

fn has_work(page: &&MergedPage) -> bool {
    page.blocks.iter().any(|block| !block.is_locked)
}

/// Lays the plan over the rows as they stand now, under the blueprint's lock.
async fn apply(unit: &Unit, blueprint: Uuid, content: &Value) -> Result<Merge> {
    let planned: Planned = serde_json::from_value(content.clone())?;
    let pages = store::pages_of(&unit.tx, blueprint).await?;
    let ids: Vec<Uuid> = pages.iter().map(|page| page.id).collect();
    let blocks = store::blocks_of(&unit.tx, &ids).await?;
    let merged = merge(&planned.structure, &pages, &blocks, &planned.new_pages, new_id);
    store::apply_plan(unit, blueprint, &planned.structure, &merged).await?;
    Ok(merged)
}
