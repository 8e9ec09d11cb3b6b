//! What the starts, the cancel and the lists of jobs take.

use async_graphql::{ID, InputObject, OneofObject};
use sea_orm::{ColumnTrait, QueryFilter, Select};
use uuid::Uuid;

use super::types::{JobKind, JobState};
use crate::entities::{self, job};
use crate::graphql::node;
use crate::ids::IdKind;

/// Plans a site.
#[derive(InputObject)]
pub struct GenerateStructureInput {
    /// The site to plan.
    pub blueprint_id: ID,
    /// Your name for this start, 1 to 128 characters, such as a random UUID. Sending the same key with the same input again
    /// starts nothing and answers with the same job, so a lost answer can be asked for again.
    pub idempotency_key: String,
    /// What this plan should heed beside the brief: at most 2,000 characters.
    pub instructions: Option<String>,
}

/// Writes one page.
#[derive(InputObject)]
pub struct GeneratePageInput {
    /// The page to write. The blocks of a page that has been written are written anew, except for locked ones.
    pub page_id: ID,
    /// Your name for this start, 1 to 128 characters, such as a random UUID. Sending the same key with the same input again
    /// starts nothing and answers with the same job, so a lost answer can be asked for again.
    pub idempotency_key: String,
    /// What this page should heed beside the brief: at most 2,000 characters.
    pub instructions: Option<String>,
}

/// Writes several pages, each as a job of its own: all of them are started, or none.
#[derive(InputObject)]
pub struct GeneratePagesInput {
    /// The pages to write, each once.
    pub page_ids: Vec<ID>,
    /// Your name for this start, 1 to 128 characters, such as a random UUID. Sending the same key with the same input again
    /// starts nothing and answers with the same jobs, so a lost answer can be asked for again.
    pub idempotency_key: String,
    /// What these pages should heed beside the brief: at most 2,000 characters.
    pub instructions: Option<String>,
}

/// Plans a site and writes all its pages.
#[derive(InputObject)]
pub struct GenerateSiteInput {
    /// The site to make.
    pub blueprint_id: ID,
    /// Your name for this start, 1 to 128 characters, such as a random UUID. Sending the same key with the same input again
    /// starts nothing and answers with the same job, so a lost answer can be asked for again.
    pub idempotency_key: String,
    /// What the plan and the pages should heed beside the brief: at most 2,000 characters.
    pub instructions: Option<String>,
    /// The most pages the plan may have, 1 to 12. The price of so many is set aside; what is not used is released.
    #[graphql(default = 8)]
    pub max_pages: i64,
}

/// The job to cancel.
#[derive(InputObject)]
pub struct CancelJobInput {
    /// The job's global id.
    pub job_id: ID,
}

/// A start to price. Exactly one field.
#[derive(OneofObject)]
pub enum QuoteInput {
    /// As generateStructure would start it.
    Structure(QuoteStructureInput),
    /// As generatePage would start it.
    Page(QuotePageInput),
    /// As generatePages would start it.
    Pages(QuotePagesInput),
    /// As generateSite would start it.
    Site(QuoteSiteInput),
}

/// Planning a site.
#[derive(InputObject)]
pub struct QuoteStructureInput {
    /// The site to plan.
    pub blueprint_id: ID,
}

/// Writing one page.
#[derive(InputObject)]
pub struct QuotePageInput {
    /// The page to write.
    pub page_id: ID,
}

/// Writing several pages.
#[derive(InputObject)]
pub struct QuotePagesInput {
    /// The pages to write, each once.
    pub page_ids: Vec<ID>,
}

/// Planning a site and writing all its pages.
#[derive(InputObject)]
pub struct QuoteSiteInput {
    /// The site to make.
    pub blueprint_id: ID,
    /// The most pages the plan may have, 1 to 12.
    #[graphql(default = 8)]
    pub max_pages: i64,
}

/// Only some jobs. Fields that are left out do not narrow the list.
#[derive(InputObject, Default)]
pub struct JobFilter {
    /// Only jobs in one of these states.
    states: Option<Vec<JobState>>,
    /// Only jobs of these kinds.
    kinds: Option<Vec<JobKind>>,
    /// Only jobs of this site; an id that names no site of yours gives an empty list. The jobs of a deleted site stay.
    blueprint_id: Option<ID>,
}

impl JobFilter {
    pub fn apply(self, mut select: Select<job::Entity>) -> Select<job::Entity> {
        if let Some(states) = self.states {
            let states = states.into_iter().map(entities::JobState::from);
            select = select.filter(job::Column::State.is_in(states));
        }
        if let Some(kinds) = self.kinds {
            let kinds = kinds.into_iter().map(entities::JobKind::from);
            select = select.filter(job::Column::Kind.is_in(kinds));
        }
        if let Some(id) = self.blueprint_id {
            let site = node::of_kind(IdKind::Blueprint, &id).unwrap_or(Uuid::nil());
            select = select.filter(job::Column::BlueprintId.eq(site));
        }
        select
    }
}
