//! The offline writer's promises, measured on whole sites: one driver, random briefs from printed seeds.
//!
//! The briefs use the real option seeds. Whether replies pass the reader of `sites` is tested there.

mod briefs;
mod content;
mod data;
mod facts;
mod hostile;
mod measures;
mod owners;

use serde_json::Value;
use uuid::Uuid;

use crate::ai::request::{Brief, PageOutline, PageTask, Request, Section, Task};

/// A site as the pipeline would get it: the plan, then page by page.
pub(super) struct Site {
    pub structure: Value,
    pub pages: Vec<Value>,
}

pub(super) fn request(brief: &Brief, task: Task) -> Request {
    Request {
        job: Uuid::nil(),
        attempt: 1,
        function: "page",
        messages: Vec::new(),
        schema: Value::Null.into(),
        brief: brief.clone(),
        task,
        correction: None,
        max_tokens: None,
    }
}

pub(super) fn plan(brief: &Brief, max_pages: usize) -> Value {
    super::write(&request(
        brief,
        Task::Structure {
            max_pages,
            instructions: None,
        },
    ))
}

pub(super) fn outline(structure: &Value) -> Vec<PageOutline> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let pages = structure["pages"].as_array().expect("a plan has pages");
    let sections = |page: &Value| {
        let planned = page["sections"]
            .as_array()
            .expect("a page has sections")
            .iter()
            .enumerate();
        planned
            .map(|(position, s)| Section {
                position,
                kind: text(s, "kind"),
                heading: text(s, "heading"),
                goal: text(s, "goal"),
            })
            .collect()
    };
    pages
        .iter()
        .map(|page| PageOutline {
            slug: text(page, "slug"),
            title: text(page, "title"),
            page_type: text(page, "type"),
            sections: sections(page),
        })
        .collect()
}

pub(super) fn page(brief: &Brief, outline: &[PageOutline], at: usize) -> Value {
    let task = PageTask {
        outline: outline.to_vec(),
        slug: outline[at].slug.clone(),
        sections: outline[at].sections.clone(),
        finished: Vec::new(),
        instructions: None,
    };
    super::write(&request(brief, Task::Page(task)))
}

pub(super) fn site(brief: &Brief, max_pages: usize) -> Site {
    let structure = plan(brief, max_pages);
    let outline = outline(&structure);
    let pages = (0..outline.len()).map(|at| page(brief, &outline, at)).collect();
    Site { structure, pages }
}

/// Every string below a value, with the name of its field.
pub(super) fn strings<'a>(value: &'a Value, field: &'a str, into: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => into.push((field, text)),
        Value::Array(items) => items.iter().for_each(|item| strings(item, field, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, item)| strings(item, name, into)),
        _ => {}
    }
}

impl Site {
    pub fn blocks(&self) -> impl Iterator<Item = &Value> {
        self.pages
            .iter()
            .flat_map(|page| page["blocks"].as_array().expect("a page has blocks"))
    }

    /// The texts that a visitor reads, one line each.
    pub fn texts(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.blocks().for_each(|block| strings(block, "", &mut found));
        let hidden = [
            "kind",
            "href",
            "style",
            "aspect",
            "layout",
            "side",
            "icon",
            "placeholders",
            "prompt",
        ];
        found
            .into_iter()
            .filter(|(field, _)| !hidden.contains(field))
            .map(|(_, text)| text.to_owned())
            .collect()
    }
}

/// The sentences of a text with at least eight words, in lower case.
pub(super) fn long_sentences(text: &str) -> Vec<String> {
    text.split(['.', '!', '?', '\n', ';'])
        .map(|sentence| sentence.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.len() >= 8)
        .map(|words| words.join(" ").to_lowercase())
        .collect()
}
