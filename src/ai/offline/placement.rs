//! Where each fact stands: opening hours with the contact details, prices with the products, years
//! in the history, the rest beside the text it belongs to.
//!
//! Decided for the whole outline at once, from outline and brief alone, so that requests for
//! different pages agree and every fact is said once. Facts are never reworded here.

use std::collections::{BTreeMap, BTreeSet};

use super::brief::Context;
use super::facts::{Fact, Listed};
use super::outline::PageView;
use super::text;

/// How a fact is shown in its section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How {
    /// A product or plan with its price.
    Price,
    /// An event of the history.
    Event,
    /// A figure with its label.
    Figure,
    /// The answer to this question.
    Answer(String),
    /// People or partners, one by one.
    Listed,
    /// What somebody said about the business.
    Voice,
    /// The owner's words beside the section's own text.
    Words,
}

/// The facts of each section, by page and index.
#[derive(Debug, Default)]
pub(super) struct Placement {
    sections: BTreeMap<(usize, usize), Vec<(usize, How)>>,
    /// The list of offers that is complete: the one away from the home page, if there is one.
    pub list: Option<(usize, usize)>,
    /// The section with the contact details, if the site has one.
    pub contact: Option<(usize, usize)>,
    /// Words of questions that facts answer.
    pub answered: Vec<String>,
}

impl Placement {
    pub fn of(context: &Context, pages: &[PageView], topics: &[BTreeSet<String>]) -> Placement {
        let mut placement = Placement {
            contact: contact_section(pages),
            list: list_section(pages),
            ..Placement::default()
        };
        let mut field = Fields::default();
        for (index, fact) in context.facts.iter().enumerate() {
            if placement.contact.is_some() && fact.is_contact() && field.take(fact) && fact.complete {
                continue;
            }
            // A list of offers stands in the list of offers.
            if placement.list.is_some() && !fact.listed(Listed::Offers).is_empty() {
                continue;
            }
            placement.place(context, pages, topics, index, fact);
        }
        placement
    }

    pub fn at(&self, page: usize, section: usize) -> &[(usize, How)] {
        self.sections.get(&(page, section)).map_or(&[], Vec::as_slice)
    }

    fn place(&mut self, context: &Context, pages: &[PageView], topics: &[BTreeSet<String>], index: usize, fact: &Fact) {
        let stems = text::stems(&fact.text);
        let question = question_for(context, fact);
        let mut best: Option<(i32, (usize, usize), How)> = None;
        for (page, view) in pages.iter().enumerate() {
            let near = stems.intersection(&topics[page]).count().min(3) as i32;
            // A page named for what the fact speaks of is where a reader looks first.
            let named = if fact.is_contact() { 0 } else { named_for(view, fact) };
            for (section, planned) in view.sections.iter().enumerate() {
                let present = self.at(page, section);
                let used: usize = present
                    .iter()
                    .map(|(i, _)| context.facts[*i].text.chars().count() + 2)
                    .sum();
                for (how, cost) in ways(&planned.kind, view, fact, question.as_ref()) {
                    let (room, most) = capacity(&planned.kind, &how);
                    let count = present.iter().filter(|(_, other)| same_way(other, &how)).count();
                    if count >= most {
                        continue;
                    }
                    let crowded = if used + fact.text.chars().count() > room {
                        500
                    } else {
                        0
                    };
                    let step = match how {
                        How::Words => 4,
                        How::Price => 0,
                        _ => 1,
                    };
                    let cost = cost + crowded + step * count as i32 - 5 * near - named;
                    if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                        best = Some((cost, (page, section), how.clone()));
                    }
                }
            }
        }
        // A site with hardly any text still says every fact, however full that one text becomes.
        let best = best.or_else(|| first_text(pages).map(|at| (0, at, How::Words)));
        if let Some((_, at, how)) = best {
            if let (How::Answer(_), Some((_, words))) = (&how, question) {
                self.answered.extend(words);
            }
            self.sections.entry(at).or_default().push((index, how));
        }
    }
}

/// How surely a page is named for a fact: its title shares a word with it, the earlier the surer.
pub(super) fn named_for(view: &PageView, fact: &Fact) -> i32 {
    if view.slug.is_empty() {
        return 0;
    }
    let title = text::stems(&format!("{} {}", view.title, view.slug.replace('-', " ")));
    let words = fact.text.split(|c: char| !c.is_alphanumeric());
    let mut words = words.filter(|word| word.chars().count() >= 4).take(8).map(text::stem);
    words
        .position(|word| title.contains(&word))
        .map_or(0, |at| 30 - 3 * at as i32)
}

/// Which of the contact block's single fields are taken.
#[derive(Default)]
struct Fields {
    phone: bool,
    email: bool,
    address: bool,
    hours: usize,
}

impl Fields {
    /// Whether all that was recognised in the fact gets its field.
    fn take(&mut self, fact: &Fact) -> bool {
        let free = !(self.phone && fact.phone.is_some()
            || self.email && fact.email.is_some()
            || self.address && fact.address.is_some());
        let fits = self.hours + fact.hours.len() <= 7;
        if free && fits {
            self.phone |= fact.phone.is_some();
            self.email |= fact.email.is_some();
            self.address |= fact.address.is_some();
            self.hours += fact.hours.len();
        }
        free && fits
    }
}

/// The facts whose parts stand in the contact block's fields.
pub(super) fn contact_fields(context: &Context) -> Vec<&Fact> {
    let mut fields = Fields::default();
    context
        .facts
        .iter()
        .filter(|fact| fact.is_contact())
        .filter(|fact| fields.take(fact))
        .collect()
}

fn contact_section(pages: &[PageView]) -> Option<(usize, usize)> {
    let all = || {
        pages.iter().enumerate().flat_map(|(page, view)| {
            let found = view
                .sections
                .iter()
                .enumerate()
                .filter(|(_, planned)| planned.kind == "CONTACT");
            found.map(move |(section, _)| (page, section, view.page_type == "CONTACT"))
        })
    };
    let found = all().find(|(.., own)| *own).or_else(|| all().next());
    found.map(|(page, section, _)| (page, section))
}

fn list_section(pages: &[PageView]) -> Option<(usize, usize)> {
    let list = |(page, view): (usize, &PageView)| {
        let at = view.sections.iter().position(|section| section.kind == "PRODUCTS");
        at.map(|section| (page, section))
    };
    let away = |view: &PageView| !view.slug.is_empty() && view.page_type != "PRICING";
    let all = || pages.iter().enumerate();
    let found = all().filter(|(_, view)| away(view)).find_map(list);
    found
        .or_else(|| all().filter(|(_, view)| view.slug.is_empty()).find_map(list))
        .or_else(|| all().find_map(list))
}

fn first_text(pages: &[PageView]) -> Option<(usize, usize)> {
    let can = |kind: &str| {
        matches!(
            kind,
            "TEXT" | "SPLIT" | "FAQ" | "CTA" | "CONTACT" | "HERO" | "FEATURES" | "PRODUCTS"
        )
    };
    let of = |(page, view): (usize, &PageView)| {
        view.sections
            .iter()
            .position(|s| can(&s.kind))
            .map(|section| (page, section))
    };
    pages.iter().enumerate().find_map(of)
}

/// The question that a fact answers, with the words that mark other questions as answered.
pub(super) fn question_for(context: &Context, fact: &Fact) -> Option<(String, Vec<String>)> {
    if fact.price.is_some() {
        return None;
    }
    let spoken = text::spoken(&fact.text);
    context.language.lines("fact_questions").into_iter().find_map(|line| {
        let words: Vec<String> = line[0].split(',').map(text::spoken).collect();
        let hit = words.iter().any(|word| spoken.contains(word.as_str()));
        (hit && line.len() > 1).then(|| (line[1].clone(), words))
    })
}

/// Words of facts about the way to the door.
const ARRIVAL: &[&str] = &[
    "parking",
    "car park",
    "entrance",
    "tram stop",
    "bus stop",
    "train station",
    "metro station",
    "doorbell",
];

/// The ways in which a kind of section can show a fact, with how far a reader would look for it there.
fn ways(kind: &str, view: &PageView, fact: &Fact, question: Option<&(String, Vec<String>)>) -> Vec<(How, i32)> {
    let mut ways = Vec::new();
    let on = |wanted: &str| view.page_type == wanted;
    let arrival = ARRIVAL
        .iter()
        .any(|word| text::spoken(&fact.text).contains(&format!(" {word} ")));
    if arrival && on("CONTACT") && kind == "CONTACT" {
        ways.push((How::Words, -40));
    }
    match kind {
        "PRODUCTS" if fact.price.is_some() => {
            let cost = if on("PRICING") {
                -60
            } else if on("HOME") {
                6
            } else {
                -10
            };
            ways.push((How::Price, cost));
        }
        "PRICING" if fact.price.is_some() => {
            let cost = if fact.includes.is_empty() { -5 } else { -80 };
            ways.push((How::Price, cost));
        }
        "TIMELINE" if fact.year.is_some() => ways.push((How::Event, -30)),
        "STATS" if fact.figure.is_some() => ways.push((How::Figure, -30)),
        "TEAM" if !fact.listed(Listed::People).is_empty() => ways.push((How::Listed, -30)),
        "LOGOS" if !fact.listed(Listed::Partners).is_empty() => ways.push((How::Listed, -30)),
        "TESTIMONIALS" if fact.voice.is_some() => ways.push((How::Voice, -30)),
        "FAQ" => {
            if let Some((question, _)) = question {
                let cost = if on("FAQ") {
                    3
                } else if on("HOME") {
                    9
                } else {
                    5
                };
                ways.push((How::Answer(question.clone()), cost));
            }
        }
        _ => {}
    }
    // What can be said in a line belongs to the first lines that a visitor reads.
    let brief = fact.text.split_whitespace().count() <= 9;
    let cost = match kind {
        "CONTACT" if fact.is_contact() => 10 * i32::from(!on("HOME")),
        "SPLIT" | "TEXT" if on("HOME") && fact.year.is_none() && !fact.is_contact() => 2 + 8 * i32::from(!brief),
        "SPLIT" if fact.is_contact() => 40,
        "TEXT" if on("ABOUT") => 9,
        "TEXT" if !on("CONTACT") => 20,
        "SPLIT" => 18,
        "TEXT" => 26,
        "FEATURES" | "PRODUCTS" | "PRICING" => 34,
        "CONTACT" => 38,
        "CTA" => 42,
        "FAQ" => 46,
        // A page named for a fact opens with it.
        "HERO" if !on("HOME") && named_for(view, fact) > 0 => 22,
        "HERO" => 50,
        "GALLERY" => 70,
        "TEAM" => 75,
        "TIMELINE" => 80,
        _ => return ways,
    };
    ways.push((How::Words, cost));
    ways
}

/// Room in characters and the greatest number of facts shown in one way.
fn capacity(kind: &str, how: &How) -> (usize, usize) {
    match (kind, how) {
        ("PRODUCTS", How::Price) => (6000, 12),
        ("PRICING", How::Price) => (6000, 4),
        (_, How::Event) => (6000, 6),
        (_, How::Figure) => (6000, 5),
        (_, How::Answer(_)) => (6000, 5),
        (_, How::Listed) => (6000, 1),
        (_, How::Voice) => (6000, 4),
        ("TEXT" | "SPLIT", _) => (4000, 40),
        ("CTA", _) => (1200, 8),
        ("FAQ", _) => (1200, 12),
        ("GALLERY", _) => (180, 1),
        ("HERO", _) => (150, 3),
        ("CONTACT", _) => (280, 4),
        ("TEAM" | "TIMELINE", _) => (480, 1),
        _ => (300, 3),
    }
}

fn same_way(a: &How, b: &How) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}
