//! Everything that has a global id, and how an id finds it.

use async_graphql::{Context, ID, Interface, Object, Result};
use uuid::Uuid;

use super::accounts::{Account, ApiKey, AuditEntry};
use super::context::Reach;
use super::credits::{CreditAccount, CreditEntry, Price};
use super::error::Code;
use super::jobs::GenerationJob;
use super::options::{self, BuilderOption};
use super::prompts::{self, PromptTemplate, PromptVersion};
use super::sites::{Block, PageBlueprint, SiteBlueprint};
use crate::error::Refusal;
use crate::ids::{GlobalId, IdKind};
use crate::sites::block::with_block_kinds;

/// Most ids that `nodes` takes at once.
const NODES_MAX: usize = 100;

/// The interface is listed kind by kind, because an object must name each interface it implements.
macro_rules! define_node {
    ($($variant:ident $content:ident $block:ident $name:tt $doc:tt;)*) => {
        use super::sites::{$($block),*};

        /// Anything with a global id. Ids are opaque and typed: `job_…` is never the id of a page.
        #[derive(Interface)]
        #[graphql(field(name = "id", ty = "ID", desc = "The global id: unique among all types and stable for life."))]
        pub enum Node {
            Account(Account),
            ApiKey(ApiKey),
            AuditEntry(AuditEntry),
            CreditAccount(CreditAccount),
            CreditEntry(CreditEntry),
            Price(Price),
            BuilderOption(BuilderOption),
            SiteBlueprint(SiteBlueprint),
            PageBlueprint(PageBlueprint),
            GenerationJob(GenerationJob),
            PromptTemplate(PromptTemplate),
            PromptVersion(PromptVersion),
            $($block($block),)*
        }

        impl From<Block> for Node {
            fn from(block: Block) -> Self {
                match block {
                    $(Block::$variant(block) => Node::$block(block),)*
                }
            }
        }
    };
}
with_block_kinds!(define_node);

/// The global id of a row.
pub fn id(kind: IdKind, uuid: Uuid) -> ID {
    ID(GlobalId::new(kind, uuid).to_string())
}

/// The row that a query names; none when the text is no id of that kind, which is no error.
pub fn of_kind(kind: IdKind, id: &ID) -> Option<Uuid> {
    GlobalId::parse_as(kind, id)
}

/// The row that a mutation names, or the refusal that an id of another kind deserves.
pub fn named(kind: IdKind, id: &ID, path: &[&str], what: &str) -> Result<Uuid, Refusal> {
    of_kind(kind, id).ok_or_else(|| Refusal::not_found(path, what))
}

#[derive(Default)]
pub struct NodeQueries;

#[Object]
impl NodeQueries {
    /// The object behind a global id, whatever its type; null when there is none or it is not yours.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A global id, as in any `id` field.")] id: ID,
    ) -> Result<Option<Node>> {
        find(ctx, &id).await
    }

    /// The objects behind several global ids, in the order asked for, with null for each that does not exist or is not
    /// yours.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 global ids; more are refused with BAD_USER_INPUT.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        if ids.len() > NODES_MAX {
            let message = format!("Ask for at most {NODES_MAX} ids at a time: there are {}.", ids.len());
            return Err(Code::BadUserInput.error(message));
        }
        futures::future::try_join_all(ids.iter().map(|id| find(ctx, id))).await
    }
}

async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let Some(id) = GlobalId::parse(id) else {
        return Ok(None);
    };
    let loaders = ctx.loaders();
    if !ctx.caller().may_find(id.kind) {
        return Ok(None);
    }
    Ok(match id.kind {
        IdKind::Account => loaders.account(id.uuid).await?.map(Node::from),
        IdKind::Credits => loaders
            .account(id.uuid)
            .await?
            .map(|account| CreditAccount(account.0).into()),
        IdKind::CreditEntry => loaders.credit_entry(id.uuid).await?.map(Node::from),
        IdKind::ApiKey => loaders.api_key(id.uuid).await?.map(Node::from),
        IdKind::BuilderOption => loaders.option(id.uuid).await?.map(Node::from),
        IdKind::Price => options::price(ctx, id.uuid).await?.map(Node::from),
        IdKind::Blueprint => loaders.blueprint(id.uuid).await?.map(Node::from),
        IdKind::Page => loaders.page(id.uuid).await?.map(Node::from),
        IdKind::Block => loaders.block(id.uuid).await?.map(Node::from),
        IdKind::Job => loaders.job(id.uuid).await?.map(Node::from),
        IdKind::AuditEntry => loaders.audit_entry(id.uuid).await?.map(Node::from),
        IdKind::Prompt => prompts::of_function(ctx, id.uuid).await?.map(Node::from),
        IdKind::PromptVersion => loaders.prompt_version(id.uuid).await?.map(Node::from),
        // Revisions have no type yet.
        IdKind::Revision => None,
    })
}
