//! What a block of each kind contains: one struct a kind, one definition with three uses.
//!
//! From each struct come the stored JSON (`serde`), the schema that a model must obey (`schemars`)
//! and the GraphQL type (`async_graphql`). That makes this folder, with `structure/plan.rs`, the
//! documented exception to "GraphQL is named only at the edge": a second definition would drift.
//!
//! Type rules, held by a test: **one field name has one type, one nullability and one length limit
//! in all kinds and items**, so that a query that selects every field of every kind is valid. Texts
//! and single objects are nullable, lists are non-null lists of non-null items, enums and booleans
//! are non-null. "Never null in a finished block" (`#[schemars(required)]`) is the writer's rule,
//! checked by `read_block`: a planned block has no content yet. No field may be called like one of
//! the fields that all blocks have (`id`, `kind`, `position`, `status`, …, `heading`).
//!
//! There is no checking code a kind: bounds are attributes, and `sites::reply` obeys the schema.

mod atoms;
mod offer;
mod proof;

#[cfg(test)]
mod tests;

pub use atoms::{Action, ActionStyle, Image, Link};
pub use offer::{
    CtaContent, FeatureItem, FeaturesContent, HeroContent, HeroLayout, PricingContent, PricingPlan, ProductItem,
    ProductsContent, Side, SplitContent, StepItem, StepsContent,
};
pub use proof::{
    ContactContent, FaqContent, FaqItem, GalleryContent, GalleryItem, LogoItem, LogosContent, OpeningHours, StatItem,
    StatsContent, TeamContent, TeamMember, TestimonialItem, TestimonialsContent, TextContent, TimelineContent,
    TimelineEvent,
};
