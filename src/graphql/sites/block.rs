//! Blocks: one GraphQL type a kind, made of the fields that all blocks have and the content of its kind.
//!
//! The contents are declared once, in `crate::sites::block`; the list of kinds makes the types here.

use async_graphql::{Context, Enum, ID, Interface, MergedObject, Result, SimpleObject};

use crate::entities::block::Model as Row;
use crate::error::Error;
use crate::graphql::node;
use crate::ids::IdKind;
use crate::sites::block::{self as kinds, BlockKind, Content, with_block_kinds};

/// Where a block stands.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::BlockStatus")]
pub enum BlockStatus {
    /// It is in the plan and has no content yet: its texts are null and its lists empty.
    Planned,
    /// A job is writing it.
    Writing,
    /// It has content.
    Ready,
    /// The job that was to write it failed.
    Failed,
}

/// Who wrote the present content of a block.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::BlockOrigin")]
pub enum BlockOrigin {
    /// A job.
    Ai,
    /// A person.
    Human,
}

/// What every block has, whatever its kind.
#[derive(SimpleObject, Clone)]
pub struct BlockHead {
    /// The global id; it stays the same when the block is written anew.
    #[graphql(owned)]
    id: ID,
    /// What kind of block it is; the kind has its own type.
    #[graphql(owned)]
    kind: BlockKind,
    /// Its place on the page, from 0; of equal places the id decides.
    #[graphql(owned)]
    position: i32,
    /// Where it stands.
    #[graphql(owned)]
    status: BlockStatus,
    /// Whether jobs must leave it alone.
    #[graphql(owned)]
    locked: bool,
    /// Who wrote the present content.
    #[graphql(owned)]
    origin: BlockOrigin,
    /// What the section is about, as planned; at most 120 characters, may be empty.
    #[graphql(owned)]
    heading: String,
    /// What the section is for, as planned; at most 600 characters, may be empty.
    #[graphql(owned)]
    goal: String,
    /// The number of the present content; grows with each new one. 0 while there is none.
    #[graphql(owned)]
    revision: i64,
    /// What a person must confirm or fill in: phrases that stand in square brackets in the content, and numbers, prices,
    /// quotes and names in it that neither the brief nor the plan contains.
    #[graphql(owned)]
    placeholders: Vec<String>,
}

impl BlockHead {
    fn of(row: &Row, kind: BlockKind) -> BlockHead {
        BlockHead {
            id: node::id(IdKind::Block, row.id),
            kind,
            position: row.position,
            status: row.status.into(),
            locked: row.locked,
            origin: row.origin.into(),
            heading: row.heading.clone(),
            goal: row.goal.clone(),
            revision: row.revision,
            placeholders: serde_json::from_value(row.placeholders.clone()).unwrap_or_default(),
        }
    }
}

/// The interface and its sixteen types. The interface asks its objects through methods, which a merged object
/// does not have by itself.
macro_rules! define_blocks {
    ($($variant:ident $content:ident $block:ident $name:tt $doc:tt;)*) => {
        $(
            #[doc = $doc]
            #[derive(MergedObject)]
            pub struct $block(BlockHead, kinds::$content);

            impl $block {
                pub async fn id(&self, ctx: &Context<'_>) -> Result<ID> { self.0.id(ctx).await }
                pub async fn kind(&self, ctx: &Context<'_>) -> Result<BlockKind> { self.0.kind(ctx).await }
                pub async fn position(&self, ctx: &Context<'_>) -> Result<i32> { self.0.position(ctx).await }
                pub async fn status(&self, ctx: &Context<'_>) -> Result<BlockStatus> { self.0.status(ctx).await }
                pub async fn locked(&self, ctx: &Context<'_>) -> Result<bool> { self.0.locked(ctx).await }
                pub async fn origin(&self, ctx: &Context<'_>) -> Result<BlockOrigin> { self.0.origin(ctx).await }
                pub async fn heading(&self, ctx: &Context<'_>) -> Result<String> { self.0.heading(ctx).await }
                pub async fn goal(&self, ctx: &Context<'_>) -> Result<String> { self.0.goal(ctx).await }
                pub async fn revision(&self, ctx: &Context<'_>) -> Result<i64> { self.0.revision(ctx).await }
                pub async fn placeholders(&self, ctx: &Context<'_>) -> Result<Vec<String>> { self.0.placeholders(ctx).await }
            }
        )*

        /// A section of a page. Each kind has its own type with the fields of its content; a field name has the same
        /// type in all of them, so one query can select every field of every kind.
        #[derive(Interface)]
        #[graphql(
            field(name = "id", ty = "ID", desc = "The global id; it stays the same when the block is written anew."),
            field(name = "kind", ty = "BlockKind", desc = "What kind of block it is; the kind has its own type."),
            field(name = "position", ty = "i32", desc = "Its place on the page, from 0; of equal places the id decides."),
            field(name = "status", ty = "BlockStatus", desc = "Where it stands."),
            field(name = "locked", ty = "bool", desc = "Whether jobs must leave it alone."),
            field(name = "origin", ty = "BlockOrigin", desc = "Who wrote the present content."),
            field(name = "heading", ty = "String", desc = "What the section is about, as planned; at most 120 characters, may be empty."),
            field(name = "goal", ty = "String", desc = "What the section is for, as planned; at most 600 characters, may be empty."),
            field(name = "revision", ty = "i64", desc = "The number of the present content; grows with each new one. 0 while there is none."),
            field(name = "placeholders", ty = "Vec<String>", desc = "What a person must confirm or fill in: phrases that stand in square brackets in the content, and numbers, prices, quotes and names in it that neither the brief nor the plan contains.")
        )]
        pub enum Block {
            $($variant($block),)*
        }

        impl Block {
            fn assemble(head: BlockHead, content: Content) -> Block {
                match content {
                    $(Content::$variant(content) => Block::$variant($block(head, content)),)*
                }
            }
        }
    };
}
with_block_kinds!(define_blocks);

impl Block {
    /// The block of a row. Without content its texts are null and its lists empty.
    pub fn from_row(row: &Row) -> Result<Block> {
        let unreadable = |cause: String| Error::internal(format!("block {}: {cause}", row.id));
        let kind = BlockKind::parse(&row.kind).ok_or_else(|| unreadable(format!("{} is no kind", row.kind)))?;
        let content = match &row.content {
            None => Content::empty(kind),
            Some(stored) => Content::of_kind(kind, stored.clone()).map_err(|cause| unreadable(cause.to_string()))?,
        };
        Ok(Block::assemble(BlockHead::of(row, kind), content))
    }
}
