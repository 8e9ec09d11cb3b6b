//! The plan of a site: theme, menus, pages and their sections.
//!
//! Like a block's content, one definition with three uses: stored JSON, the writer's JSON Schema and
//! the GraphQL type, which is why GraphQL is named here. The rules between the fields are in `read`.

use async_graphql::{Enum, SimpleObject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sites::block::{BlockKind, Link};

/// The plan of a whole site: what it is called, how it looks, which pages it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
pub struct SiteStructure {
    /// The name of the site as visitors read it, 1 to 120 characters.
    #[schemars(length(max = 120))]
    pub site_name: String,
    /// What the business does, in one line of at most 160 characters; may be empty.
    #[schemars(length(max = 160), extend("x-empty" = true))]
    pub tagline: String,
    /// 1 to 12 pages, the home page first.
    #[schemars(length(min = 1, max = 12))]
    pub pages: Vec<PlannedPage>,
    // A model writes in this order: menus can only lead to pages that it has planned by then.
    /// The menus.
    pub navigation: Navigation,
    /// Colours and fonts.
    pub theme: Theme,
}

/// How the site looks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Theme {
    /// Five colours.
    pub palette: Palette,
    /// Two font families.
    pub fonts: Fonts,
}

/// The colours of the site, each as `#rrggbb` in lower case. Text has a contrast of at least 4.5 to 1
/// on background and on surface (WCAG AA).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Palette {
    /// Behind everything, `#rrggbb`.
    #[schemars(length(max = 7), extend("x-form" = "colour"))]
    pub background: String,
    /// Behind cards and every other section, `#rrggbb`.
    #[schemars(length(max = 7), extend("x-form" = "colour"))]
    pub surface: String,
    /// Of running text and headings, `#rrggbb`.
    #[schemars(length(max = 7), extend("x-form" = "colour"))]
    pub text: String,
    /// Of buttons and links, `#rrggbb`.
    #[schemars(length(max = 7), extend("x-form" = "colour"))]
    pub primary: String,
    /// Of small highlights, `#rrggbb`.
    #[schemars(length(max = 7), extend("x-form" = "colour"))]
    pub accent: String,
}

impl Default for Palette {
    fn default() -> Self {
        Palette {
            background: "#ffffff".into(),
            surface: "#f5f4f0".into(),
            text: "#1d1d1f".into(),
            primary: "#1f4e79".into(),
            accent: "#c2552d".into(),
        }
    }
}

/// The font families of the site, by plain name. Whether a client has them is the client's business:
/// name a fallback beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Fonts {
    /// Family of headings: letters, digits, spaces and hyphens, at most 60 characters.
    #[schemars(length(max = 60), extend("x-form" = "font"))]
    pub heading: String,
    /// Family of running text: letters, digits, spaces and hyphens, at most 60 characters.
    #[schemars(length(max = 60), extend("x-form" = "font"))]
    pub body: String,
}

impl Default for Fonts {
    fn default() -> Self {
        Fonts {
            heading: "Georgia".into(),
            body: "Inter".into(),
        }
    }
}

/// The menus of the site. Every entry leads to a planned page or out of the site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Navigation {
    /// 1 to 7 entries at the top of every page.
    #[schemars(length(max = 7))]
    pub header: Vec<Link>,
    /// 0 to 12 entries at the bottom of every page.
    #[schemars(length(max = 12))]
    pub footer: Vec<Link>,
}

/// A page of the plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct PlannedPage {
    /// The page's place in the address: lower-case kebab, at most 60 characters, unique in the site; empty for the home page.
    #[schemars(length(max = 120), extend("x-empty" = true))]
    pub slug: String,
    /// The page's name in menus, 1 to 120 characters.
    #[schemars(length(max = 120), extend("x-empty" = true))]
    pub title: String,
    /// What the page is for.
    #[graphql(name = "type")]
    #[serde(rename = "type")]
    pub page_type: PageType,
    /// What search engines show.
    pub seo: Seo,
    /// 2 to 8 sections from top to bottom, HERO first.
    #[schemars(length(min = 2, max = 8))]
    pub sections: Vec<PlannedSection>,
}

/// What search engines show of a page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Seo {
    /// The title of the result, at most 60 characters.
    #[schemars(length(max = 60), extend("x-empty" = true))]
    pub title: String,
    /// The text of the result, at most 160 characters; may be empty.
    #[schemars(length(max = 160), extend("x-empty" = true))]
    pub description: String,
}

/// A section of the plan; the page's generation makes a block of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
pub struct PlannedSection {
    /// What kind of block it becomes.
    pub kind: BlockKind,
    /// What the section is about, in at most 120 characters; may be empty.
    #[schemars(length(max = 120), extend("x-empty" = true))]
    pub heading: String,
    /// What the section is for, as an instruction to its writer of at most 600 characters; may be empty.
    #[schemars(length(max = 600), extend("x-empty" = true))]
    pub goal: String,
}

/// What a page is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PageType {
    /// The first page; every site has exactly one, with the empty slug.
    Home,
    /// Who is behind the business.
    About,
    /// What the business does for its customers.
    Services,
    /// What the business sells.
    Products,
    /// What it costs.
    Pricing,
    /// News and articles.
    Blog,
    /// Finished work.
    Portfolio,
    /// Questions and answers.
    Faq,
    /// How to reach the business.
    Contact,
    /// One offer or one campaign.
    Landing,
    /// Imprint, terms, privacy.
    Legal,
    /// Anything else.
    #[default]
    Custom,
}

impl PageType {
    pub const ALL: &'static [PageType] = &[
        PageType::Home,
        PageType::About,
        PageType::Services,
        PageType::Products,
        PageType::Pricing,
        PageType::Blog,
        PageType::Portfolio,
        PageType::Faq,
        PageType::Contact,
        PageType::Landing,
        PageType::Legal,
        PageType::Custom,
    ];

    /// The spelling used in GraphQL, in JSON and in rows: `HOME`.
    pub fn as_str(self) -> &'static str {
        match self {
            PageType::Home => "HOME",
            PageType::About => "ABOUT",
            PageType::Services => "SERVICES",
            PageType::Products => "PRODUCTS",
            PageType::Pricing => "PRICING",
            PageType::Blog => "BLOG",
            PageType::Portfolio => "PORTFOLIO",
            PageType::Faq => "FAQ",
            PageType::Contact => "CONTACT",
            PageType::Landing => "LANDING",
            PageType::Legal => "LEGAL",
            PageType::Custom => "CUSTOM",
        }
    }

    /// Reads the exact spelling, `HOME`.
    pub fn parse(name: &str) -> Option<PageType> {
        PageType::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}
