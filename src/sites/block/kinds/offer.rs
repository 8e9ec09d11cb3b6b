//! Blocks that make an offer: the opening, what there is, what it costs, what to do next.
//!
//! One struct a kind; the type rules that all kinds follow stand in `block/kinds/mod.rs`.

use async_graphql::{Enum, SimpleObject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Image};

/// How the opening block is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HeroLayout {
    /// Text in the middle, the picture below it.
    #[default]
    Center,
    /// Text on one side, the picture on the other.
    Split,
    /// Text over the picture.
    Background,
}

/// The side on which the picture stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// The picture is left of the text.
    Left,
    /// The picture is right of the text.
    #[default]
    Right,
}

/// The first block of a page: what the visitor gains, before anything else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct HeroContent {
    /// A few words above the headline; plain text, at most 60 characters.
    #[schemars(length(max = 60))]
    pub eyebrow: Option<String>,
    /// The page's main sentence, the benefit first; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub headline: Option<String>,
    /// One or two sentences below the headline; plain text, at most 300 characters.
    #[schemars(length(max = 300))]
    pub subheadline: Option<String>,
    /// 0 to 2 buttons, the most important one first.
    #[schemars(length(max = 2))]
    pub actions: Vec<Action>,
    /// The picture of the block. Null when there is none.
    pub image: Option<Image>,
    /// How text and picture stand to each other.
    pub layout: HeroLayout,
}

/// What the business is good at, as a grid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct FeaturesContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// A sentence or two below the heading; plain text, at most 400 characters.
    #[schemars(length(max = 400))]
    pub intro: Option<String>,
    /// 2 to 8 features in a finished block.
    #[schemars(length(min = 2, max = 8))]
    pub items: Vec<FeatureItem>,
}

/// One thing the business is good at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct FeatureItem {
    /// Name of an icon such as `truck` or `clock`, at most 40 characters.
    #[schemars(length(max = 40))]
    pub icon: Option<String>,
    /// The feature in a few words; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// What the visitor has from it; plain text, at most 600 characters. Never null in a finished block.
    #[schemars(required, length(max = 600))]
    pub description: Option<String>,
}

/// Text beside a picture. Several on one page alternate their sides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct SplitContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// The text, as Markdown of at most 6,000 characters; sanitise it before showing it. Never null in a finished block.
    #[schemars(required, length(max = 6000), extend("x-form" = "lines"))]
    pub body: Option<String>,
    /// 0 to 6 short points below the text; plain text of at most 200 characters each.
    #[schemars(length(max = 6), inner(length(max = 200)))]
    pub bullets: Vec<String>,
    /// The picture of the block. Never null in a finished block.
    #[schemars(required)]
    pub image: Option<Image>,
    /// The side on which the picture stands.
    pub side: Side,
    /// The block's button. Null when there is none.
    pub action: Option<Action>,
}

/// How something is done, from the first step to the last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct StepsContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// 2 to 6 steps in a finished block, in order.
    #[schemars(length(min = 2, max = 6))]
    pub items: Vec<StepItem>,
}

/// One step; its number is its place in the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct StepItem {
    /// The step in a few words; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// What happens in it; plain text, at most 600 characters. Never null in a finished block.
    #[schemars(required, length(max = 600))]
    pub description: Option<String>,
}

/// What it costs, as plans to compare.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct PricingContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// A sentence or two below the heading; plain text, at most 400 characters.
    #[schemars(length(max = 400))]
    pub intro: Option<String>,
    /// 1 to 4 plans in a finished block.
    #[schemars(length(min = 1, max = 4))]
    pub plans: Vec<PricingPlan>,
}

/// One plan of a price list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct PricingPlan {
    /// The plan's name; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub name: Option<String>,
    /// The price with its currency, or a placeholder in square brackets; at most 60 characters. Never null in a finished block.
    #[schemars(required, length(max = 60))]
    pub price: Option<String>,
    /// What the price is for, like `per month`; at most 60 characters.
    #[schemars(length(max = 60))]
    pub period: Option<String>,
    /// 1 to 8 things the plan includes in a finished block; plain text of at most 200 characters each.
    #[schemars(length(min = 1, max = 8), inner(length(max = 200)))]
    pub features: Vec<String>,
    /// Whether this plan stands out from the others.
    pub highlighted: bool,
    /// The plan's button. Null when there is none.
    pub action: Option<Action>,
}

/// Services, dishes or goods, as a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct ProductsContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// A sentence or two below the heading; plain text, at most 400 characters.
    #[schemars(length(max = 400))]
    pub intro: Option<String>,
    /// 1 to 12 products in a finished block.
    #[schemars(length(min = 1, max = 12))]
    pub items: Vec<ProductItem>,
}

/// One service, dish or article.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct ProductItem {
    /// What it is called; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub name: Option<String>,
    /// What it is; plain text, at most 600 characters. Null where name and price say it all.
    #[schemars(length(max = 600))]
    pub description: Option<String>,
    /// The price with its currency, or a placeholder in square brackets; at most 60 characters.
    #[schemars(length(max = 60))]
    pub price: Option<String>,
    /// The picture of the product. Null when there is none.
    pub image: Option<Image>,
}

/// The request at the end of a page or a thought.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct CtaContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// A sentence that makes it easy, as Markdown of at most 6,000 characters; sanitise it before showing it.
    #[schemars(length(max = 6000), extend("x-form" = "lines"))]
    pub body: Option<String>,
    /// 1 or 2 buttons in a finished block, the most important one first.
    #[schemars(length(min = 1, max = 2))]
    pub actions: Vec<Action>,
}
