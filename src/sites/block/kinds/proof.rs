//! Blocks that inform and convince: numbers, voices, answers, people, places.
//!
//! One struct a kind; the type rules that all kinds follow stand in `block/kinds/mod.rs`.

use async_graphql::SimpleObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Image;

/// Figures that speak for the business. Invented ones are forbidden: unknown figures are placeholders.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct StatsContent {
    /// The block's heading; plain text, at most 120 characters.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// 2 to 6 figures in a finished block.
    #[schemars(length(min = 2, max = 6))]
    pub items: Vec<StatItem>,
}

/// One figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct StatItem {
    /// The figure with its unit, or a placeholder in square brackets; at most 60 characters. Never null in a finished block.
    #[schemars(required, length(max = 60))]
    pub value: Option<String>,
    /// What the figure counts; plain text, at most 60 characters. Never null in a finished block.
    #[schemars(required, length(max = 60))]
    pub label: Option<String>,
}

/// Names of customers, partners or memberships, as a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct LogosContent {
    /// The block's heading; plain text, at most 120 characters.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// 2 to 8 names in a finished block.
    #[schemars(length(min = 2, max = 8))]
    pub items: Vec<LogoItem>,
}

/// One customer, partner or membership.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct LogoItem {
    /// The name, or a placeholder in square brackets; at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub name: Option<String>,
}

/// What customers say. Invented people are forbidden: unknown voices are placeholders.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct TestimonialsContent {
    /// The block's heading; plain text, at most 120 characters.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// 1 to 4 voices in a finished block.
    #[schemars(length(min = 1, max = 4))]
    pub items: Vec<TestimonialItem>,
}

/// What one customer says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct TestimonialItem {
    /// The words, without quotation marks; plain text, at most 600 characters. Never null in a finished block.
    #[schemars(required, length(max = 600))]
    pub quote: Option<String>,
    /// Who said it, or a placeholder in square brackets; at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub author: Option<String>,
    /// What that person does or bought; at most 120 characters.
    #[schemars(length(max = 120))]
    pub role: Option<String>,
}

/// Questions that visitors ask, with answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct FaqContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// 3 to 10 questions in a finished block.
    #[schemars(length(min = 3, max = 10))]
    pub items: Vec<FaqItem>,
}

/// One question with its answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct FaqItem {
    /// The question; plain text, at most 200 characters. Never null in a finished block.
    #[schemars(required, length(max = 200))]
    pub question: Option<String>,
    /// The answer, which does not restate the question, as Markdown of at most 1,500 characters; sanitise it before showing it. Never null in a finished block.
    #[schemars(required, length(max = 1500), extend("x-form" = "lines"))]
    pub answer: Option<String>,
}

/// Running text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct TextContent {
    /// The block's heading; plain text, at most 120 characters.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// The text, as Markdown of at most 6,000 characters; sanitise it before showing it. Never null in a finished block.
    #[schemars(required, length(max = 6000), extend("x-form" = "lines"))]
    pub body: Option<String>,
}

/// Pictures, as a grid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct GalleryContent {
    /// The block's heading; plain text, at most 120 characters.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// 2 to 12 pictures in a finished block.
    #[schemars(length(min = 2, max = 12))]
    pub items: Vec<GalleryItem>,
}

/// One picture of a gallery.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct GalleryItem {
    /// The picture. Never null in a finished block.
    #[schemars(required)]
    pub image: Option<Image>,
    /// The line below the picture; plain text, at most 200 characters.
    #[schemars(length(max = 200))]
    pub caption: Option<String>,
}

/// The people behind the business. Invented people are forbidden: unknown names are placeholders.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamContent {
    /// The block's heading; plain text, at most 120 characters.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// 1 to 8 people in a finished block.
    #[schemars(length(min = 1, max = 8))]
    pub members: Vec<TeamMember>,
}

/// One person of the team.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamMember {
    /// The person's name, or a placeholder in square brackets; at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub name: Option<String>,
    /// What the person does; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub role: Option<String>,
    /// A few sentences about the person; plain text, at most 600 characters.
    #[schemars(length(max = 600))]
    pub bio: Option<String>,
}

/// What happened, from the first event to the last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct TimelineContent {
    /// The block's heading; plain text, at most 120 characters.
    #[schemars(length(max = 120))]
    pub title: Option<String>,
    /// 2 to 8 events in a finished block, in order.
    #[schemars(length(min = 2, max = 8))]
    pub events: Vec<TimelineEvent>,
}

/// One event of a history or a schedule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct TimelineEvent {
    /// When, in words for people such as `Spring 2019`, or a placeholder in square brackets; at most 60 characters. Never null in a finished block.
    #[schemars(required, length(max = 60))]
    pub date: Option<String>,
    /// What happened, in a few words; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// The same with details; plain text, at most 600 characters.
    #[schemars(length(max = 600))]
    pub description: Option<String>,
}

/// How to reach the business. What the brief does not say is a placeholder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct ContactContent {
    /// The block's heading; plain text, at most 120 characters. Never null in a finished block.
    #[schemars(required, length(max = 120))]
    pub title: Option<String>,
    /// A sentence or two below the heading; plain text, at most 400 characters.
    #[schemars(length(max = 400))]
    pub intro: Option<String>,
    /// E-mail address, or a placeholder in square brackets; at most 200 characters. It is text: check it before making a link of it.
    #[schemars(length(max = 200))]
    pub email: Option<String>,
    /// Telephone number for people, or a placeholder in square brackets; at most 60 characters.
    #[schemars(length(max = 60))]
    pub phone: Option<String>,
    /// Postal address with its line breaks, or a placeholder in square brackets; at most 300 characters.
    #[schemars(length(max = 300), extend("x-form" = "lines"))]
    pub address: Option<String>,
    /// Opening hours: 0 to 7 lines.
    #[schemars(length(max = 7))]
    pub hours: Vec<OpeningHours>,
}

/// When the business is open on one day, or on a range of days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct OpeningHours {
    /// The day or range in the site's language, like `Monday` or `Mon – Fri`; at most 60 characters. Never null in a finished block.
    #[schemars(required, length(max = 60))]
    pub day: Option<String>,
    /// When it opens, like `09:00`, or a placeholder in square brackets; at most 60 characters. Null together with `closes` when closed all day.
    #[schemars(length(max = 60))]
    pub opens: Option<String>,
    /// When it closes, like `18:00`, or a placeholder in square brackets; at most 60 characters.
    #[schemars(length(max = 60))]
    pub closes: Option<String>,
}
