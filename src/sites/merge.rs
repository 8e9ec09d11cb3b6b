//! Laying a new plan over what exists: pages match by slug, and nothing that has content is lost.
//!
//! Pure: rows in, a list of changes out, so that the rule can be tested without a database.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::structure::SiteStructure;
use crate::entities::{block, page};

/// What is to be done to a site's pages.
#[derive(Debug, Default, PartialEq)]
pub struct Merge {
    pub pages: Vec<MergedPage>,
    /// Pages of the old plan that never got content.
    pub deleted_pages: Vec<Uuid>,
    /// Planned sections that never got content and are planned no more.
    pub deleted_blocks: Vec<Uuid>,
    /// Pages with content that the new plan does not have: they move behind the others.
    pub kept_pages: Vec<Uuid>,
}

#[derive(Debug, PartialEq)]
pub struct MergedPage {
    pub id: Uuid,
    pub is_new: bool,
    /// Index in the plan, and position on the site.
    pub plan: usize,
    pub blocks: Vec<MergedBlock>,
}

#[derive(Debug, PartialEq)]
pub struct MergedBlock {
    pub id: Uuid,
    pub is_new: bool,
    pub is_locked: bool,
    /// The planned section; none for a block that only keeps its place at the end.
    pub section: Option<usize>,
}

/// Lays `plan` over the rows. `new_ids` gives each slug that does not exist yet its page id.
pub fn merge(
    plan: &SiteStructure,
    pages: &[page::Model],
    blocks: &[block::Model],
    new_ids: &HashMap<String, Uuid>,
    mut new_block_id: impl FnMut() -> Uuid,
) -> Merge {
    let has_content = |page: Uuid| blocks.iter().any(|block| block.page_id == page && is_kept(block));
    let planned: HashSet<&str> = plan.pages.iter().map(|page| page.slug.as_str()).collect();
    let mut merge = Merge::default();
    for page in pages.iter().filter(|page| !planned.contains(page.slug.as_str())) {
        let list = if has_content(page.id) {
            &mut merge.kept_pages
        } else {
            &mut merge.deleted_pages
        };
        list.push(page.id);
    }
    for (index, wanted) in plan.pages.iter().enumerate() {
        let existing = pages.iter().find(|page| page.slug == wanted.slug);
        let id = existing
            .map(|page| page.id)
            .or_else(|| new_ids.get(&wanted.slug).copied());
        let Some(id) = id else { continue };
        let own: Vec<&block::Model> = blocks.iter().filter(|block| block.page_id == id).collect();
        let mut free: Vec<&block::Model> = own.iter().copied().filter(|block| is_kept(block)).collect();
        merge
            .deleted_blocks
            .extend(own.iter().filter(|block| !is_kept(block)).map(|block| block.id));
        let mut merged = Vec::with_capacity(wanted.sections.len());
        for (section, planned) in wanted.sections.iter().enumerate() {
            let found = free.iter().position(|block| block.kind == planned.kind.as_str());
            let section = Some(section);
            merged.push(match found.map(|at| free.remove(at)) {
                Some(block) => MergedBlock {
                    id: block.id,
                    is_new: false,
                    is_locked: block.locked,
                    section,
                },
                None => MergedBlock {
                    id: new_block_id(),
                    is_new: true,
                    is_locked: false,
                    section,
                },
            });
        }
        let rest = free.into_iter();
        merged.extend(rest.map(|block| MergedBlock {
            id: block.id,
            is_new: false,
            is_locked: block.locked,
            section: None,
        }));
        merge.pages.push(MergedPage {
            id,
            is_new: existing.is_none(),
            plan: index,
            blocks: merged,
        });
    }
    merge
}

/// Content and locks are a person's or paid for; a bare plan is neither.
fn is_kept(block: &block::Model) -> bool {
    block.content.is_some() || block.locked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::db::now;
    use crate::entities::{BlockOrigin, BlockStatus, PageStatus};
    use crate::ids::new_id;

    fn plan(pages: &[(&str, &[&str])]) -> SiteStructure {
        let pages: Vec<_> = pages
            .iter()
            .map(|(slug, kinds)| {
                let sections: Vec<_> = kinds
                    .iter()
                    .map(|kind| json!({"kind": kind, "heading": "H", "goal": "G"}))
                    .collect();
                json!({"slug": slug, "title": "T", "type": "CUSTOM", "seo": {"title": "", "description": ""},
                       "sections": sections})
            })
            .collect();
        let palette = json!({"background": "#ffffff", "surface": "#ffffff", "text": "#000000",
                             "primary": "#000000", "accent": "#000000"});
        serde_json::from_value(json!({
            "siteName": "S", "tagline": "", "pages": pages,
            "theme": {"palette": palette, "fonts": {"heading": "A", "body": "B"}},
            "navigation": {"header": [], "footer": []},
        }))
        .unwrap()
    }

    fn page_row(slug: &str) -> page::Model {
        page::Model {
            id: new_id(),
            blueprint_id: new_id(),
            slug: slug.to_string(),
            title: String::new(),
            page_type: "custom".to_string(),
            seo_title: String::new(),
            seo_description: String::new(),
            status: PageStatus::Draft,
            position: 0,
            version: 1,
            created_at: now(),
            updated_at: now(),
        }
    }

    fn block_row(page: Uuid, kind: &str, has_content: bool, locked: bool) -> block::Model {
        block::Model {
            id: new_id(),
            page_id: page,
            kind: kind.to_string(),
            position: 0,
            status: if has_content {
                BlockStatus::Ready
            } else {
                BlockStatus::Planned
            },
            locked,
            origin: BlockOrigin::Ai,
            heading: String::new(),
            goal: String::new(),
            content: has_content.then(|| json!({})),
            placeholders: json!([]),
            revision: 0,
            job_id: None,
            updated_at: now(),
        }
    }

    #[test]
    fn a_page_with_content_is_never_deleted_and_its_blocks_keep_their_ids() {
        let (home, old, empty) = (page_row(""), page_row("old"), page_row("empty"));
        let hero = block_row(home.id, "HERO", true, false);
        let team = block_row(home.id, "TEAM", true, false);
        let bare = block_row(home.id, "FAQ", false, false);
        let kept = block_row(old.id, "TEXT", true, false);
        let about = new_id();
        let merged = merge(
            &plan(&[("", &["HERO", "CTA"]), ("about", &["HERO"])]),
            &[home.clone(), old.clone(), empty.clone()],
            &[hero.clone(), team.clone(), bare.clone(), kept],
            &HashMap::from([("about".to_string(), about)]),
            new_id,
        );
        assert_eq!(merged.deleted_pages, [empty.id]);
        assert_eq!(merged.kept_pages, [old.id]);
        assert_eq!(merged.deleted_blocks, [bare.id]);
        assert_eq!((merged.pages[0].id, merged.pages[0].is_new), (home.id, false));
        let blocks: Vec<_> = merged.pages[0].blocks.iter().map(|b| (b.is_new, b.section)).collect();
        assert_eq!(blocks, [(false, Some(0)), (true, Some(1)), (false, None)]);
        assert_eq!(
            (merged.pages[0].blocks[0].id, merged.pages[0].blocks[2].id),
            (hero.id, team.id)
        );
        assert_eq!((merged.pages[1].id, merged.pages[1].is_new), (about, true));
    }

    #[test]
    fn a_locked_section_survives_even_without_content() {
        let home = page_row("");
        let locked = block_row(home.id, "FAQ", false, true);
        let merged = merge(
            &plan(&[("", &["HERO"])]),
            &[home],
            std::slice::from_ref(&locked),
            &HashMap::new(),
            new_id,
        );
        assert!(merged.deleted_blocks.is_empty());
        let last = merged.pages[0].blocks.last().unwrap();
        assert_eq!((last.id, last.is_locked), (locked.id, true));
    }
}
