//! The operator's changes to what a wizard offers.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::types::{BuilderOption, BuilderOptionKind};
use crate::entities::builder_option;
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::schema::Query;
use crate::graphql::user_error::{UserError, settle};
use crate::ids::IdKind;
use crate::options::{self, Change};

/// An option to make, or what to change of one. What is left out or null stays as it is.
#[derive(InputObject)]
pub struct SaveBuilderOptionInput {
    /// The option's global id; left out or null for a new one, which needs `kind`, `name` and `description`.
    pub id: Option<ID>,
    /// Which list it stands in. That of an existing option is fixed.
    pub kind: Option<BuilderOptionKind>,
    /// What people read, in English: 1 to 120 characters on one line.
    pub name: Option<String>,
    /// A sentence or two that explain the choice to people, and guide the writer: 1 to 1,000 characters.
    pub description: Option<String>,
    /// Whether it is offered; a new one is. Briefs that name an inactive option keep it.
    pub is_active: Option<bool>,
    /// Its place in the list, from 0, inactive options counted; the others move. Beyond the end is the end, where a new one
    /// stands when it is left out.
    pub order: Option<i64>,
}

/// The saved option, or why it was not saved.
#[derive(SimpleObject)]
pub struct SaveBuilderOptionPayload {
    /// The option as it is now; null when there are `userErrors`.
    builder_option: Option<BuilderOption>,
    /// Why it was not done; empty when it was. Errors: VALIDATION, NOT_FOUND.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

#[derive(Default)]
pub struct OptionMutations;

#[Object]
impl OptionMutations {
    /// Makes an option of a wizard's list, changes it, moves it, or takes it off the list. Everybody sees it at once. Needs
    /// the role ADMIN.
    async fn save_builder_option(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The option.")] input: SaveBuilderOptionInput,
    ) -> Result<SaveBuilderOptionPayload> {
        let app = ctx.app();
        let outcome = save(ctx, input).await;
        let (option, user_errors) = settle(ctx, outcome).await?;
        if option.is_some() {
            options::changed(&app.db, &app.bus).await;
        }
        Ok(SaveBuilderOptionPayload {
            builder_option: option.map(BuilderOption::from),
            user_errors,
            query: Query::default(),
        })
    }
}

async fn save(ctx: &Context<'_>, input: SaveBuilderOptionInput) -> crate::error::Result<builder_option::Model> {
    let id = input
        .id
        .map(|id| node::named(IdKind::BuilderOption, &id, &["id"], "option"));
    let change = Change {
        id: id.transpose()?,
        kind: input.kind.map(Into::into),
        name: input.name,
        description: input.description,
        is_active: input.is_active,
        place: input.order,
    };
    options::save(&ctx.app().db, change).await
}
