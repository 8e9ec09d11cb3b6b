//! Builder options and the one answer that holds them all.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::entities::builder_option;
use crate::graphql::credits::Price;
use crate::graphql::node;
use crate::ids::IdKind;

/// Every list that a wizard offers, in one request. The lists hold active options only, in the order in which to show
/// them; changes show at once, on other servers within a second or two.
#[derive(SimpleObject, Clone)]
pub struct BuilderMetadata {
    /// What kind of business it is: at most one goes into a brief.
    pub business_types: Vec<BuilderOption>,
    /// Whom the site speaks to: at most 10 go into a brief.
    pub audience_profiles: Vec<BuilderOption>,
    /// How the brand feels: at most 10 go into a brief.
    pub brand_personalities: Vec<BuilderOption>,
    /// What the opening picture looks like: at most one goes into a brief.
    pub hero_imagery_directions: Vec<BuilderOption>,
    /// What each kind of start costs at present.
    pub prices: Vec<Price>,
}

/// Which of a wizard's lists an option stands in.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::entities::OptionKind")]
pub enum BuilderOptionKind {
    /// What kind of business it is.
    BusinessType,
    /// Whom the site speaks to.
    AudienceProfile,
    /// How the brand feels.
    BrandPersonality,
    /// What the opening picture looks like.
    HeroImageryDirection,
}

/// A choice that a wizard offers.
#[derive(Clone)]
pub struct BuilderOption(pub Arc<builder_option::Model>);

/// A choice that a wizard offers.
#[Object]
impl BuilderOption {
    /// The global id, to put into a brief.
    pub async fn id(&self) -> ID {
        node::id(IdKind::BuilderOption, self.0.id)
    }

    /// Which list it stands in.
    async fn kind(&self) -> BuilderOptionKind {
        self.0.kind.into()
    }

    /// What people read, in English.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// A sentence or two that explain the choice to people, and guide the writer.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Whether it is offered. Briefs that name an inactive option keep it.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }

    /// Its place in the list, from 0; of equal places the id decides.
    async fn order(&self) -> i32 {
        self.0.position
    }
}

impl From<builder_option::Model> for BuilderOption {
    fn from(row: builder_option::Model) -> Self {
        BuilderOption(Arc::new(row))
    }
}
