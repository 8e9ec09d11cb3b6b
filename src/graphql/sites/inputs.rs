//! What the mutations and queries of sites take, and how it becomes what the rules take.

use async_graphql::{Enum, ID, InputObject};
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{ColumnTrait, Order, QueryFilter, Select};
use uuid::Uuid;

use super::blueprint::{BlueprintStatus, HostingType};
use crate::entities::blueprint;
use crate::error::{Error, Refusal, Result};
use crate::graphql::node;
use crate::ids::IdKind;
use crate::sites::brief;

/// What a person says about their business: the input of every generation.
#[derive(InputObject)]
pub struct BriefInput {
    /// What the business is called: 1 to 120 characters on one line.
    business_name: String,
    /// What the business is and wants, in the owner's words: 1 to 20,000 characters.
    summary: String,
    /// A business type of `builderMetadata`, if one fits.
    business_type_id: Option<ID>,
    /// A business type in the owner's words: at most 120 characters.
    custom_business_type: Option<String>,
    /// Audience profiles of `builderMetadata`: at most 10.
    audience_profile_ids: Option<Vec<ID>>,
    /// Brand personalities of `builderMetadata`: at most 10.
    brand_personality_ids: Option<Vec<ID>>,
    /// A hero imagery direction of `builderMetadata`.
    hero_imagery_direction_id: Option<ID>,
    /// What the site should achieve: at most 20 entries of at most 300 characters.
    objectives: Option<Vec<String>>,
    /// Facts the writer may state, such as prices, address and hours: at most 100 entries of at most 500 characters. What
    /// is not stated becomes a placeholder, never an invention.
    facts: Option<Vec<String>>,
    /// The language of the site as a BCP 47 tag, such as `en` or `pt-BR`.
    #[graphql(default = "en")]
    language: String,
    /// How the site should sound and look.
    style: Option<StyleInput>,
}

/// How the site should sound and look.
#[derive(InputObject)]
pub struct StyleInput {
    /// How it should sound: at most 300 characters.
    tone: Option<String>,
    /// Anything else about the look: at most 2,000 characters.
    notes: Option<String>,
    /// The main colour as `#` and six hexadecimal digits.
    primary_color: Option<String>,
}

impl BriefInput {
    /// The draft that the rules check. Ids of another kind are refused here, all of them at once.
    pub fn draft(self) -> Result<brief::Brief> {
        let mut refusals = Vec::new();
        let mut option = |id: ID, path: &[&str], what: &str| {
            let named = node::named(IdKind::BuilderOption, &id, path, what);
            named.map_err(|refusal| refusals.push(refusal)).ok()
        };
        let business_type_id = self
            .business_type_id
            .and_then(|id| option(id, &["input", "brief", "businessTypeId"], "business type"));
        let hero_imagery_direction_id = self.hero_imagery_direction_id.and_then(|id| {
            option(
                id,
                &["input", "brief", "heroImageryDirectionId"],
                "hero imagery direction",
            )
        });
        let mut options = |ids: Option<Vec<ID>>, field: &str, what: &str| -> Vec<Uuid> {
            let ids = ids.unwrap_or_default().into_iter().enumerate();
            let one = |(at, id): (usize, ID)| option(id, &["input", "brief", field, &at.to_string()], what);
            ids.filter_map(one).collect()
        };
        let audience_profile_ids = options(self.audience_profile_ids, "audienceProfileIds", "audience profile");
        let brand_personality_ids = options(self.brand_personality_ids, "brandPersonalityIds", "brand personality");
        if !refusals.is_empty() {
            return Err(Error::Refused(refusals));
        }
        Ok(brief::Brief {
            business_name: self.business_name,
            summary: self.summary,
            business_type_id,
            custom_business_type: self.custom_business_type,
            audience_profile_ids,
            brand_personality_ids,
            hero_imagery_direction_id,
            objectives: self.objectives.unwrap_or_default(),
            facts: self.facts.unwrap_or_default(),
            language: self.language,
            style: self.style.map(
                |StyleInput {
                     tone,
                     notes,
                     primary_color,
                 }| brief::Style {
                    tone,
                    notes,
                    primary_color,
                },
            ),
        })
    }
}

/// A new site.
#[derive(InputObject)]
pub struct CreateBlueprintInput {
    /// What to call it: 1 to 120 characters on one line.
    pub name: String,
    /// A note for its owner: at most 2,000 characters.
    pub description: Option<String>,
    /// What the owner says about the business.
    pub brief: BriefInput,
    /// Where the site is meant to be served.
    #[graphql(default_with = "HostingType::BuiltIn")]
    pub hosting_type: HostingType,
}

/// Changes to a site. Fields that are left out or null stay as they are.
#[derive(InputObject)]
pub struct UpdateBlueprintInput {
    /// The site's global id.
    pub id: ID,
    /// What to call it: 1 to 120 characters on one line.
    pub name: Option<String>,
    /// A note for its owner: at most 2,000 characters.
    pub description: Option<String>,
    /// The whole new brief; it takes the place of the old one and guides the next generation.
    pub brief: Option<BriefInput>,
    /// Where the site is meant to be served.
    pub hosting_type: Option<HostingType>,
    /// The `version` that you have seen. When it is another by now, nothing is changed and a ConflictError says so.
    pub expected_version: Option<i64>,
}

/// The site to delete, with all its pages and blocks. There is no way back.
#[derive(InputObject)]
pub struct DeleteBlueprintInput {
    /// The site's global id.
    pub id: ID,
    /// The `version` that you have seen. When it is another by now, nothing is deleted and a ConflictError says so.
    pub expected_version: Option<i64>,
}

/// Only some sites. Fields that are left out do not narrow the list.
#[derive(InputObject, Default)]
pub struct BlueprintFilter {
    /// Only sites that stand here.
    status: Option<BlueprintStatus>,
    /// Only sites whose name contains this, whatever the case of its letters.
    search: Option<String>,
}

impl BlueprintFilter {
    pub fn apply(self, mut select: Select<blueprint::Entity>) -> Select<blueprint::Entity> {
        if let Some(status) = self.status {
            let status = crate::entities::BlueprintStatus::from(status);
            select = select.filter(blueprint::Column::Status.eq(status));
        }
        if let Some(search) = self.search.filter(|search| !search.trim().is_empty()) {
            let name = Expr::col((blueprint::Entity, blueprint::Column::Name));
            select = select.filter(Expr::expr(Func::lower(name)).like(contains(&search)));
        }
        select
    }
}

/// A pattern for names that contain `text` as it is.
fn contains(text: &str) -> LikeExpr {
    let text = text.trim().to_lowercase();
    let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("%{text}%")).escape('\\')
}

/// In which order sites are listed. Only times of creation: an order that moves would repeat and skip entries while
/// one pages through it.
#[derive(Enum, Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum BlueprintOrder {
    /// The newest site first.
    #[default]
    NewestFirst,
    /// The oldest site first.
    OldestFirst,
}

impl BlueprintOrder {
    pub fn direction(self) -> Order {
        match self {
            BlueprintOrder::NewestFirst => Order::Desc,
            BlueprintOrder::OldestFirst => Order::Asc,
        }
    }
}

/// The uuid of the site that a mutation names.
pub fn site_named(id: &ID, path: &[&str]) -> Result<Uuid, Refusal> {
    node::named(IdKind::Blueprint, id, path, "site")
}
