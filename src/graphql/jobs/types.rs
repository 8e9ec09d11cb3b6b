//! A job: what it makes, where it stands, what it costs and how it failed.

use std::sync::Arc;

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use crate::db;
use crate::entities::{self, job};
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::paging::connection;
use crate::graphql::scalars::{Cursor, DateTime};
use crate::graphql::sites::{PageBlueprint, SiteBlueprint};
use crate::ids::{Cursor as Place, IdKind, Position};
use crate::jobs;

/// What a job makes.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::JobKind")]
pub enum JobKind {
    /// The plan of a site.
    Structure,
    /// The blocks of one page.
    Page,
    /// One block, anew.
    Block,
    /// The plan of a site and then all its pages, each as a job of its own (`children`).
    Site,
    /// The published site.
    Publish,
    /// An archive of the site.
    Export,
}

/// Where a job stands; the last four are final.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::JobState")]
pub enum JobState {
    /// It waits: for its turn, or for another attempt. `waitingFor` says for what.
    Queued,
    /// It is being worked on; a SITE job also while its pages are.
    Running,
    /// It delivered its result and was charged its price.
    Succeeded,
    /// It ended without a result; see `error`. It was not charged.
    Failed,
    /// Somebody cancelled it. A page is charged for the blocks that were finished.
    Cancelled,
    /// It brought its process down several times and will not be tried again. It was not charged.
    Quarantined,
}

/// What a running job is doing.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::JobPhase")]
pub enum JobPhase {
    /// It reads the brief and the plan.
    Preparing,
    /// The writer has been asked and has not answered yet.
    WaitingForModel,
    /// The writer is writing.
    Writing,
    /// What was written is checked.
    Checking,
    /// The result is stored.
    Saving,
}

/// Why a queued job is not running.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// The account has as many running jobs as it may; it is next when one of them ends.
    AccountLimit,
    /// All workers are busy, or there is none.
    NoWorker,
    /// An attempt failed and the next one has its time; see the event RetryScheduled.
    Retry,
    /// The writing service is unavailable; it is tried again when it is back.
    Provider,
}

impl From<jobs::WaitReason> for WaitReason {
    fn from(reason: jobs::WaitReason) -> Self {
        match reason {
            jobs::WaitReason::AccountLimit => WaitReason::AccountLimit,
            jobs::WaitReason::NoWorker => WaitReason::NoWorker,
            jobs::WaitReason::Retry => WaitReason::Retry,
            jobs::WaitReason::Provider => WaitReason::Provider,
        }
    }
}

/// Why a job failed, for programs. `JobFailure.message` says the same to people.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum JobFailureCode {
    /// The server failed. Start again; tell the operator if it happens again.
    Internal,
    /// It did not end in time. Start again.
    Deadline,
    /// It brought its process down several times. Tell the operator.
    Crashed,
    /// Some pages of a SITE job failed. Start those pages again.
    PagesFailed,
    /// The writing service refused the server's key. Tell the operator.
    ProviderAuth,
    /// The writing service has no quota left. Tell the operator.
    ProviderQuota,
    /// The writing service is busy. Start again in a few minutes.
    ProviderBusy,
    /// The writing service did not accept the request. Tell the operator.
    ProviderRejected,
    /// The brief is too long for the writing service. Shorten it.
    ContextLength,
    /// The writing service blocked the text as unsafe. Change the brief's wording.
    ContentFilter,
    /// The writing service declined to write this. Change the brief's wording.
    Refused,
    /// The writing service took too long. Start again.
    Timeout,
    /// The writing service could not be reached. Start again in a few minutes.
    Network,
    /// The writing service stopped in the middle. Start again.
    Interrupted,
    /// The writing service answered with something unreadable. Start again.
    BadOutput,
    /// The writing service reached its length limit. Start again, or plan fewer sections.
    Length,
}

impl JobFailureCode {
    /// The code of a stored word; a word from the future is shown as INTERNAL.
    fn of(word: &str) -> JobFailureCode {
        let known = Self::items().iter().find(|item| item.name == word);
        known.map_or(JobFailureCode::Internal, |item| item.value)
    }
}

/// How a job failed.
#[derive(SimpleObject)]
pub struct JobFailure {
    /// Why, for programs.
    code: JobFailureCode,
    /// What happened and what to do next, for people, in English.
    message: String,
    /// Whether the same start may succeed later.
    retryable: bool,
}

/// What the writer used, over all attempts, failed and cancelled calls included.
#[derive(SimpleObject)]
pub struct TokenUsage {
    /// Tokens that the writer read, estimated for calls whose writer did not say.
    prompt_tokens: i64,
    /// Tokens that the writer wrote, estimated for calls whose writer did not say.
    completion_tokens: i64,
    /// The writer's name, such as `offline` or a model's.
    model: String,
    /// How many calls to the writer have ended. They are counted a moment after they end.
    calls: i64,
}

/// A unit of work that was started and paid for: watch it with `jobEvents`.
#[derive(Clone)]
pub struct GenerationJob(pub Arc<job::Model>);

/// A unit of work that was started and paid for: watch it with `jobEvents`.
#[Object]
impl GenerationJob {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::Job, self.0.id)
    }

    /// What it makes.
    async fn kind(&self) -> JobKind {
        self.0.kind.into()
    }

    /// Where it stands.
    async fn state(&self) -> JobState {
        self.0.state.into()
    }

    /// Grows with each change; of two readings the one with the higher version is the newer.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// The site it works for; null once that was deleted, and for a watch token of this job, which does not reach the site.
    async fn blueprint(&self, ctx: &Context<'_>) -> Result<Option<SiteBlueprint>> {
        match self.0.blueprint_id {
            Some(id) => ctx.loaders().blueprint(id).await,
            None => Ok(None),
        }
    }

    /// The page it writes; null when it is not about one page, or once that was deleted.
    async fn page(&self, ctx: &Context<'_>) -> Result<Option<PageBlueprint>> {
        match self.0.page_id {
            Some(id) => ctx.loaders().page(id).await,
            None => Ok(None),
        }
    }

    /// Why it is not running, while it is queued; null otherwise.
    async fn waiting_for(&self, ctx: &Context<'_>) -> Result<Option<WaitReason>> {
        if self.0.state != entities::JobState::Queued {
            return Ok(None);
        }
        let reason = jobs::waiting_for(&ctx.app().engine, &self.0).await?;
        Ok(reason.map(WaitReason::from))
    }

    /// Where `jobEvents` stands, read together with this job: query, then subscribe from here, and nothing is lost in
    /// between.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Cursor {
        let (epoch, id) = (ctx.app().epoch.clone(), self.0.id);
        let at = Position::new(self.0.event_lease, self.0.event_n);
        Cursor(Place::Job { epoch, id, at }.encode())
    }

    /// The SITE job that started it; null when it was started by itself.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<GenerationJob>> {
        match self.0.parent_id {
            Some(id) => ctx.loaders().job(id).await,
            None => Ok(None),
        }
    }

    /// The page jobs of a SITE job, at most 12; empty for other kinds, and until the site is planned.
    async fn children(&self, ctx: &Context<'_>) -> Result<Vec<GenerationJob>> {
        if self.0.children_total == 0 {
            return Ok(Vec::new());
        }
        ctx.loaders().children_of(self.0.id).await
    }

    /// What to know about its result, in sentences, such as that the writer does not speak the brief's language and writes
    /// English; empty where everything is as asked, and for jobs that plan nothing.
    async fn warnings(&self) -> Vec<String> {
        let said = self.0.input["warnings"].as_array().into_iter().flatten();
        said.filter_map(|warning| warning.as_str().map(str::to_string))
            .collect()
    }

    /// What it is doing; null while it waits and once it has ended.
    async fn phase(&self) -> Option<JobPhase> {
        let is_running = self.0.state == entities::JobState::Running;
        self.0.phase.filter(|_| is_running).map(JobPhase::from)
    }

    /// How far it is, from 0 to 1; never goes back within an attempt.
    async fn progress(&self) -> f64 {
        self.0.progress
    }

    /// The present attempt, from 1; 0 before the first.
    async fn attempt(&self) -> i32 {
        self.0.attempt
    }

    /// How many attempts it has.
    async fn max_attempts(&self) -> i32 {
        self.0.max_attempts
    }

    /// What was set aside for it when it was started, in credits.
    async fn price(&self) -> i64 {
        self.0.price
    }

    /// What it cost, in credits, the children of a SITE job included; null until something was charged or it has ended.
    async fn charged(&self) -> Option<i64> {
        self.0.charged
    }

    /// How many seconds it will still take, judged by its pace so far; null when there is nothing to judge by.
    async fn eta_seconds(&self) -> Option<f64> {
        eta(&self.0, db::now())
    }

    /// Whether somebody asked for its end. A running job ends within seconds.
    async fn cancel_requested(&self) -> bool {
        self.0.cancel_requested_at.is_some()
    }

    /// How it failed; null unless it is FAILED or QUARANTINED.
    async fn error(&self) -> Option<JobFailure> {
        let code = self.0.error_code.as_deref().filter(|_| self.0.state.is_terminal())?;
        Some(JobFailure {
            code: JobFailureCode::of(code),
            message: self.0.error_message.clone().unwrap_or_default(),
            retryable: self.0.error_retryable.unwrap_or(false),
        })
    }

    /// What the writer used so far; null until it was asked.
    async fn usage(&self, ctx: &Context<'_>) -> Result<Option<TokenUsage>> {
        let calls = ctx.loaders().usage_of(self.0.id).await?.unwrap_or_default();
        let Some(model) = self.0.model.clone().or(calls.model) else {
            return Ok(None);
        };
        // The job counts with its own writes, the calls are accounted for a moment later and include those that were
        // abandoned: neither counts what was not used, so the one that knows more is right.
        Ok(Some(TokenUsage {
            prompt_tokens: self.0.prompt_tokens.max(calls.prompt_tokens),
            completion_tokens: self.0.completion_tokens.max(calls.completion_tokens),
            model,
            calls: calls.calls,
        }))
    }

    /// When it was started by a person or by its parent.
    async fn queued_at(&self) -> DateTime {
        self.0.queued_at.into()
    }

    /// When work on it first began; null until then.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(DateTime)
    }

    /// When it ended; null until then.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }
}

/// The time left when the rest goes as fast as the part that is done.
fn eta(job: &job::Model, now: crate::error::Instant) -> Option<f64> {
    let started_at = job.started_at.filter(|_| job.state == entities::JobState::Running)?;
    let elapsed = (now - started_at).num_milliseconds().max(0) as f64 / 1000.0;
    (job.progress > 0.0).then(|| elapsed * (1.0 - job.progress) / job.progress)
}

impl From<job::Model> for GenerationJob {
    fn from(row: job::Model) -> Self {
        GenerationJob(Arc::new(row))
    }
}

connection!(GenerationJobConnection GenerationJobEdge GenerationJob "jobs, the newest first");
