//! From rows to documents: a site as it stands now, ready to be rendered, for files and for the preview.
//!
//! One read, no locks: what a person sees while a page is being written is the newest committed state.
//! Archives and publishing are absent.

use sea_orm::ConnectionTrait;
use serde_json::Value;
use uuid::Uuid;

use crate::entities::{BlockStatus, PageStatus, block, blueprint, page};
use crate::error::Result;
use crate::render::{self, LinkBase};
use crate::sites::block::{BlockKind, ContactContent, Content};
use crate::sites::structure::{Seo, SiteStructure};
use crate::sites::{brief::Brief, store};

/// A planned site with everything that its pages show.
pub struct Site {
    pub blueprint: blueprint::Model,
    pub structure: SiteStructure,
    pub brief: Brief,
    pub pages: Vec<Page>,
}

pub struct Page {
    pub row: page::Model,
    pub seo: Seo,
    pub blocks: Vec<Block>,
}

pub struct Block {
    pub row: block::Model,
    pub kind: BlockKind,
    pub content: Option<Content>,
    pub placeholders: Vec<String>,
}

impl Site {
    /// The site of this account; none when it is not theirs, does not exist or is not planned yet.
    pub async fn read(connection: &impl ConnectionTrait, account: Uuid, id: Uuid) -> Result<Option<Site>> {
        let Some(blueprint) = store::blueprint(connection, account, id).await? else {
            return Ok(None);
        };
        let Some(structure) = blueprint.structure.clone() else {
            return Ok(None);
        };
        let rows = store::pages_of(connection, id).await?;
        let ids: Vec<Uuid> = rows.iter().map(|page| page.id).collect();
        let blocks = store::blocks_of(connection, &ids).await?;
        let mut pages = Vec::with_capacity(rows.len());
        for row in rows {
            let own = blocks.iter().filter(|block| block.page_id == row.id).cloned();
            let seo = Seo {
                title: row.seo_title.clone(),
                description: row.seo_description.clone(),
            };
            pages.push(Page {
                seo,
                blocks: own.filter_map(Block::read).collect(),
                row,
            });
        }
        let (structure, brief) = (
            serde_json::from_value(structure)?,
            serde_json::from_value(blueprint.brief.clone())?,
        );
        Ok(Some(Site {
            blueprint,
            structure,
            brief,
            pages,
        }))
    }

    pub fn page(&self, slug: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.row.slug == slug)
    }

    /// The contact details that stand on the site, those of its own page for them before others.
    fn contact(&self) -> Option<&ContactContent> {
        let of = |page: &'_ Page| page.row.page_type.eq_ignore_ascii_case("contact");
        let (own, others): (Vec<&Page>, Vec<&Page>) = self.pages.iter().partition(|page| of(page));
        let blocks = own.into_iter().chain(others).flat_map(|page| &page.blocks);
        blocks
            .filter_map(|block| match &block.content {
                Some(Content::Contact(contact)) => Some(contact),
                _ => None,
            })
            .next()
    }

    /// The document of one of its pages.
    pub fn html(&self, page: &Page, base: LinkBase) -> String {
        let reference = |page: &Page| render::PageRef {
            slug: page.row.slug.clone(),
            title: page.row.title.clone(),
        };
        let site = render::Site {
            name: &self.structure.site_name,
            tagline: &self.structure.tagline,
            language: &self.brief.language,
            theme: &self.structure.theme,
            navigation: &self.structure.navigation,
            contact: self.contact(),
            pages: self.pages.iter().map(reference).collect(),
            base,
        };
        let page = render::Page {
            slug: &page.row.slug,
            title: &page.row.title,
            seo: &page.seo,
            status: page_status(page.row.status),
            blocks: page.blocks.iter().map(Block::shown).collect(),
        };
        render::page(&site, &page)
    }
}

impl Block {
    /// A block of a kind that this build does not know is left out.
    fn read(row: block::Model) -> Option<Block> {
        let kind = BlockKind::parse(&row.kind)?;
        let content = row
            .content
            .clone()
            .and_then(|content| Content::of_kind(kind, content).ok());
        let placeholders = match &row.placeholders {
            Value::Array(phrases) => phrases
                .iter()
                .filter_map(|phrase| phrase.as_str().map(str::to_string))
                .collect(),
            _ => Vec::new(),
        };
        Some(Block {
            row,
            kind,
            content,
            placeholders,
        })
    }

    fn shown(&self) -> render::RenderBlock<'_> {
        render::RenderBlock {
            kind: self.kind,
            status: match self.row.status {
                BlockStatus::Planned => render::BlockStatus::Planned,
                BlockStatus::Writing => render::BlockStatus::Writing,
                BlockStatus::Ready => render::BlockStatus::Ready,
                BlockStatus::Failed => render::BlockStatus::Failed,
            },
            heading: &self.row.heading,
            content: self.content.as_ref(),
            placeholders: &self.placeholders,
        }
    }
}

fn page_status(status: PageStatus) -> render::PageStatus {
    match status {
        PageStatus::Draft => render::PageStatus::Draft,
        PageStatus::Generating => render::PageStatus::Generating,
        PageStatus::Ready => render::PageStatus::Ready,
        PageStatus::Failed => render::PageStatus::Failed,
    }
}
