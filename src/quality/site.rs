//! A site as the report sees it, and the report of all of it.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use super::page::Checked;
use super::score::{Code, Findings, Report, ranked};
use super::words::Repeats;
use crate::entities::{block, blueprint, page};
use crate::sites::said::{OwnWords, links, slug, texts};
use crate::sites::structure::{MIN_CONTRAST, contrast};

/// The least contrast of what is no text: a button on its background.
const BUTTON_CONTRAST: f64 = 3.0;

/// A site's rows with what all checks of its pages need.
pub struct Site<'a> {
    pub(super) structure: Option<&'a Value>,
    pub(super) pages: Vec<Page<'a>>,
    pub(super) is_english: bool,
    pub(super) slugs: HashSet<&'a str>,
    /// The slugs of pages on which visitors reach the business.
    pub(super) contact: HashSet<&'a str>,
    /// The slugs that menus lead to, and those that each page leads to.
    pub(super) from_menus: HashSet<String>,
    pub(super) from_pages: HashMap<String, HashSet<Uuid>>,
    pub(super) repeats: Repeats,
    pub(super) own: OwnWords,
    pub(super) titles: HashMap<String, usize>,
}

pub(super) struct Page<'a> {
    pub row: &'a page::Model,
    pub blocks: Vec<&'a block::Model>,
}

impl<'a> Site<'a> {
    /// A site with its pages in order, and the blocks of each in order.
    pub fn of(
        blueprint: &'a blueprint::Model,
        pages: impl IntoIterator<Item = &'a page::Model>,
        blocks: impl IntoIterator<Item = &'a block::Model>,
    ) -> Site<'a> {
        let mut of_page: HashMap<Uuid, Vec<&block::Model>> = HashMap::new();
        for block in blocks {
            of_page.entry(block.page_id).or_default().push(block);
        }
        let pages = pages.into_iter().map(|row| Page {
            row,
            blocks: of_page.remove(&row.id).unwrap_or_default(),
        });
        let language = blueprint.brief["language"].as_str().unwrap_or("en");
        let mut site = Site {
            structure: blueprint.structure.as_ref(),
            pages: pages.collect(),
            is_english: language.split('-').next() == Some("en"),
            slugs: HashSet::new(),
            contact: HashSet::new(),
            from_menus: HashSet::new(),
            from_pages: HashMap::new(),
            repeats: Repeats::default(),
            own: own_words(&blueprint.brief),
            titles: HashMap::new(),
        };
        site.survey();
        site
    }

    /// What can only be known of all pages together.
    fn survey(&mut self) {
        self.slugs = self.pages.iter().map(|page| page.row.slug.as_str()).collect();
        let is_contact = |page: &&Page<'_>| page.row.page_type.eq_ignore_ascii_case("CONTACT");
        let contact = self.pages.iter().filter(is_contact);
        self.contact = contact.map(|page| page.row.slug.as_str()).collect();
        let menus = self
            .structure
            .map(|plan| links(&plan["navigation"]))
            .unwrap_or_default();
        self.from_menus = menus
            .iter()
            .filter_map(|link| slug(&link.href))
            .map(str::to_string)
            .collect();
        for page in &self.pages {
            *self.titles.entry(page.row.seo_title.to_lowercase()).or_default() += 1;
            for content in page.blocks.iter().filter_map(|block| block.content.as_ref()) {
                self.repeats.count(page.row.id, content);
                for link in links(content) {
                    if let Some(slug) = slug(&link.href) {
                        self.from_pages.entry(slug.to_string()).or_default().insert(page.row.id);
                    }
                }
            }
        }
    }

    /// The report of one page; none when the site has no such page.
    pub fn page(&self, id: Uuid) -> Option<Report> {
        let page = self.pages.iter().find(|page| page.row.id == id)?;
        Some(Checked::of(self, page).report())
    }

    /// The report of the whole site: the mean of its pages, less what concerns none of them.
    pub fn report(&self) -> Report {
        let mut own = Findings::default();
        if self.pages.is_empty() {
            own.add(
                Code::Unplanned,
                "The site has no pages yet. Generate its structure.",
                None,
                &[],
            );
        }
        self.check_plan(&mut own);
        let lost = own.points();
        let mut findings = own.of_page(None);
        let (mut sum, mut placeholders, mut grades) = (0, 0, Vec::new());
        for page in &self.pages {
            let report = Checked::of(self, page).report();
            sum += report.score;
            placeholders += report.placeholders;
            grades.extend(report.reading_grade);
            findings.extend(report.findings);
        }
        let count = u32::try_from(self.pages.len()).unwrap_or(u32::MAX).max(1);
        let mean = (sum + count / 2) / count;
        let grade = grades.iter().sum::<f64>() / grades.len().max(1) as f64;
        Report {
            score: mean.saturating_sub(lost),
            findings: ranked(findings),
            placeholders,
            reading_grade: (!grades.is_empty()).then(|| (grade * 10.0).round() / 10.0),
        }
    }

    /// Menus and colours.
    fn check_plan(&self, findings: &mut Findings) {
        let Some(plan) = self.structure else { return };
        let menus = if self.pages.is_empty() {
            Vec::new()
        } else {
            links(&plan["navigation"])
        };
        for link in menus {
            if slug(&link.href).is_some_and(|slug| !self.slugs.contains(slug)) {
                let message = format!(
                    "The menu entry \"{}\" leads to {}, which does not exist.",
                    link.label, link.href
                );
                let path: Vec<&str> = std::iter::once("navigation")
                    .chain(link.path.iter().map(String::as_str))
                    .collect();
                findings.add(Code::DeadLink, message, None, &path);
            }
        }
        let palette = &plan["theme"]["palette"];
        let pairs = [
            ("text", "background", MIN_CONTRAST),
            ("text", "surface", MIN_CONTRAST),
            ("primary", "background", BUTTON_CONTRAST),
        ];
        for (one, other, least) in pairs {
            let (Some(first), Some(second)) = (palette[one].as_str(), palette[other].as_str()) else {
                continue;
            };
            if let Some(found) = contrast(first, second).filter(|found| *found < least) {
                let message = format!(
                    "The contrast of {one} ({first}) on {other} ({second}) is {found:.1}; make it at least {least}."
                );
                findings.add(Code::Contrast, message, None, &["theme", "palette", one]);
            }
        }
    }
}

fn own_words(brief: &Value) -> OwnWords {
    let mut own = Vec::new();
    for field in ["summary", "objectives", "facts"] {
        texts(&brief[field], &mut |_, text| own.push(text));
    }
    OwnWords::of(own)
}
