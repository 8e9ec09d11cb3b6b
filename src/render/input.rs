//! What the renderer is given: a site, one of its pages, the page's blocks.
//!
//! The types are its own, so that rows, exported files and a page that is still being written can all
//! be shown by the same code. Nothing here is checked: whatever arrives is treated as hostile.

use crate::sites::block::{BlockKind, ContactContent, Content};
use crate::sites::structure::{Navigation, Seo, Theme};

/// What all pages of a site share.
#[derive(Debug, Clone)]
pub struct Site<'a> {
    pub name: &'a str,
    /// One line for the foot of every page; may be empty.
    pub tagline: &'a str,
    /// BCP 47 language tag of the texts, such as `en` or `pt-BR`.
    pub language: &'a str,
    pub theme: &'a Theme,
    pub navigation: &'a Navigation,
    /// How to reach the business, for the foot of pages that have no contact details of their own.
    pub contact: Option<&'a ContactContent>,
    /// Every page, so that links can be told from dead ends.
    pub pages: Vec<PageRef>,
    pub base: LinkBase,
}

/// A page that can be linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRef {
    /// Empty for the home page.
    pub slug: String,
    pub title: String,
}

/// Where the other pages of the site are, seen from this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkBase {
    /// Files side by side: `/about#team` becomes `about.html#team`.
    Files,
    /// Below a path of the server: `/about#team` becomes `{path}/about{query}#team`, the home page
    /// `{path}{query}`. The query is empty or starts with `?`, for previews opened with a token.
    Preview { path: String, query: String },
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// Empty for the home page.
    pub slug: &'a str,
    pub title: &'a str,
    pub seo: &'a Seo,
    pub status: PageStatus,
    /// From top to bottom.
    pub blocks: Vec<RenderBlock<'a>>,
}

/// How far a page is. Only a finished one is offered to search engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStatus {
    Draft,
    Generating,
    Ready,
    Failed,
}

/// One block of a page, written or not.
#[derive(Debug, Clone)]
pub struct RenderBlock<'a> {
    pub kind: BlockKind,
    pub status: BlockStatus,
    /// The planned heading, shown until there is content.
    pub heading: &'a str,
    /// `None` or the empty content of a planned block is shown as a skeleton.
    pub content: Option<&'a Content>,
    /// What a person must confirm; marked where the content says it.
    pub placeholders: &'a [String],
}

/// How far a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockStatus {
    Planned,
    Writing,
    Ready,
    Failed,
}
