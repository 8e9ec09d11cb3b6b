//! The checks of one page.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use super::score::{Code, Findings, Report, ranked};
use super::site::{Page, Site};
use super::words::grade;
use crate::entities::block;
use crate::sites::said::{Link, links, sentences, slug, texts};

/// Lengths at which search engines show the whole and people read it.
const TITLE: std::ops::RangeInclusive<usize> = 15..=60;
const DESCRIPTION: std::ops::RangeInclusive<usize> = 50..=160;
/// School years beyond which a visitor gives up.
const HARD: f64 = 12.0;
/// Fields of running text.
const RUNNING: [&str; 7] = ["body", "description", "subheadline", "intro", "answer", "bio", "quote"];

/// A page under its checks.
pub struct Checked<'s> {
    site: &'s Site<'s>,
    page: &'s Page<'s>,
    findings: Findings,
    placeholders: usize,
    grade: Option<f64>,
}

impl<'s> Checked<'s> {
    pub fn of(site: &'s Site<'s>, page: &'s Page<'s>) -> Checked<'s> {
        let mut checked = Checked {
            site,
            page,
            findings: Findings::default(),
            placeholders: 0,
            grade: None,
        };
        checked.search();
        checked.headings();
        checked.reachable();
        checked.buttons();
        checked.reading();
        for block in &page.blocks {
            checked.block(block);
        }
        checked
    }

    pub fn report(self) -> Report {
        let score = 100_u32.saturating_sub(self.findings.points());
        Report {
            score,
            findings: ranked(self.findings.of_page(Some(self.page.row.id))),
            placeholders: self.placeholders,
            reading_grade: self.grade,
        }
    }

    /// What search engines show.
    fn search(&mut self) {
        let row = self.page.row;
        let title = row.seo_title.chars().count();
        if !TITLE.contains(&title) {
            let message = format!("The search title has {title} characters; 15 to 60 are shown whole and say enough.");
            self.findings.add(Code::TitleLength, message, None, &["seo", "title"]);
        }
        if title > 0
            && self
                .site
                .titles
                .get(&row.seo_title.to_lowercase())
                .is_some_and(|count| *count > 1)
        {
            let message = "Another page has the same search title; say what is different here.";
            self.findings.add(Code::TitleRepeated, message, None, &["seo", "title"]);
        }
        let description = row.seo_description.chars().count();
        if !DESCRIPTION.contains(&description) {
            let message = format!("The search description has {description} characters; write 50 to 160.");
            self.findings
                .add(Code::DescriptionLength, message, None, &["seo", "description"]);
        }
    }

    /// One main heading, first; below it no level is left out.
    fn headings(&mut self) {
        let heroes: Vec<&&block::Model> = self.page.blocks.iter().filter(|block| block.kind == "HERO").collect();
        if self.page.blocks.first().is_none_or(|block| block.kind != "HERO") {
            let message = "The page does not begin with a HERO, so it has no main heading; move it to the top.";
            self.findings.add(Code::HeadingOrder, message, None, &["blocks"]);
        }
        for extra in heroes.iter().skip(1) {
            let message = "A second HERO is a second main heading; make it another kind of section.";
            self.findings
                .add(Code::HeadingOrder, message, Some(extra.id), &["kind"]);
        }
        for block in &self.page.blocks {
            let Some(content) = &block.content else { continue };
            let has_items = ["items", "members", "events", "plans"].iter().any(|list| {
                let items = content[*list].as_array().map_or(&[][..], Vec::as_slice);
                items
                    .iter()
                    .any(|item| item["title"].is_string() || item["name"].is_string())
            });
            let is_untitled = content.get("title").is_some_and(|title| says_nothing(Some(title)));
            if has_items && is_untitled {
                let message = "The entries have headings and the section has none; give it a title.";
                self.findings
                    .add(Code::HeadingOrder, message, Some(block.id), &["title"]);
            }
            if let Some(body) = content["body"].as_str().filter(|body| skips_a_level(body)) {
                let start: String = body.chars().take(40).collect();
                let message = format!("Headings within the text leave a level out (\"{start}…\"); use ## before ###.");
                self.findings
                    .add(Code::HeadingOrder, message, Some(block.id), &["body"]);
            }
        }
    }

    /// Whether anything leads here.
    fn reachable(&mut self) {
        let row = self.page.row;
        let from_pages = self.site.from_pages.get(&row.slug);
        let is_linked = from_pages.is_some_and(|pages| pages.iter().any(|page| *page != row.id));
        if !row.slug.is_empty() && !is_linked && !self.site.from_menus.contains(&row.slug) {
            let message = "No menu and no other page leads here; add a link.";
            self.findings.add(Code::OrphanPage, message, None, &["slug"]);
        }
    }

    /// A text that stands on two buttons says nothing about either; a way to reach the business may stand on every page.
    fn buttons(&mut self) {
        let mut seen = HashSet::new();
        let page = self.page;
        for block in &page.blocks {
            let Some(content) = &block.content else { continue };
            for link in links(content) {
                let Some(text) = link.text() else { continue };
                let repeats = &self.site.repeats;
                let place = match () {
                    () if seen.contains(&text) => "this page",
                    () if link.is_contact(&self.site.contact) => "",
                    () if repeats.is_elsewhere(page.row.id, &text) => "another page",
                    () => "",
                };
                if !place.is_empty() {
                    let label = &link.label;
                    let message = format!("The button text \"{label}\" stands on {place} already; find another.");
                    self.findings
                        .add(Code::ButtonRepeated, message, Some(block.id), &parts(&link.path));
                }
                seen.insert(text);
            }
        }
    }

    fn reading(&mut self) {
        if !self.site.is_english {
            return;
        }
        let mut running = Vec::new();
        for content in self.page.blocks.iter().filter_map(|block| block.content.as_ref()) {
            texts(content, &mut |path, text| {
                let is_running = path.iter().any(|part| RUNNING.contains(&part.as_str()));
                if is_running {
                    running.push(text);
                }
            });
        }
        self.grade = grade(running.into_iter());
        if let Some(grade) = self.grade.filter(|grade| *grade > HARD) {
            let message = format!("The text asks for {grade} years of school; shorter sentences and words reach more.");
            self.findings.add(Code::ReadingGrade, message, None, &["blocks"]);
        }
    }

    fn block(&mut self, block: &block::Model) {
        let id = Some(block.id);
        let Some(content) = &block.content else {
            let message = format!(
                "The section \"{}\" is not written yet. Generate the page.",
                block.heading
            );
            self.findings.add(Code::Unwritten, message, id, &[]);
            return;
        };
        for phrase in block
            .placeholders
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            self.placeholders += 1;
            let message = format!("A person must confirm or replace \"{phrase}\".");
            self.findings.add(Code::Placeholder, message, id, &["placeholders"]);
        }
        for link in links(content) {
            self.link(block.id, &link);
        }
        self.pictures(block.id, content, &mut Vec::new());
        self.repetitions(block.id, content);
    }

    fn link(&mut self, block: Uuid, link: &Link) {
        if slug(&link.href).is_some_and(|slug| !self.site.slugs.contains(slug)) {
            let message = format!(
                "A link leads to {}, which does not exist; choose a page of the site.",
                link.href
            );
            self.findings
                .add(Code::DeadLink, message, Some(block), &parts(&link.path));
        }
    }

    fn pictures(&mut self, block: Uuid, value: &Value, path: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let shows = fields.contains_key("alt") && fields.contains_key("prompt");
                let is_there = !says_nothing(fields.get("url")) || !says_nothing(fields.get("prompt"));
                if shows && is_there && says_nothing(fields.get("alt")) {
                    let message = "A picture has no description; say what it shows for people who do not see it.";
                    path.push("alt".to_string());
                    self.findings.add(Code::AltMissing, message, Some(block), &parts(path));
                    path.pop();
                }
                for (name, field) in fields {
                    path.push(name.clone());
                    self.pictures(block, field, path);
                    path.pop();
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    path.push(at.to_string());
                    self.pictures(block, item, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn repetitions(&mut self, block: Uuid, content: &Value) {
        let mut found: HashMap<String, (Vec<String>, String)> = HashMap::new();
        texts(content, &mut |path, text| {
            for (key, words) in sentences(text) {
                if self.site.repeats.of(&key) > 1 && !self.site.own.say(&key) {
                    found.entry(key).or_insert_with(|| (path.to_vec(), words.to_string()));
                }
            }
        });
        let mut found: Vec<_> = found.into_values().collect();
        found.sort();
        for (path, words) in found {
            let message = format!("\"{words}\" stands on the site more than once; say something new here.");
            self.findings
                .add(Code::SentenceRepeated, message, Some(block), &parts(&path));
        }
    }
}

fn parts(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn says_nothing(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_none_or(|text| text.trim().is_empty())
}

/// Whether a Markdown text goes down two levels at once.
fn skips_a_level(body: &str) -> bool {
    let levels = body.lines().filter_map(|line| {
        let marks = line.bytes().take_while(|byte| *byte == b'#').count();
        ((1..=6).contains(&marks) && line[marks..].starts_with(' ')).then_some(marks)
    });
    let levels: Vec<usize> = levels.collect();
    let is_deep = levels.first().is_some_and(|first| *first > 3);
    is_deep || levels.windows(2).any(|pair| pair[1] > pair[0] + 1)
}
