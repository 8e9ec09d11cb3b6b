//! A finished site as files: one HTML document a page, and `site.json` for programs.
//!
//! `site.json` holds no ids and no times: the same brief and writer give the same bytes. Its format, with
//! `"format": 1`, only grows: `name`, `description`, `brief` (with the options as key and name), `structure`
//! (as planned: `siteName`, `tagline`, `theme`, `navigation`, `pages`) and `pages` in order, each with `slug`,
//! `file`, `title`, `type`, `seo`, `status` and its `blocks` (`kind`, `status`, `heading`, `goal`, `content` as in
//! GraphQL, `placeholders`).

use serde_json::{Value, json};
use uuid::Uuid;

use super::files::File;
use crate::entities::builder_option;
use crate::error::Result;
use crate::export::{Block, Page, Site};
use crate::render::{self, LinkBase};

/// Every file; the home page last, so that a site is seen once all of it is there. `spoken` is the language
/// that the texts are in, if it is not the brief's.
pub fn files(mut site: Site, options: &[builder_option::Model], spoken: Option<&str>) -> Result<Vec<File>> {
    let document = serde_json::to_string_pretty(&document(&site, options))?;
    if let Some(language) = spoken {
        // A page must not call its text something that it is not: screen readers believe it.
        site.brief.language = language.to_string();
    }
    let mut files = vec![File {
        name: "site.json".to_string(),
        text: format!("{document}\n"),
    }];
    let (home, others): (Vec<&Page>, Vec<&Page>) = site.pages.iter().partition(|page| page.row.slug.is_empty());
    files.extend(others.into_iter().chain(home).map(|page| File {
        name: render::file_name(&page.row.slug),
        text: site.html(page, LinkBase::Files),
    }));
    Ok(files)
}

/// How many blocks have content.
pub fn block_count(site: &Site) -> usize {
    let blocks = site.pages.iter().flat_map(|page| &page.blocks);
    blocks.filter(|block| block.content.is_some()).count()
}

/// What a person must confirm on a page, each once.
pub fn placeholders(page: &Page) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for placeholder in page.blocks.iter().flat_map(|block| &block.placeholders) {
        if !found.contains(placeholder) {
            found.push(placeholder.clone());
        }
    }
    found
}

fn document(site: &Site, options: &[builder_option::Model]) -> Value {
    let brief = &site.brief;
    let option = |id: &Uuid| {
        let option = options.iter().find(|option| option.id == *id)?;
        Some(json!({ "key": option.key, "name": option.name }))
    };
    let some = |ids: &[Uuid]| ids.iter().filter_map(option).collect::<Vec<_>>();
    json!({
        "format": 1,
        "name": site.blueprint.name,
        "description": site.blueprint.description,
        "brief": {
            "businessName": brief.business_name,
            "summary": brief.summary,
            "businessType": brief.business_type_id.as_ref().and_then(option),
            "customBusinessType": brief.custom_business_type,
            "audienceProfiles": some(&brief.audience_profile_ids),
            "brandPersonalities": some(&brief.brand_personality_ids),
            "heroImageryDirection": brief.hero_imagery_direction_id.as_ref().and_then(option),
            "objectives": brief.objectives,
            "facts": brief.facts,
            "language": brief.language,
        },
        "structure": site.structure,
        "pages": site.pages.iter().map(page).collect::<Vec<_>>(),
    })
}

fn page(page: &Page) -> Value {
    json!({
        "slug": page.row.slug,
        "file": render::file_name(&page.row.slug),
        "title": page.row.title,
        "type": page.row.page_type.to_ascii_uppercase(),
        "seo": { "title": page.seo.title, "description": page.seo.description },
        "status": page.row.status.as_str().to_ascii_uppercase(),
        "blocks": page.blocks.iter().map(block).collect::<Vec<_>>(),
    })
}

fn block(block: &Block) -> Value {
    let content = block.row.content.clone().unwrap_or(Value::Null);
    json!({
        "kind": block.row.kind,
        "status": block.row.status.as_str().to_ascii_uppercase(),
        "heading": block.row.heading,
        "goal": block.row.goal,
        "content": content,
        "placeholders": block.placeholders,
    })
}
