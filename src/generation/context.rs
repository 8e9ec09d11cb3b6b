//! Everything a writer is told about a site, read from the rows that exist now.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ai::{Brief, Choice, PageOutline, Section};
use crate::db::{Db, few_lengths};
use crate::entities::{block, blueprint, builder_option, job, page};
use crate::error::{Error, Result};
use crate::jobs::{Halt, Lookup, Work};
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
    /// The site of a running job, as it is now.
    pub async fn read(work: &Work) -> Result<Arc<Self>, Halt> {
        let site = work.job().blueprint_id;
        let site = site.ok_or_else(|| Error::internal("a job without a site"))?;
        let found = work.look_up::<Sites>(site).await?;
        Ok(found.ok_or_else(|| Error::internal("the site of a running job is gone"))??)
    }

    fn of(blueprint: blueprint::Model, stored: brief::Brief, options: &[builder_option::Model]) -> Self {
        let style = stored.style.clone();
        let brief = words(&blueprint, stored, options);
        let plan = blueprint.structure.unwrap_or_default();
        let said = |field: &str| plan[field].as_str().map(str::to_string);
        Site {
            pages: Vec::new(),
            blocks: Vec::new(),
            brief,
            style,
            name: said("siteName").unwrap_or(blueprint.name),
            tagline: said("tagline").unwrap_or_default(),
        }
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

/// Sites, each with everything that stands on it.
struct Sites;

impl Lookup for Sites {
    type Key = Uuid;
    /// One that cannot be read is its own trouble and nobody else's.
    type Found = Result<Arc<Site>>;

    async fn find(db: &Db, account: Uuid, ids: &[Uuid]) -> Result<HashMap<Uuid, Self::Found>> {
        let reader = db.reader();
        let (blueprints, pages, blocks) = tokio::try_join!(
            store::own_blueprints(reader, account, ids),
            store::pages_of_sites(reader, ids),
            store::blocks_of_sites(reader, ids),
        )?;
        let stored = |site: &blueprint::Model| Ok(serde_json::from_value(site.brief.clone())?);
        let briefs: Vec<Result<brief::Brief>> = blueprints.iter().map(stored).collect();
        let options = options(reader, briefs.iter().flatten()).await?;
        let mut sites: HashMap<Uuid, Result<Site>> = blueprints
            .into_iter()
            .zip(briefs)
            .map(|(site, brief)| (site.id, brief.map(|brief| Site::of(site, brief, &options))))
            .collect();
        let mut site_of = HashMap::with_capacity(pages.len());
        for page in pages {
            site_of.insert(page.id, page.blueprint_id);
            if let Some(Ok(site)) = sites.get_mut(&page.blueprint_id) {
                site.pages.push(page);
            }
        }
        for block in blocks {
            // One of a page that was added since the pages were read is of no use yet.
            let site = site_of.get(&block.page_id).and_then(|site| sites.get_mut(site));
            if let Some(Ok(site)) = site {
                site.blocks.push(block);
            }
        }
        Ok(sites.into_iter().map(|(id, site)| (id, site.map(Arc::new))).collect())
    }
}

/// The options that briefs name.
async fn options<'a>(
    connection: &impl ConnectionTrait,
    briefs: impl Iterator<Item = &'a brief::Brief>,
) -> Result<Vec<builder_option::Model>> {
    let ids: Vec<Uuid> = briefs.flat_map(named).copied().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = builder_option::Entity::find().filter(builder_option::Column::Id.is_in(few_lengths(&ids)));
    Ok(query.all(connection).await?)
}

fn named(brief: &brief::Brief) -> impl Iterator<Item = &Uuid> {
    let several = brief.audience_profile_ids.iter().chain(&brief.brand_personality_ids);
    several
        .chain(&brief.business_type_id)
        .chain(&brief.hero_imagery_direction_id)
}

/// The stored brief with its options as words.
fn words(blueprint: &blueprint::Model, stored: brief::Brief, options: &[builder_option::Model]) -> Brief {
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
    Brief {
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
    }
}

/// The instructions that a start carried.
pub fn instructions(job: &job::Model) -> Option<String> {
    job.input["instructions"].as_str().map(str::to_string)
}
