//! Pages of an outline: the whole site is gone through in order, and the wanted sections are kept.
//!
//! That costs a little time and saves an agreement: a page does not need to know what another
//! page's request did, because it comes to the same result itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::blocks;
use super::brief::Context;
use super::ledger::Ledger;
use super::library::Line;
use super::placement::Placement;
use super::text;
use crate::ai::request::{PageTask, Section};

/// A page of the outline with what the library knows about it.
pub(super) struct PageView {
    pub slug: String,
    pub title: String,
    pub page_type: String,
    pub sections: Vec<Section>,
    /// The trade's line for this page: slug, type, title, headline, keywords, button.
    pub line: Option<Line>,
}

/// A site in the making.
pub(super) struct Writer<'a> {
    pub context: &'a Context,
    pub pages: Vec<PageView>,
    pub ledger: Ledger,
    pub placement: Placement,
    /// Button texts on the page that is being written.
    pub labels: BTreeSet<String>,
    /// Whether something that is said once a site was said.
    pub said: BTreeSet<String>,
    /// Pictures beside text on this page; they alternate their sides.
    pub splits: usize,
}

/// The reply to a page task.
pub(super) fn page(context: &Context, task: &PageTask) -> Value {
    let pages = views(context, task);
    let target = pages.iter().position(|page| page.slug == task.slug).unwrap_or(0);
    let mut writer = Writer::new(context, pages);
    let wanted: Vec<usize> = task.sections.iter().map(|section| section.position).collect();
    let mut blocks: Vec<(usize, Value)> = Vec::new();
    let mut draws = Vec::new();
    for page in 0..=target {
        writer.turn_page(if page == target { &task.finished } else { &[] });
        for index in 0..writer.pages[page].sections.len() {
            let block = blocks::write(&mut writer, page, index);
            let drawn = writer.ledger.settle();
            let position = writer.pages[page].sections[index].position;
            if page == target && wanted.contains(&position) {
                blocks.push((position, block));
                draws.extend(drawn);
            }
        }
    }
    if task.instructions.as_deref().is_some_and(|text| !text.trim().is_empty()) {
        blocks = anew(writer, task, target, &draws);
    }
    // One element a requested section, in the order of the request.
    let ordered: Vec<Value> = wanted
        .iter()
        .filter_map(|position| {
            blocks
                .iter()
                .find(|(at, _)| at == position)
                .map(|(_, block)| block.clone())
        })
        .collect();
    json!({ "blocks": ordered })
}

/// The wanted sections with other phrases, for a person who asked for a change.
fn anew(mut writer: Writer, task: &PageTask, target: usize, draws: &[(&'static str, usize)]) -> Vec<(usize, Value)> {
    // What the pages after this one will say is not free either.
    for page in target + 1..writer.pages.len() {
        writer.turn_page(&[]);
        for index in 0..writer.pages[page].sections.len() {
            blocks::write(&mut writer, page, index);
        }
    }
    writer.ledger.release(draws);
    writer.turn_page(&task.finished);
    let mut blocks = Vec::new();
    for index in 0..writer.pages[target].sections.len() {
        let position = writer.pages[target].sections[index].position;
        if task.sections.iter().any(|section| section.position == position) {
            blocks.push((position, blocks::write(&mut writer, target, index)));
        }
    }
    blocks
}

impl<'a> Writer<'a> {
    pub fn new(context: &'a Context, pages: Vec<PageView>) -> Writer<'a> {
        let topics: Vec<BTreeSet<String>> = pages.iter().map(topic).collect();
        let mut ledger = Ledger::new(context, topics.clone());
        for section in pages.iter().flat_map(|page| &page.sections) {
            if let Some(pool) = titled_pool(&section.kind) {
                ledger.reserve(pool, &section.heading);
            }
        }
        let placement = Placement::of(context, &pages, &topics);
        ledger.strike("questions", &placement.answered);
        let (labels, said) = (BTreeSet::new(), BTreeSet::new());
        Writer {
            context,
            pages,
            ledger,
            placement,
            labels,
            said,
            splits: 0,
        }
    }

    /// Forgets what is counted by page; buttons that already stand there stay in mind.
    pub fn turn_page(&mut self, finished: &[Value]) {
        self.labels.clear();
        self.splits = 0;
        for block in finished {
            collect_labels(block, &mut self.labels);
        }
    }

    /// Whether this is said for the first time.
    pub fn first_time(&mut self, what: &str) -> bool {
        self.said.insert(what.to_owned())
    }
}

/// The list whose entries have a title that becomes a section's heading.
pub(super) fn titled_pool(kind: &str) -> Option<&'static str> {
    match kind {
        "STEPS" => Some("steps"),
        "SPLIT" => Some("splits"),
        "CTA" => Some("closings"),
        "TEXT" => Some("stories"),
        _ => None,
    }
}

/// What a page is about, as stems; a home page is about everything.
pub(super) fn topic(page: &PageView) -> BTreeSet<String> {
    if page.slug.is_empty() {
        return BTreeSet::new();
    }
    let mut words = format!("{} {}", page.title, page.slug.replace('-', " "));
    if let Some(line) = &page.line {
        words = format!("{words} {}", line.get(4).map_or("", String::as_str));
    }
    text::stems(&words)
}

fn views(context: &Context, task: &PageTask) -> Vec<PageView> {
    let mut outline = task.outline.clone();
    if !outline.iter().any(|page| page.slug == task.slug) {
        outline.push(crate::ai::request::PageOutline {
            slug: task.slug.clone(),
            title: task.slug.replace('-', " "),
            page_type: "CUSTOM".to_owned(),
            sections: Vec::new(),
        });
    }
    let target = outline.iter().position(|page| page.slug == task.slug);
    let mut views: Vec<PageView> = Vec::new();
    for (at, page) in outline.into_iter().enumerate() {
        let mut sections = page.sections;
        if Some(at) == target {
            // The request's word on a section is newer than the outline's.
            sections.retain(|known| !task.sections.iter().any(|section| section.position == known.position));
            sections.extend(task.sections.iter().cloned());
            sections.sort_by_key(|section| section.position);
        }
        for section in &mut sections {
            section.heading = text::plain(&section.heading, 110);
        }
        let line = context
            .trade
            .list("pages")
            .iter()
            .find(|line| line[0] == page.slug)
            .cloned();
        let title = text::plain(&page.title, 60);
        views.push(PageView {
            slug: page.slug,
            title,
            page_type: page.page_type,
            sections,
            line,
        });
    }
    views
}

fn collect_labels(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(label)), true) = (fields.get("label"), fields.contains_key("href")) {
                into.insert(label.to_lowercase());
            }
            fields.values().for_each(|field| collect_labels(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_labels(item, into)),
        _ => {}
    }
}
