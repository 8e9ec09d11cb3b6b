//! What a prompt says about a site, as data: the brief, the outline, and one line for each finished page.
//!
//! Bounded on purpose: a brief may be long, but what the site says about itself must not push it out of the
//! model's sight. Goals are told for the page that is written and headings for the others.

use serde_json::{Value, json};

use super::context::Site;
use super::prompts::data;
use crate::entities::{block, page};
use crate::sites::text::clamp;

/// The most characters that one finished page takes in a prompt.
const PAGE_LINE: usize = 240;
/// The most button texts that are told of one page.
const BUTTONS: usize = 12;

impl Site {
    /// The brief, with what the owner said about style.
    pub fn brief_data(&self) -> String {
        let mut brief = json!(self.brief);
        if let Some(style) = &self.style {
            brief["style"] = json!(style);
        }
        data(&brief)
    }

    /// One page by itself.
    pub fn page_data(&self, slug: &str) -> String {
        let page = self.pages.iter().find(|page| page.slug == slug);
        data(&page.map(|page| {
            json!({
                "slug": page.slug,
                "title": page.title,
                "type": page.page_type.to_uppercase(),
                "searchTitle": page.seo_title,
                "searchDescription": page.seo_description,
            })
        }))
    }

    /// The whole site: its name and every page with its sections.
    pub fn outline_data(&self) -> String {
        let page = |page: &page::Model| {
            let sections = self
                .blocks_of(page.id)
                .map(|block| format!("{}: {}", block.kind, block.heading));
            json!({
                "slug": page.slug,
                "title": page.title,
                "type": page.page_type.to_uppercase(),
                "sections": sections.collect::<Vec<_>>(),
            })
        };
        let pages: Vec<Value> = self.pages.iter().map(page).collect();
        data(&json!({ "name": self.name, "tagline": self.tagline, "pages": pages }))
    }

    /// The other pages that have content: a line of what each says, and the button texts that are taken.
    pub fn finished_pages_data(&self, slug: &str) -> String {
        let others = self.pages.iter().filter(|page| page.slug != slug);
        let lines = others.filter_map(|page| {
            let written: Vec<&block::Model> = self
                .blocks_of(page.id)
                .filter(|block| block.content.is_some())
                .collect();
            if written.is_empty() {
                return None;
            }
            let says: Vec<&str> = written.iter().filter_map(|block| headline(block)).collect();
            Some(json!({
                "page": page.title,
                "says": clamp(&says.join(" / "), PAGE_LINE),
                "buttons": buttons(&written),
            }))
        });
        data(&lines.collect::<Vec<_>>())
    }
}

/// The line of a block that says most.
fn headline(block: &block::Model) -> Option<&str> {
    let content = block.content.as_ref()?;
    ["headline", "title"].iter().find_map(|field| content[*field].as_str())
}

/// The texts of a page's buttons, each once.
fn buttons(blocks: &[&block::Model]) -> Vec<String> {
    let mut found = Vec::new();
    for block in blocks {
        if let Some(content) = &block.content {
            collect_labels(content, &mut found);
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|label| seen.insert(label.to_lowercase()));
    found.truncate(BUTTONS);
    found
}

fn collect_labels(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let (Some(label), true) = (fields.get("label").and_then(Value::as_str), fields.contains_key("href")) {
                found.push(label.to_string());
            }
            fields.values().for_each(|field| collect_labels(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_labels(item, found)),
        _ => {}
    }
}
