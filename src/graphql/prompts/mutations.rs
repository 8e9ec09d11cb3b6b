//! Saving a prompt, and going back to an older one.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use super::types::{PromptTemplate, PromptVersion, PromptVersionEdge};
use crate::error::{Error, Refusal};
use crate::generation::functions::{FUNCTIONS, Spec};
use crate::generation::prompts::{self, Change, Current, Template};
use crate::graphql::context::Reach;
use crate::graphql::paging::Key;
use crate::graphql::schema::Query;
use crate::graphql::user_error::{UserError, settle};

/// A prompt in the account's own words, or the version to go back to.
#[derive(InputObject)]
pub struct SavePromptTemplateInput {
    /// The function as in `PromptTemplate.function`: `structure`, `page` or `block`.
    function: String,
    /// The first part: who the writer is and which rules hold, 1 to 8,000 characters. Together with `user`.
    system: Option<String>,
    /// The second part: what is asked, 1 to 16,000 characters, with every required variable as `{{name}}` in one of the
    /// parts. Together with `system`.
    user: Option<String>,
    /// Takes the text of this version instead; 0 is the built-in prompt. Not together with `system` and `user`.
    restore_version: Option<i64>,
    /// Refuses the change when the prompt is at another version: pass what you have read, 0 for one never saved.
    expected_version: Option<i64>,
}

/// The prompt as it is now, or why it was not changed.
#[derive(SimpleObject)]
pub struct SavePromptTemplatePayload {
    /// The prompt with its new version; null when there are `userErrors`.
    prompt_template: Option<PromptTemplate>,
    /// The new version as an entry of `PromptTemplate.versions`, to put into a list that a client holds.
    prompt_version_edge: Option<PromptVersionEdge>,
    /// Why it was not done; empty when it was. Errors: VALIDATION (an unknown or missing variable among them), NOT_FOUND
    /// (the function or the version), CONFLICT.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

#[derive(Default)]
pub struct PromptMutations;

#[Object]
impl PromptMutations {
    /// Replaces the prompt of a function for this account, from the next call of a writer on. Every version is kept.
    /// Needs the role OWNER.
    async fn save_prompt_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The prompt, or the version to go back to.")] input: SavePromptTemplateInput,
    ) -> Result<SavePromptTemplatePayload> {
        let account = ctx.caller().account;
        let outcome = save(ctx, input).await.map(|saved| PromptTemplate(saved, account));
        let (saved, user_errors) = settle(ctx, outcome).await?;
        let prompt_version_edge = match &saved {
            Some(PromptTemplate(saved, _)) => newest(ctx, saved).await?,
            None => None,
        };
        Ok(SavePromptTemplatePayload {
            prompt_template: saved,
            prompt_version_edge,
            user_errors,
            query: Query::default(),
        })
    }
}

async fn save(ctx: &Context<'_>, input: SavePromptTemplateInput) -> crate::error::Result<Current> {
    let Some(spec) = Spec::named(&input.function) else {
        let names: Vec<&str> = FUNCTIONS.iter().map(|spec| spec.name).collect();
        let message = format!("There is no such function. Use one of {}.", names.join(", "));
        return Err(Refusal::new(&["input", "function"], message, crate::error::Why::NotFound).into());
    };
    let change = match (input.system, input.user, input.restore_version) {
        (Some(system), Some(user), None) => Change::To(Template { system, user }),
        (None, None, Some(version)) => Change::Restore(version),
        (None, None, None) | (_, _, Some(_)) => {
            let message = "Give `system` and `user`, or `restoreVersion` alone.";
            return Err(Refusal::invalid(&["input"], "FORMAT", message).into());
        }
        (system, _, None) => {
            let missing = if system.is_none() { "system" } else { "user" };
            let message = "Give both parts of the prompt: `system` and `user`.";
            return Err(Refusal::invalid(&["input", missing], "REQUIRED", message).into());
        }
    };
    let app = ctx.app();
    prompts::save(&app.db, ctx.caller().account, spec, change, input.expected_version).await
}

/// The row of the version that was just saved.
async fn newest(ctx: &Context<'_>, saved: &Current) -> Result<Option<PromptVersionEdge>> {
    use sea_orm::{ColumnTrait, QueryFilter};
    let column = crate::entities::prompt_template::Column::Version;
    let rows = prompts::versions_of(ctx.caller().account, saved.spec.name).filter(column.eq(saved.version));
    let row = rows.one(ctx.app().db.reader()).await.map_err(Error::from)?;
    Ok(row.map(|row| PromptVersionEdge {
        cursor: row.version.encode(),
        node: PromptVersion::from(row),
    }))
}
