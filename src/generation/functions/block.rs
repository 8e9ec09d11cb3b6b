//! Writing one section of a page by itself: again after its checks refused it, beside all that stands.

use serde_json::{Value, json};

use super::{Function, Spec, optional, required, schema_of};
use crate::ai::{PageTask, Schema, Section, Task};
use crate::entities::PriceKind;
use crate::generation::context::Site;
use crate::generation::prompts::data;
use crate::sites::block::{BlockKind, Written, page_schema, read_block};
use crate::sites::problem::Problem;

pub const SPEC: Spec = Spec {
    name: "block",
    about: "Writes one section of a page by itself, beside everything that stands on the page.",
    words: include_str!("block.md"),
    variables: &[
        required("brief", "The owner's brief as JSON data."),
        required(
            "section",
            "The section to write as JSON data: position, kind, heading, goal.",
        ),
        optional(
            "page",
            "The page as JSON data: slug, title, type, what search engines show.",
        ),
        optional(
            "site",
            "The site's name, tagline and all pages with their sections as JSON data.",
        ),
        optional("finished_sections", "What stands on this page already, as JSON data."),
        optional(
            "finished_pages",
            "One line for each finished page, with the button texts it uses, as JSON data.",
        ),
        optional(
            "wishes",
            "What the owner asked for with this start, as a JSON text; null for nothing.",
        ),
        optional("section_rules", "What this kind of section needs."),
    ],
    price: PriceKind::Block,
};

/// One section.
pub struct Block<'a> {
    pub site: &'a Site,
    pub slug: String,
    pub section: Section,
    pub kind: BlockKind,
    /// What stands on the page beside it.
    pub finished: Vec<Value>,
    pub instructions: Option<String>,
}

impl Function for Block<'_> {
    const SPEC: &'static Spec = &SPEC;
    type Reply = Written;

    fn site(&self) -> &Site {
        self.site
    }

    fn task(&self) -> Task {
        Task::Page(PageTask {
            outline: self.site.outline(),
            slug: self.slug.clone(),
            sections: vec![self.section.clone()],
            finished: self.finished.clone(),
            instructions: self.instructions.clone(),
        })
    }

    fn schema(&self) -> Schema {
        schema_of(SPEC.name, &self.kind, || page_schema(&[self.kind]))
    }

    fn values(&self) -> Vec<(&'static str, String)> {
        vec![
            ("brief", self.site.brief_data()),
            ("section", data(&json!(self.section))),
            ("page", self.site.page_data(&self.slug)),
            ("site", self.site.outline_data()),
            ("finished_sections", data(&self.finished)),
            ("finished_pages", self.site.finished_pages_data(&self.slug)),
            ("wishes", data(&self.instructions)),
            ("section_rules", super::page::rules_of(&[self.kind])),
        ]
    }

    fn max_tokens(&self) -> u32 {
        1_800
    }

    fn read(&self, reply: Value) -> Result<Written, Vec<Problem>> {
        match reply["blocks"].as_array().and_then(|blocks| blocks.first()) {
            Some(element) => read_block(self.kind, element.clone(), &self.section.heading),
            None => Err(vec![Problem::whole(format!("Write one block of kind {}.", self.kind))]),
        }
    }
}
