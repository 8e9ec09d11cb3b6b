//! A prompt as clients see it, with its variables and its history.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use sea_orm::Order;
use uuid::Uuid;

use crate::entities::{PriceKind, prompt_template};
use crate::generation::functions::{FUNCTIONS, Spec};
use crate::generation::prompts::{self, Current};
use crate::graphql::audited::Touched;
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::paging::{PageArgs, connection, slice};
use crate::graphql::scalars::DateTime;
use crate::ids::{GlobalId, IdKind};

/// The prompt that the account uses for one function of the writer: the built-in one, or its own.
#[derive(Clone)]
pub struct PromptTemplate(pub Current, pub Uuid);

/// Something that is filled into a prompt, written `{{name}}` there.
#[derive(SimpleObject)]
pub struct PromptVariable {
    /// Its name: small letters and underscores.
    name: &'static str,
    /// What stands there.
    description: &'static str,
    /// Whether a prompt without it is refused.
    is_required: bool,
}

/// The prompt that the account uses for one function of the writer: the built-in one, or its own.
#[Object]
impl PromptTemplate {
    /// The global id: one for each function and account.
    pub async fn id(&self) -> ID {
        node::id(IdKind::Prompt, key(self.1, self.0.spec))
    }

    /// The function as a stable word: `structure`, `page` or `block`; more may come.
    async fn function(&self) -> &'static str {
        self.0.spec.name
    }

    /// What the function does.
    async fn description(&self) -> &'static str {
        self.0.spec.about
    }

    /// What a start of it costs now, in credits.
    async fn price(&self, ctx: &Context<'_>) -> Result<i64> {
        let prices = crate::credits::prices(ctx.app().db.reader()).await?;
        Ok(match self.0.spec.price {
            PriceKind::Structure => prices.structure,
            PriceKind::Page => prices.page,
            PriceKind::Block => prices.block,
        })
    }

    /// The first part: who the writer is and which rules hold, at most 8,000 characters.
    async fn system(&self) -> &str {
        &self.0.template.system
    }

    /// The second part: what is asked, with the data, at most 16,000 characters.
    async fn user(&self) -> &str {
        &self.0.template.user
    }

    /// What may be filled in, in either part. Each value is JSON data or text that no prompt can mistake for itself.
    async fn variables(&self) -> Vec<PromptVariable> {
        let variables = self.0.spec.variables.iter();
        let variable = |known: &prompts::Variable| PromptVariable {
            name: known.name,
            description: known.about,
            is_required: known.is_required,
        };
        variables.map(variable).collect()
    }

    /// Grows with each save; 0 until the account has saved one. Pass it as `expectedVersion`.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// Whether the built-in text is in use.
    async fn is_built_in(&self) -> bool {
        self.0.is_built_in
    }

    /// When the present version was saved; null for version 0.
    async fn saved_at(&self) -> Option<DateTime> {
        self.0.saved_at.map(DateTime)
    }

    /// What the account saved, the newest first. At most 100 at a time. Restore one with `savePromptTemplate`.
    async fn versions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many entries from the start: 0 to 100, 20 when left out. Not together with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Begin behind this cursor of the same list.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end: 0 to 100. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "End before this cursor of the same list.")] before: Option<String>,
    ) -> Result<PromptVersionConnection> {
        let rows = prompts::versions_of(ctx.caller().account, self.0.spec.name);
        let args = PageArgs::new(first, after, last, before);
        let (reader, column) = (ctx.app().db.reader(), prompt_template::Column::Version);
        Ok(slice(reader, rows, column, Order::Desc, &args, |row| row.version)
            .await?
            .into())
    }
}

/// A prompt as the account saved it at one time.
#[derive(Clone)]
pub struct PromptVersion(pub Arc<prompt_template::Model>);

/// A prompt as the account saved it at one time.
#[Object]
impl PromptVersion {
    /// The global id.
    pub async fn id(&self) -> ID {
        node::id(IdKind::PromptVersion, self.0.id)
    }

    /// The function as a stable word, as in `PromptTemplate.function`.
    async fn function(&self) -> &str {
        &self.0.function
    }

    /// Its number, from 1.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// The first part; null for a version that went back to the built-in prompt.
    async fn system(&self) -> Option<&str> {
        self.0.system_text.as_deref()
    }

    /// The second part; null for a version that went back to the built-in prompt.
    async fn user(&self) -> Option<&str> {
        self.0.user_text.as_deref()
    }

    /// When it was saved.
    async fn saved_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

impl From<prompt_template::Model> for PromptVersion {
    fn from(row: prompt_template::Model) -> Self {
        PromptVersion(Arc::new(row))
    }
}

connection!(PromptVersionConnection PromptVersionEdge PromptVersion "the versions of a prompt, the newest first");

#[derive(Default)]
pub struct PromptQueries;

#[Object]
impl PromptQueries {
    /// What a language model is told for each function of the writer: the built-in prompts, or the account's own. The
    /// offline writer reads none of it.
    async fn prompts(&self, ctx: &Context<'_>) -> Result<Vec<PromptTemplate>> {
        let account = ctx.caller().account;
        let current = prompts::current(ctx.app().db.reader(), account, FUNCTIONS).await?;
        Ok(current
            .into_iter()
            .map(|prompt| PromptTemplate(prompt, account))
            .collect())
    }
}

/// The prompt that a global id names, if it is one of the caller's.
pub async fn of_function(ctx: &Context<'_>, id: Uuid) -> Result<Option<PromptTemplate>> {
    let account = ctx.caller().account;
    let Some(spec) = FUNCTIONS.iter().find(|spec| key(account, spec) == id) else {
        return Ok(None);
    };
    let current = prompts::current_of(ctx.app().db.reader(), account, spec).await?;
    Ok(Some(PromptTemplate(current, account)))
}

/// A prompt has no row until it is changed: its id follows from whose it is and what it does.
fn key(account: Uuid, spec: &Spec) -> Uuid {
    Uuid::new_v5(&account, spec.name.as_bytes())
}

impl Touched for PromptTemplate {
    fn touched(&self) -> Vec<GlobalId> {
        vec![GlobalId::new(IdKind::Prompt, key(self.1, self.0.spec))]
    }
}
