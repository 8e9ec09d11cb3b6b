//! Starting and cancelling jobs.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use uuid::Uuid;

use super::inputs::{CancelJobInput, GeneratePageInput, GeneratePagesInput, GenerateSiteInput, GenerateStructureInput};
use super::quote;
use super::types::{GenerationJob, GenerationJobEdge};
use crate::error::Refusal;
use crate::generation::{self, Started};
use crate::graphql::accounts::Account;
use crate::graphql::context::Reach;
use crate::graphql::credits::CreditAccount;
use crate::graphql::node;
use crate::graphql::paging::Key;
use crate::graphql::schema::Query;
use crate::graphql::user_error::{UserError, settle};
use crate::ids::IdKind;
use crate::jobs;

/// The started job, or why nothing was started.
#[derive(SimpleObject)]
pub struct StartJobPayload {
    /// The job; null when there are `userErrors`.
    job: Option<GenerationJob>,
    /// The job as an entry of `jobs`, to put into a list that a client holds; null when it was there before.
    job_edge: Option<GenerationJobEdge>,
    /// The credits after the start.
    credits: Option<CreditAccount>,
    /// Whether this idempotency key had started this job before: nothing was started now.
    replayed: bool,
    /// Why it was not done; empty when it was. Errors: VALIDATION, NOT_FOUND, INSUFFICIENT_CREDITS, ALREADY_RUNNING,
    /// LIMIT_EXCEEDED, IDEMPOTENCY_KEY_REUSED.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

/// The started jobs, or why none was started.
#[derive(SimpleObject)]
pub struct StartJobsPayload {
    /// The jobs, one a page; empty when there are `userErrors`.
    jobs: Vec<GenerationJob>,
    /// The jobs as entries of `jobs`, to put into a list that a client holds; empty when they were there before.
    job_edges: Vec<GenerationJobEdge>,
    /// The credits after the start.
    credits: Option<CreditAccount>,
    /// Whether this idempotency key had started these jobs before: nothing was started now.
    replayed: bool,
    /// Why it was not done; empty when it was. Errors: VALIDATION, NOT_FOUND, INSUFFICIENT_CREDITS, ALREADY_RUNNING,
    /// LIMIT_EXCEEDED, IDEMPOTENCY_KEY_REUSED.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

/// The job whose end was asked for, or why it was not.
#[derive(SimpleObject)]
pub struct CancelJobPayload {
    /// The job: CANCELLED when it was queued, with `cancelRequested` when it was running, unchanged when it had ended.
    job: Option<GenerationJob>,
    /// The credits after the change.
    credits: Option<CreditAccount>,
    /// Why it was not done; empty when it was. Errors: NOT_FOUND.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

#[derive(Default)]
pub struct JobMutations;

#[Object]
impl JobMutations {
    /// Plans a site: theme, menus, pages and their sections. Costs the STRUCTURE price, charged when it succeeds. Needs the
    /// role EDITOR.
    async fn generate_structure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to start.")] input: GenerateStructureInput,
    ) -> Result<StartJobPayload> {
        let account = ctx.caller().account;
        let (key, instructions) = (&input.idempotency_key, input.instructions);
        let outcome = match blueprint(&input.blueprint_id) {
            Ok(id) => generation::start_structure(ctx.app(), account, id, key, instructions).await,
            Err(refusal) => Err(refusal.into()),
        };
        started_one(ctx, outcome).await
    }

    /// Writes one page, block by block. Costs the PAGE price, charged when it succeeds; when it is cancelled, the part that
    /// was written. Needs the role EDITOR.
    async fn generate_page(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to start.")] input: GeneratePageInput,
    ) -> Result<StartJobPayload> {
        let account = ctx.caller().account;
        let (key, instructions) = (&input.idempotency_key, input.instructions);
        let outcome = match node::named(IdKind::Page, &input.page_id, &["input", "pageId"], "page") {
            Ok(id) => generation::start_page(ctx.app(), account, id, key, instructions).await,
            Err(refusal) => Err(refusal.into()),
        };
        started_one(ctx, outcome).await
    }

    /// Writes several pages, each as a job of its own: all of them are started, or none. Costs the PAGE price for each.
    /// Needs the role EDITOR.
    async fn generate_pages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to start.")] input: GeneratePagesInput,
    ) -> Result<StartJobsPayload> {
        let account = ctx.caller().account;
        let (key, instructions) = (&input.idempotency_key, input.instructions);
        let outcome = match quote::pages(&input.page_ids, &["input"]) {
            Ok(ids) => generation::start_pages(ctx.app(), account, &ids, key, instructions).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (started, user_errors) = settle(ctx, outcome).await?;
        let replayed = started.as_ref().is_some_and(|started| started.replayed);
        let jobs = started.map(|started| started.jobs).unwrap_or_default();
        let jobs: Vec<_> = jobs.into_iter().map(GenerationJob::from).collect();
        let job_edges = jobs.iter().filter(|_| !replayed).map(edge).collect();
        let credits = credits(ctx).await?;
        Ok(StartJobsPayload {
            jobs,
            job_edges,
            credits,
            replayed,
            user_errors,
            query: Query::default(),
        })
    }

    /// Plans a site and writes all its pages, as one job with a child for each page. Sets the STRUCTURE price and the PAGE
    /// price times `maxPages` aside; what the plan does not use is released. Needs the role EDITOR.
    async fn generate_site(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to start.")] input: GenerateSiteInput,
    ) -> Result<StartJobPayload> {
        let account = ctx.caller().account;
        let (key, instructions, most) = (&input.idempotency_key, input.instructions, input.max_pages);
        let outcome = match blueprint(&input.blueprint_id) {
            Ok(id) => generation::start_site(ctx.app(), account, id, key, instructions, most).await,
            Err(refusal) => Err(refusal.into()),
        };
        started_one(ctx, outcome).await
    }

    /// Asks for the end of a job. A queued job ends at once, a running one within seconds, a SITE job with all its pages;
    /// one that has ended stays as it is. Needs the role EDITOR.
    async fn cancel_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to cancel.")] input: CancelJobInput,
    ) -> Result<CancelJobPayload> {
        let account = ctx.caller().account;
        let outcome = match node::named(IdKind::Job, &input.job_id, &["input", "jobId"], "job") {
            Ok(id) => jobs::cancel(&ctx.app().engine, account, id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (job, user_errors) = settle(ctx, outcome).await?;
        let (job, credits) = (job.map(GenerationJob::from), credits(ctx).await?);
        Ok(CancelJobPayload {
            job,
            credits,
            user_errors,
            query: Query::default(),
        })
    }
}

async fn started_one(ctx: &Context<'_>, outcome: crate::error::Result<Started>) -> Result<StartJobPayload> {
    let (started, user_errors) = settle(ctx, outcome).await?;
    let replayed = started.as_ref().is_some_and(|started| started.replayed);
    let job = started
        .and_then(|started| started.jobs.into_iter().next())
        .map(GenerationJob::from);
    let job_edge = job.as_ref().filter(|_| !replayed).map(edge);
    let credits = credits(ctx).await?;
    Ok(StartJobPayload {
        job,
        job_edge,
        credits,
        replayed,
        user_errors,
        query: Query::default(),
    })
}

fn edge(job: &GenerationJob) -> GenerationJobEdge {
    GenerationJobEdge {
        node: job.clone(),
        cursor: job.0.id.encode(),
    }
}

/// Read only for who asks for them: every start comes along here.
async fn credits(ctx: &Context<'_>) -> Result<Option<CreditAccount>> {
    if !ctx.look_ahead().field("credits").exists() {
        return Ok(None);
    }
    Ok(Some(CreditAccount(Account::of_caller(ctx).await?.0)))
}

fn blueprint(id: &ID) -> Result<Uuid, Refusal> {
    node::named(IdKind::Blueprint, id, &["input", "blueprintId"], "site")
}
