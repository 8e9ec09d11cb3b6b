//! Planning a whole site: theme, menus, pages and their sections.

use serde_json::{Value, json};

use super::{Function, Spec, optional, required, schema_of};
use crate::ai::{Schema, Task};
use crate::entities::PriceKind;
use crate::generation::context::Site;
use crate::generation::prompts::data;
use crate::sites::problem::Problem;
use crate::sites::structure::{Bounds, SiteStructure, read_structure, structure_schema};

pub const SPEC: Spec = Spec {
    name: "structure",
    about: "Plans a whole site from its brief: name, theme, menus, pages and their sections.",
    words: include_str!("structure.md"),
    variables: &[
        required("brief", "The owner's brief as JSON data."),
        required("max_pages", "The most pages that the plan may have, a number."),
        optional("max_sections", "The most sections that a page may have, a number."),
        optional(
            "wishes",
            "What the owner asked for with this start, as a JSON text; null for nothing.",
        ),
        optional(
            "existing_pages",
            "The pages that the site has already, as JSON data; keep their slugs.",
        ),
        optional(
            "section_kinds",
            "The kinds of sections with what each is for, one a line.",
        ),
    ],
    price: PriceKind::Structure,
};

/// One plan.
pub struct Structure<'a> {
    pub site: &'a Site,
    pub max_pages: usize,
    /// The most sections of a page.
    pub max_sections: usize,
    pub instructions: Option<String>,
}

impl Structure<'_> {
    fn bounds(&self) -> Bounds {
        Bounds::new(self.max_pages, self.max_sections)
    }
}

impl Function for Structure<'_> {
    const SPEC: &'static Spec = &SPEC;
    /// The plan, and what had to be repaired in it.
    type Reply = (SiteStructure, Vec<String>);

    fn site(&self) -> &Site {
        self.site
    }

    fn task(&self) -> Task {
        Task::Structure {
            max_pages: self.max_pages,
            instructions: self.instructions.clone(),
        }
    }

    fn schema(&self) -> Schema {
        schema_of(SPEC.name, &self.bounds(), || structure_schema(self.bounds()))
    }

    fn values(&self) -> Vec<(&'static str, String)> {
        let existing = self
            .site
            .pages
            .iter()
            .map(|page| json!({ "slug": page.slug, "title": page.title, "type": page.page_type.to_uppercase() }));
        vec![
            ("brief", self.site.brief_data()),
            ("max_pages", self.max_pages.to_string()),
            ("max_sections", self.max_sections.to_string()),
            ("wishes", data(&self.instructions)),
            ("existing_pages", data(&existing.collect::<Vec<_>>())),
            (
                "section_kinds",
                super::page::rules_of(crate::sites::block::BlockKind::ALL),
            ),
        ]
    }

    fn max_tokens(&self) -> u32 {
        // Theme and menus, then what search engines show of each page, and its sections.
        let pages = u32::try_from(self.max_pages).unwrap_or(12).min(12);
        let sections = u32::try_from(self.max_sections).unwrap_or(8).min(8);
        1_200 + pages * (140 + 70 * sections)
    }

    fn read(&self, reply: Value) -> Result<Self::Reply, Vec<Problem>> {
        read_structure(reply, self.bounds())
    }
}
