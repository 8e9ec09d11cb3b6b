//! Making, changing and deleting sites.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::blueprint::{SiteBlueprint, SiteBlueprintEdge};
use super::inputs::{CreateBlueprintInput, DeleteBlueprintInput, UpdateBlueprintInput, site_named};
use crate::app::App;
use crate::entities::blueprint;
use crate::graphql::context::Reach;
use crate::graphql::paging::Key;
use crate::graphql::schema::Query;
use crate::graphql::user_error::{UserError, settle};
use crate::sites::{self, ChangeBlueprint, NewBlueprint};

/// The new site, or why there is none.
#[derive(SimpleObject)]
pub struct CreateBlueprintPayload {
    /// The new site; null when there are `userErrors`.
    blueprint: Option<SiteBlueprint>,
    /// The new site as an entry of `blueprints`, to put into a list that a client holds.
    blueprint_edge: Option<SiteBlueprintEdge>,
    /// Why it was not done; empty when it was. Errors: VALIDATION, NOT_FOUND (an option of the brief).
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

/// The changed site, or why it was not changed.
#[derive(SimpleObject)]
pub struct UpdateBlueprintPayload {
    /// The site as it is now; null when there are `userErrors`.
    blueprint: Option<SiteBlueprint>,
    /// Why it was not done; empty when it was. Errors: VALIDATION, NOT_FOUND, CONFLICT.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

/// The id of the deleted site, or why it was not deleted.
#[derive(SimpleObject)]
pub struct DeleteBlueprintPayload {
    /// The id that no longer names anything; null when there are `userErrors`.
    deleted_blueprint_id: Option<ID>,
    /// Why it was not done; empty when it was. Errors: NOT_FOUND, CONFLICT, ALREADY_RUNNING (a job is at work on it).
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

#[derive(Default)]
pub struct SiteMutations;

#[Object]
impl SiteMutations {
    /// Makes a site from a brief. It costs nothing and starts nothing. Needs the role EDITOR.
    async fn create_blueprint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new site.")] input: CreateBlueprintInput,
    ) -> Result<CreateBlueprintPayload> {
        let caller = ctx.caller();
        let outcome = create(ctx.app(), caller.account, input).await;
        let (row, user_errors) = settle(ctx, outcome).await?;
        let blueprint = row.map(SiteBlueprint::from);
        let blueprint_edge = blueprint.clone().map(|node| SiteBlueprintEdge {
            cursor: node.0.id.encode(),
            node,
        });
        let query = Query::default();
        Ok(CreateBlueprintPayload {
            blueprint,
            blueprint_edge,
            user_errors,
            query,
        })
    }

    /// Changes a site. What has been generated stays as it is. Needs the role EDITOR.
    async fn update_blueprint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UpdateBlueprintInput,
    ) -> Result<UpdateBlueprintPayload> {
        let caller = ctx.caller();
        let outcome = update(ctx.app(), caller.account, input).await;
        let (row, user_errors) = settle(ctx, outcome).await?;
        let blueprint = row.map(SiteBlueprint::from);
        Ok(UpdateBlueprintPayload {
            blueprint,
            user_errors,
            query: Query::default(),
        })
    }

    /// Deletes a site with its pages and blocks. Its jobs and what they cost stay in the records. Needs the role EDITOR.
    async fn delete_blueprint(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to delete.")] input: DeleteBlueprintInput,
    ) -> Result<DeleteBlueprintPayload> {
        let caller = ctx.caller();
        let outcome = delete(ctx.app(), caller.account, input).await;
        let (deleted_blueprint_id, user_errors) = settle(ctx, outcome).await?;
        Ok(DeleteBlueprintPayload {
            deleted_blueprint_id,
            user_errors,
            query: Query::default(),
        })
    }
}

type Outcome<T> = crate::error::Result<T>;

async fn create(app: &App, account: uuid::Uuid, input: CreateBlueprintInput) -> Outcome<blueprint::Model> {
    let new = NewBlueprint {
        name: input.name,
        description: input.description.unwrap_or_default(),
        brief: input.brief.draft()?,
        hosting_type: input.hosting_type.into(),
    };
    sites::create_blueprint(&app.db, &app.bus, account, new).await
}

async fn update(app: &App, account: uuid::Uuid, input: UpdateBlueprintInput) -> Outcome<blueprint::Model> {
    let id = site_named(&input.id, &["input", "id"])?;
    let change = ChangeBlueprint {
        name: input.name,
        description: input.description,
        brief: input.brief.map(|brief| brief.draft()).transpose()?,
        hosting_type: input.hosting_type.map(Into::into),
        expected_version: input.expected_version,
    };
    sites::update_blueprint(&app.db, &app.bus, account, id, change).await
}

async fn delete(app: &App, account: uuid::Uuid, input: DeleteBlueprintInput) -> Outcome<ID> {
    let id = site_named(&input.id, &["input", "id"])?;
    sites::delete_blueprint(&app.db, &app.bus, account, id, input.expected_version).await?;
    Ok(input.id)
}
