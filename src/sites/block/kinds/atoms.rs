//! The parts that blocks share: a button, a picture, a menu link.
//!
//! They are derived three times (stored JSON, the model's JSON Schema, the GraphQL type), so a doc
//! comment here is documentation for a frontend developer and guidance for the writer at once.
//! How they are checked is not here: `reply` reads the bounds from the derived schema.

use async_graphql::{Enum, SimpleObject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much weight a button has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Enum)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionStyle {
    /// The one thing the visitor should do: a filled button.
    #[default]
    Primary,
    /// The second choice: an outlined button.
    Secondary,
    /// A text link.
    Link,
}

/// A button or link that asks the visitor to do something.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Action {
    /// What the button says: a verb first, at most 60 characters. Never null in a finished block.
    #[schemars(required, length(max = 60))]
    pub label: Option<String>,
    /// Where it leads: `/` + slug, `#anchor`, `https://…`, `mailto:…` or `tel:…`, at most 2,000 characters. Never null in a finished block.
    #[schemars(required, length(max = 2000), extend("x-form" = "link"))]
    pub href: Option<String>,
    /// How much weight the button has.
    pub style: ActionStyle,
}

/// A picture: one that exists (`url`), or one still to be made (`prompt`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Image {
    /// Address of the file, `https://…` or site-relative, at most 2,000 characters. Null while no picture exists.
    #[schemars(length(max = 2000), extend("x-form" = "picture"))]
    pub url: Option<String>,
    /// What the picture shows, for people who do not see it; at most 200 characters. Null for decoration.
    #[schemars(length(max = 200))]
    pub alt: Option<String>,
    /// What a picture for this place should show, for whoever makes or picks it; at most 600 characters.
    #[schemars(length(max = 600))]
    pub prompt: Option<String>,
    /// Width to height, like `16:9`. Null when any shape will do.
    #[schemars(length(max = 7), extend("x-form" = "aspect"))]
    pub aspect: Option<String>,
}

/// An entry of a menu. Menus have two levels at most: a child has no children of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, SimpleObject)]
#[serde(rename_all = "camelCase", default)]
pub struct Link {
    /// What the entry says, at most 60 characters.
    #[schemars(length(max = 60))]
    pub label: String,
    /// Where it leads: `/` for the home page, `/` + slug for another page, or an `https://…`, `mailto:…` or `tel:…` address.
    #[schemars(length(max = 2000), extend("x-form" = "link"))]
    pub href: String,
    /// The entries below this one, 0 to 12; empty on the second level.
    #[schemars(length(max = 12), with = "Vec<ChildLink>")]
    pub children: Vec<Link>,
}

/// The second level of a menu as a schema: without it, `Link` would refer to itself.
#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct ChildLink {
    /// What the entry says, at most 60 characters.
    #[schemars(length(max = 60))]
    label: String,
    /// Where it leads, as on the first level.
    #[schemars(length(max = 2000), extend("x-form" = "link"))]
    href: String,
    /// Always empty.
    #[schemars(length(max = 0))]
    children: Vec<String>,
}
