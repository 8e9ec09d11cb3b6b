//! The list of block kinds, and everything that follows from the list.
//!
//! `with_block_kinds!` is the one list: `BlockKind` and `Content` are made from it here, the GraphQL
//! wrappers are made from it at the edge. A new kind is one struct and one line below.

use async_graphql::Enum;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kinds::*;

/// Calls another macro with the list of kinds. A line is: variant, content struct, name of the
/// GraphQL type, spelling on the wire, description.
macro_rules! with_block_kinds {
    ($callback:ident) => {
        $callback! {
            Hero HeroContent HeroBlock "HERO" "The first block of a page: a headline with buttons and a picture.";
            Features FeaturesContent FeaturesBlock "FEATURES" "A grid of 2 to 8 things the business is good at.";
            Split SplitContent SplitBlock "SPLIT" "Text beside a picture.";
            Steps StepsContent StepsBlock "STEPS" "A process of 2 to 6 steps.";
            Stats StatsContent StatsBlock "STATS" "2 to 6 figures.";
            Logos LogosContent LogosBlock "LOGOS" "Names of 2 to 8 customers, partners or memberships.";
            Testimonials TestimonialsContent TestimonialsBlock "TESTIMONIALS" "What 1 to 4 customers say.";
            Pricing PricingContent PricingBlock "PRICING" "1 to 4 plans with prices.";
            Products ProductsContent ProductsBlock "PRODUCTS" "A list of 1 to 12 services, dishes or articles.";
            Faq FaqContent FaqBlock "FAQ" "3 to 10 questions with answers.";
            Cta CtaContent CtaBlock "CTA" "A request to act, with 1 or 2 buttons.";
            Text TextContent TextBlock "TEXT" "Running text.";
            Gallery GalleryContent GalleryBlock "GALLERY" "A grid of 2 to 12 pictures.";
            Team TeamContent TeamBlock "TEAM" "1 to 8 people.";
            Timeline TimelineContent TimelineBlock "TIMELINE" "2 to 8 events in order.";
            Contact ContactContent ContactBlock "CONTACT" "How to reach the business, and when it is open.";
        }
    };
}
pub(crate) use with_block_kinds;

macro_rules! define_kinds {
    ($($variant:ident $content:ident $block:ident $name:tt $doc:tt;)*) => {
        /// What a block is; each kind has its own GraphQL type (`HERO` is `HeroBlock`, and so on).
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Enum,
        )]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum BlockKind {
            $(#[doc = $doc] $variant,)*
        }

        /// What a block says. Stored as JSON with `kind` as its first property.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum Content {
            $($variant($content),)*
        }

        impl BlockKind {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [BlockKind] = &[$(BlockKind::$variant,)*];

            /// The spelling used in GraphQL, in JSON and in rows: `HERO`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(BlockKind::$variant => $name,)*
                }
            }

            /// The derived schema of this kind's content, with the marks that only `reply` reads.
            pub(crate) fn content_schema(self, generator: &mut SchemaGenerator) -> schemars::Schema {
                match self {
                    $(BlockKind::$variant => generator.subschema_for::<$content>(),)*
                }
            }
        }

        impl Content {
            /// The content of a block that is planned and not yet written: nulls and empty lists.
            pub fn empty(kind: BlockKind) -> Content {
                match kind {
                    $(BlockKind::$variant => Content::$variant($content::default()),)*
                }
            }

            pub fn kind(&self) -> BlockKind {
                match self {
                    $(Content::$variant(_) => BlockKind::$variant,)*
                }
            }

            /// Reads the content of a known kind from an object, whether or not `kind` stands in it.
            pub fn of_kind(kind: BlockKind, value: Value) -> Result<Content, serde_json::Error> {
                match kind {
                    $(BlockKind::$variant => serde_json::from_value(value).map(Content::$variant),)*
                }
            }
        }
    };
}
with_block_kinds!(define_kinds);

impl BlockKind {
    /// Reads the exact spelling, `HERO`.
    pub fn parse(name: &str) -> Option<BlockKind> {
        BlockKind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

impl std::fmt::Display for BlockKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Content {
    /// The stored form: an object with `kind` first, then the fields in their order.
    pub fn to_value(&self) -> Value {
        // Every content is a struct of texts, lists and flags: none of it can fail to be JSON.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
