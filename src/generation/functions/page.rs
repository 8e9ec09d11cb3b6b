//! Writing the sections of one page that are not written yet, knowing the whole site.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Function, Spec, optional, required, schema_of};
use crate::ai::{PageTask, Schema, Section, Task};
use crate::entities::PriceKind;
use crate::generation::context::Site;
use crate::generation::prompts::data;
use crate::sites::block::{BlockKind, page_schema};
use crate::sites::problem::Problem;

pub const SPEC: Spec = Spec {
    name: "page",
    about: "Writes the sections of one page, all that are not written or locked.",
    words: include_str!("page.md"),
    variables: &[
        required("brief", "The owner's brief as JSON data."),
        required(
            "sections",
            "The sections to write, in order, as JSON data: position, kind, heading, goal.",
        ),
        required(
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
        optional(
            "section_rules",
            "What each kind of section to be written needs, one a line.",
        ),
    ],
    price: PriceKind::Page,
};

/// The sections of a page that one call writes.
pub struct Page<'a> {
    pub site: &'a Site,
    pub slug: String,
    pub sections: Vec<Section>,
    pub kinds: Vec<BlockKind>,
    /// What stands on the page already.
    pub finished: Vec<Value>,
    pub instructions: Option<String>,
}

impl Function for Page<'_> {
    const SPEC: &'static Spec = &SPEC;
    /// The elements, one a section; each is checked by itself as soon as it closes.
    type Reply = Vec<Value>;

    fn site(&self) -> &Site {
        self.site
    }

    fn task(&self) -> Task {
        Task::Page(PageTask {
            outline: self.site.outline(),
            slug: self.slug.clone(),
            sections: self.sections.clone(),
            finished: self.finished.clone(),
            instructions: self.instructions.clone(),
        })
    }

    fn schema(&self) -> Schema {
        // Which kinds there are and how many sections: it depends on nothing else.
        let kinds: BTreeSet<BlockKind> = self.kinds.iter().copied().collect();
        schema_of(SPEC.name, &(kinds, self.kinds.len()), || page_schema(&self.kinds))
    }

    fn values(&self) -> Vec<(&'static str, String)> {
        vec![
            ("brief", self.site.brief_data()),
            ("sections", data(&self.sections)),
            ("page", self.site.page_data(&self.slug)),
            ("site", self.site.outline_data()),
            ("finished_sections", data(&self.finished)),
            ("finished_pages", self.site.finished_pages_data(&self.slug)),
            ("wishes", data(&self.instructions)),
            ("section_rules", rules_of(&self.kinds)),
        ]
    }

    fn max_tokens(&self) -> u32 {
        600 + 900 * u32::try_from(self.sections.len()).unwrap_or(8).min(8)
    }

    fn read(&self, reply: Value) -> Result<Vec<Value>, Vec<Problem>> {
        let came = reply["blocks"].as_array().map_or(&[][..], Vec::as_slice);
        if came.len() < self.sections.len() {
            let (asked, came) = (self.sections.len(), came.len());
            let message = format!("{asked} sections were asked for and {came} came; write every one.");
            return Err(vec![Problem::whole(message)]);
        }
        Ok(came.to_vec())
    }
}

/// What each kind needs, one a line, each kind once.
pub fn rules_of(kinds: &[BlockKind]) -> String {
    let mut lines = Vec::new();
    for kind in BlockKind::ALL.iter().filter(|kind| kinds.contains(kind)) {
        lines.push(format!("- {kind}: {}", rule(*kind)));
    }
    lines.join("\n")
}

fn rule(kind: BlockKind) -> &'static str {
    match kind {
        BlockKind::Hero => "a headline that names the benefit first, one sentence below it, at most two buttons.",
        BlockKind::Features => "2 to 8 short items; each title names a benefit, each description shows it.",
        BlockKind::Split => "text beside a picture: one thought, with a description of the picture.",
        BlockKind::Steps => "the complete process in 2 to 6 steps, in order.",
        BlockKind::Stats => "2 to 6 figures from the brief; a missing figure is a placeholder, never invented.",
        BlockKind::Logos => "2 to 8 names from the brief; otherwise placeholders.",
        BlockKind::Testimonials => "words of customers from the brief; otherwise placeholders, never invented people.",
        BlockKind::Pricing => "1 to 4 plans; prices from the brief only, otherwise placeholders.",
        BlockKind::Products => "1 to 12 services, dishes or articles of the brief, with prices of the brief only.",
        BlockKind::Faq => "3 to 10 questions that customers ask; an answer does not repeat its question.",
        BlockKind::Cta => "a request to act with one or two buttons whose texts are new on this page.",
        BlockKind::Text => "running text in plain Markdown without HTML.",
        BlockKind::Gallery => "2 to 12 pictures, each with a description for people who do not see it.",
        BlockKind::Team => "people of the brief; otherwise placeholders, never invented names.",
        BlockKind::Timeline => "2 to 8 events in order; dates of the brief only, otherwise placeholders.",
        BlockKind::Contact => "how to reach the business, from the brief only; otherwise placeholders.",
    }
}
