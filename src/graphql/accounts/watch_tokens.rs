//! Making a watch token: what a browser may hold.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::auth::{self, Scope};
use crate::error::Refusal;
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::scalars::DateTime;
use crate::graphql::schema::Query;
use crate::graphql::user_error::{UserError, settle};
use crate::ids::IdKind;

/// What a new watch token watches: exactly one of `jobId` and `blueprintId`.
#[derive(InputObject)]
pub struct CreateWatchTokenInput {
    /// The job's global id. The token reads the job, the jobs that it started and the pages that they write.
    pub job_id: Option<ID>,
    /// The site's global id. The token reads the site with its brief, its pages and its jobs.
    pub blueprint_id: Option<ID>,
    /// How long it lives: 60 to 86,400 seconds. It ends sooner with the credential that makes it.
    #[graphql(default = 3600)]
    pub expires_in_seconds: i32,
}

/// A new watch token, or why there is none.
#[derive(SimpleObject)]
pub struct CreateWatchTokenPayload {
    /// The token (`sw_watch_…`), shown this once. Send it as `Authorization: Bearer …`, in `connection_init`, or as
    /// `?watch=…` behind the address of an `EventSource` and of a `previewUrl`. It cannot be renewed: make another.
    token: Option<String>,
    /// When it ends, and every connection that has shown it.
    expires_at: Option<DateTime>,
    /// Why it was not done; empty when it was. Errors: VALIDATION, NOT_FOUND, LIMIT_EXCEEDED.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

#[derive(Default)]
pub struct WatchMutations;

#[Object]
impl WatchMutations {
    /// Makes a short-lived token that reads and watches one job or one site and nothing else: what a browser may hold. It
    /// ends with the API key that made it. Needs the role VIEWER.
    async fn create_watch_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the token watches.")] input: CreateWatchTokenInput,
    ) -> Result<CreateWatchTokenPayload> {
        let outcome = match target(&input) {
            Ok(target) => {
                let seconds = input.expires_in_seconds.into();
                auth::create_watch_token(&ctx.app().db, ctx.caller(), target, seconds).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (made, user_errors) = settle(ctx, outcome).await?;
        let (token, expires_at) = made.map(|(token, at)| (token, DateTime(at))).unzip();
        Ok(CreateWatchTokenPayload {
            token,
            expires_at,
            user_errors,
            query: Query::default(),
        })
    }
}

fn target(input: &CreateWatchTokenInput) -> Result<Scope, Refusal> {
    match (&input.job_id, &input.blueprint_id) {
        (Some(id), None) => node::named(IdKind::Job, id, &["input", "jobId"], "job").map(Scope::Job),
        (None, Some(id)) => node::named(IdKind::Blueprint, id, &["input", "blueprintId"], "site").map(Scope::Site),
        _ => {
            let message = "Give exactly one of jobId and blueprintId.";
            Err(Refusal::invalid(&["input"], "EXACTLY_ONE", message))
        }
    }
}
