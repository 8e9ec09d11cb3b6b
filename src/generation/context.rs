//! Everything a writer is told about a site, read from the rows that exist now.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ai::{Brief, Choice, PageOutline, Section};
use crate::entities::{block, blueprint, builder_option, job, page};
use crate::error::{Error, Result};
use crate::sites::{brief, store};

/// A site with its pages and blocks.
pub struct Site {
    pub pages: Vec<page::Model>,
    pub blocks: Vec<block::Model>,
    pub brief: Brief,
    /// How the owner wants it to sound and look.
    pub style: Option<brief::Style>,
    /// What the plan calls it, or its owner.
    pub name: String,
    /// Empty until it is planned.
    pub tagline: String,
}

impl Site {
    pub async fn read(connection: &impl ConnectionTrait, job: &job::Model) -> Result<Self> {
        let id = job
            .blueprint_id
            .ok_or_else(|| Error::internal("a job without a site"))?;
        let (blueprint, pages, blocks) = tokio::try_join!(
            store::blueprint(connection, job.account_id, id),
            store::pages_of(connection, id),
            store::blocks_of_site(connection, id),
        )?;
        let blueprint = blueprint.ok_or_else(|| Error::internal("the site of a running job is gone"))?;
        let stored: brief::Brief = serde_json::from_value(blueprint.brief.clone())?;
        let style = stored.style.clone();
        let brief = words(connection, &blueprint, stored).await?;
        let plan = blueprint.structure.unwrap_or_default();
        let said = |field: &str| plan[field].as_str().map(str::to_string);
        Ok(Site {
            pages,
            blocks,
            brief,
            style,
            name: said("siteName").unwrap_or(blueprint.name),
            tagline: said("tagline").unwrap_or_default(),
        })
    }

    pub fn blocks_of(&self, page: Uuid) -> impl Iterator<Item = &block::Model> {
        self.blocks.iter().filter(move |block| block.page_id == page)
    }

    /// The page of a running job.
    pub fn page(&self, id: Uuid) -> Result<&page::Model> {
        let page = self.pages.iter().find(|page| page.id == id);
        page.ok_or_else(|| Error::internal("the page of a running job is gone"))
    }

    /// What stands on a page, but for the blocks that are asked for: the writer is not to repeat it.
    pub fn finished_but(&self, page: Uuid, is_asked: impl Fn(&block::Model) -> bool) -> Vec<Value> {
        let standing = self.blocks_of(page).filter(|block| !is_asked(block));
        standing.filter_map(finished).collect()
    }

    /// Every page with its sections, as the writer sees the site.
    pub fn outline(&self) -> Vec<PageOutline> {
        let outline = |page: &page::Model| PageOutline {
            slug: page.slug.clone(),
            title: page.title.clone(),
            page_type: page.page_type.to_ascii_uppercase(),
            sections: self
                .blocks_of(page.id)
                .enumerate()
                .map(|(at, block)| section(at, block))
                .collect(),
        };
        self.pages.iter().map(outline).collect()
    }
}

/// A block's plan, at its place among all blocks of its page.
pub fn section(position: usize, block: &block::Model) -> Section {
    Section {
        position,
        kind: block.kind.clone(),
        heading: block.heading.clone(),
        goal: block.goal.clone(),
    }
}

fn finished(block: &block::Model) -> Option<Value> {
    let mut value = json!({ "kind": block.kind });
    let fields = block.content.as_ref()?.as_object()?;
    value.as_object_mut()?.extend(fields.clone());
    Some(value)
}

/// The stored brief with its options as words.
async fn words(connection: &impl ConnectionTrait, blueprint: &blueprint::Model, stored: brief::Brief) -> Result<Brief> {
    let ids = stored.business_type_id.iter().chain(&stored.audience_profile_ids);
    let ids = ids
        .chain(&stored.brand_personality_ids)
        .chain(&stored.hero_imagery_direction_id);
    let ids: Vec<Uuid> = ids.copied().collect();
    let options = match ids.is_empty() {
        true => Vec::new(),
        false => {
            let query = builder_option::Entity::find().filter(builder_option::Column::Id.is_in(ids));
            query.all(connection).await?
        }
    };
    let choice = |id: &Uuid| {
        let option = options.iter().find(|option| option.id == *id)?;
        let (key, name) = (option.key.clone(), option.name.clone());
        Some(Choice {
            key,
            name,
            description: option.description.clone(),
        })
    };
    let custom = stored.custom_business_type.as_ref();
    let custom = custom.map(|name| Choice {
        name: name.clone(),
        ..Choice::default()
    });
    Ok(Brief {
        site_name: blueprint.name.clone(),
        business_name: stored.business_name,
        summary: stored.summary,
        business_type: stored.business_type_id.as_ref().and_then(choice).or(custom),
        audiences: stored.audience_profile_ids.iter().filter_map(choice).collect(),
        personalities: stored.brand_personality_ids.iter().filter_map(choice).collect(),
        hero_imagery: stored.hero_imagery_direction_id.as_ref().and_then(choice),
        objectives: stored.objectives,
        facts: stored.facts,
        language: stored.language,
    })
}

/// The instructions that a start carried.
pub fn instructions(job: &job::Model) -> Option<String> {
    job.input["instructions"].as_str().map(str::to_string)
}
