//! The brief as clients read it: the stored one, with its options as objects.

use async_graphql::{Context, Object, Result, SimpleObject};

use crate::graphql::context::Reach;
use crate::graphql::options::BuilderOption;
use crate::sites::brief;

/// What the owner said about the business.
pub struct Brief(pub brief::Brief);

/// What the owner said about the business.
#[Object]
impl Brief {
    /// What the business is called.
    async fn business_name(&self) -> &str {
        &self.0.business_name
    }

    /// What the business is and wants, in the owner's words.
    async fn summary(&self) -> &str {
        &self.0.summary
    }

    /// The chosen business type; null when none was chosen.
    async fn business_type(&self, ctx: &Context<'_>) -> Result<Option<BuilderOption>> {
        match self.0.business_type_id {
            Some(id) => ctx.loaders().option(id).await,
            None => Ok(None),
        }
    }

    /// A business type in the owner's words; null when none was given.
    async fn custom_business_type(&self) -> Option<&str> {
        self.0.custom_business_type.as_deref()
    }

    /// Whom the site speaks to; may be empty.
    async fn audience_profiles(&self, ctx: &Context<'_>) -> Result<Vec<BuilderOption>> {
        ctx.loaders().options(self.0.audience_profile_ids.clone()).await
    }

    /// How the brand feels; may be empty.
    async fn brand_personalities(&self, ctx: &Context<'_>) -> Result<Vec<BuilderOption>> {
        ctx.loaders().options(self.0.brand_personality_ids.clone()).await
    }

    /// What the opening picture looks like; null when nothing was chosen.
    async fn hero_imagery_direction(&self, ctx: &Context<'_>) -> Result<Option<BuilderOption>> {
        match self.0.hero_imagery_direction_id {
            Some(id) => ctx.loaders().option(id).await,
            None => Ok(None),
        }
    }

    /// What the site should achieve; may be empty.
    async fn objectives(&self) -> &[String] {
        &self.0.objectives
    }

    /// What the writer may state as true: prices, address, hours; may be empty.
    async fn facts(&self) -> &[String] {
        &self.0.facts
    }

    /// The language of the site as a BCP 47 tag, such as `en` or `pt-BR`.
    async fn language(&self) -> &str {
        &self.0.language
    }

    /// How the site should sound and look; null when nothing was said.
    async fn style(&self) -> Option<Style> {
        self.0.style.clone().map(Style::from)
    }
}

/// How the owner wants the site to sound and look.
#[derive(SimpleObject)]
pub struct Style {
    /// How it should sound; null when nothing was said.
    tone: Option<String>,
    /// Anything else about the look; null when nothing was said.
    notes: Option<String>,
    /// The main colour as `#rrggbb`; null when the plan chooses.
    primary_color: Option<String>,
}

impl From<brief::Style> for Style {
    fn from(style: brief::Style) -> Self {
        let brief::Style {
            tone,
            notes,
            primary_color,
        } = style;
        Style {
            tone,
            notes,
            primary_color,
        }
    }
}
