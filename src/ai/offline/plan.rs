//! The plan of a site: which pages a trade needs, what the owner wants added, what stands on each.
//!
//! Pages come from the trade's file, ordered by what the brief speaks of; layouts come from the
//! recipes. A layout shrinks when the trade has nothing left to say of a kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::brief::Context;
use super::facts::Fact;
use super::ledger::Ledger;
use super::library::Line;
use super::outline::{PageView, titled_pool, topic};
use super::placement::question_for;
use super::stock::Stock;
use super::{text, theme};
use crate::ai::request::Section;

/// The reply to a structure task.
pub(super) fn structure(context: &Context, max_pages: usize, instructions: Option<&str>) -> Value {
    let mut pages = choose_pages(context, max_pages.max(1), instructions.unwrap_or(""));
    let alone = pages.len() == 1;
    let mut stock = Stock::of(context, &pages);
    // Pages that live by one kind of section choose before the others do.
    let mut order: Vec<usize> = (0..pages.len()).collect();
    order.sort_by_key(|at| match pages[*at].page_type.as_str() {
        "PORTFOLIO" => 0,
        "CONTACT" | "LANDING" => 1,
        _ => 2,
    });
    for at in order {
        let kinds = stock.layout(context, &pages[at], alone);
        pages[at].sections = kinds.into_iter().enumerate().map(planned).collect();
    }
    move_to_topics(context, &mut pages);
    name_sections(context, &mut pages);
    let tagline = headlines(context)
        .get(1)
        .cloned()
        .unwrap_or_else(|| context.say("{type}{in_place}"));
    let listed: Vec<Value> = pages
        .iter()
        .enumerate()
        .map(|(at, page)| page_value(context, page, at))
        .collect();
    json!({
        "siteName": context.business,
        "tagline": text::clip(&tagline, 110),
        "theme": theme::of(context),
        "navigation": navigation(&pages),
        "pages": listed,
    })
}

fn planned((position, kind): (usize, String)) -> Section {
    Section {
        position,
        kind,
        heading: String::new(),
        goal: String::new(),
    }
}

/// The home page, then the trade's pages in their order: the main offer, the people and contact
/// always, any other page only when the brief speaks of its subject.
fn choose_pages(context: &Context, max_pages: usize, instructions: &str) -> Vec<PageView> {
    let lines = context.trade.list("pages");
    let mut wishes = context.wishes.clone();
    wishes.extend(text::stems(&text::plain(instructions, 1000)));
    let mut scored: Vec<(usize, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let part = |index: usize| line.get(index).map_or("", String::as_str);
        let keywords = text::stems(&format!("{} {}", part(0).replace('-', " "), part(4)));
        let wanted = keywords.intersection(&wishes).count().min(9);
        let basis = match (at, page_type(line)) {
            (_, "CONTACT") => 1000,
            (0, _) => 900,
            (_, "ABOUT") => 800,
            (_, "PRICING") if context.offers.iter().any(|offer| offer.price.is_some()) => 30,
            (_, "PRICING") => 0,
            // Answers make a page when the brief gives them.
            (_, "FAQ") if answers(context) > 2 => 20,
            (_, "FAQ") => 0,
            _ if wanted > 0 => 10,
            _ => 0,
        };
        if basis > 0 {
            scored.push((basis + wanted, at));
        }
    }
    scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
    let count = max_pages.clamp(1, 8) - 1;
    let mut chosen: Vec<usize> = scored.into_iter().take(count).map(|(_, at)| at).collect();
    chosen.sort_unstable();
    let home = PageView {
        slug: String::new(),
        title: context.language.text("home").to_owned(),
        page_type: "HOME".to_owned(),
        sections: Vec::new(),
        line: None,
    };
    let others = chosen.into_iter().filter_map(|at| lines.get(at)).map(|line| PageView {
        slug: line[0].clone(),
        title: context.say(line.get(2).map_or("", String::as_str)),
        page_type: page_type(line).to_owned(),
        sections: Vec::new(),
        line: Some(line.clone()),
    });
    std::iter::once(home).chain(others).collect()
}

/// How many facts answer a question that visitors ask.
fn answers(context: &Context) -> usize {
    let answers = |fact: &&Fact| fact.price.is_none() && question_for(context, fact).is_some();
    context.facts.iter().filter(answers).count()
}

fn page_type(line: &Line) -> &str {
    line.get(1).map_or("CUSTOM", String::as_str)
}

/// A process or a picture story that belongs to one page moves there from where it would be a stranger.
fn move_to_topics(context: &Context, pages: &mut [PageView]) {
    let ledger = Ledger::new(context, pages.iter().map(topic).collect());
    for kind in ["STEPS", "SPLIT"] {
        let Some(pool) = titled_pool(kind) else { continue };
        let homes = ledger.homes(pool);
        let count = |pages: &[PageView]| {
            pages
                .iter()
                .flat_map(|page| &page.sections)
                .filter(|s| s.kind == kind)
                .count()
        };
        let special =
            |page: &PageView| matches!(page.page_type.as_str(), "SERVICES" | "CUSTOM" | "PRODUCTS" | "LANDING");
        // A process that has a page of its own is not told on the home page instead.
        let wants = |(at, page): (usize, &PageView)| special(page) && homes.contains(&Some(at));
        let wanting = pages.iter().enumerate().filter(|page| wants(*page)).count();
        if kind == "STEPS" && wanting >= homes.len() && pages.len() > 1 {
            pages[0].sections.retain(|section| section.kind != kind);
        }
        let mut left = homes.len().saturating_sub(count(pages));
        for (at, page) in pages.iter_mut().enumerate().skip(1) {
            let belonging = homes.iter().filter(|home| **home == Some(at)).count();
            let special = special(page);
            let present = page.sections.iter().position(|section| section.kind == kind);
            match present {
                None if left > 0 && special && belonging > 0 && page.sections.len() < 6 => {
                    let place = page.sections.len().min(2);
                    page.sections.insert(place, planned((0, kind.to_owned())));
                    left -= 1;
                }
                Some(index)
                    if special && belonging == 0 && homes.iter().all(Option::is_some) && page.sections.len() > 3 =>
                {
                    page.sections.remove(index);
                }
                _ => {}
            }
        }
    }
    for page in pages {
        page.sections
            .iter_mut()
            .enumerate()
            .for_each(|(at, section)| section.position = at);
    }
}

/// Gives every section its heading and its goal.
fn name_sections(context: &Context, pages: &mut [PageView]) {
    let mut titles = titles(context, pages);
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut own = context.trade.list("headings").to_vec();
    context.dice("headings").shuffle(&mut own);
    let mut introduced = false;
    for (at, page) in pages.iter_mut().enumerate() {
        let about = if page.slug.is_empty() {
            context.business.clone()
        } else {
            page.title.clone()
        };
        for index in 0..page.sections.len() {
            let kind = page.sections[index].kind.clone();
            let fits =
                |line: &&Line| line[0] == kind && line.get(1).is_some_and(|text| !used.contains(&context.say(text)));
            let named = if kind == "FAQ" && page.page_type == "FAQ" {
                "FAQ_PAGE"
            } else {
                kind.as_str()
            };
            let named = match kind.as_str() {
                "PRODUCTS" if page.page_type == "PRICING" || all_priced(context) => "PRODUCTS_PRICED",
                _ => named,
            };
            let general = || general_heading(context, named, &about, &used);
            let heading = match (kind.as_str(), &page.line) {
                ("HERO", Some(line)) => context.say(line.get(3).map_or("", String::as_str)),
                // The owner's own words about the business stand under its name.
                ("SPLIT", None) if !introduced && introduces(context) => {
                    introduced = true;
                    let lines = context.language.lines("introductions");
                    let line = context.dice("introduction").pick(&lines).cloned().unwrap_or_default();
                    line.first().map(|text| context.say(text)).unwrap_or_default()
                }
                ("HERO", None) => headlines(context).into_iter().next().unwrap_or_default(),
                _ => titles
                    .remove(&(at, index))
                    .or_else(|| own.iter().find(fits).map(|line| context.say(&line[1])))
                    .unwrap_or_default(),
            };
            let heading = if heading.is_empty() { general() } else { heading };
            used.insert(heading.clone());
            page.sections[index].heading = text::clip(&heading, 110);
            page.sections[index].goal = text::clip(
                &context.say_about(context.language.text(&format!("goals.{kind}")), &about),
                200,
            );
        }
    }
}

/// The library's heading for a kind: the first that the site does not have yet.
fn general_heading(context: &Context, kind: &str, about: &str, used: &BTreeSet<String>) -> String {
    let lines = context.language.lines(&format!("headings.{kind}"));
    let mut said = lines.iter().map(|line| context.say_about(&line[0], about));
    let first = said.clone().next();
    said.find(|heading| !used.contains(heading))
        .or(first)
        .unwrap_or_default()
}

fn all_priced(context: &Context) -> bool {
    !context.offers.is_empty() && context.offers.iter().all(|offer| offer.price.is_some())
}

/// Whether the brief says more of the business than the opening does.
fn introduces(context: &Context) -> bool {
    context.summary.len() > 1
        || context
            .facts
            .iter()
            .any(|fact| !fact.is_contact() && fact.price.is_none())
}

/// The titles of the phrases that are given to sections by name, each to the page it suits best.
fn titles(context: &Context, pages: &[PageView]) -> BTreeMap<(usize, usize), String> {
    let mut ledger = Ledger::new(context, pages.iter().map(topic).collect());
    let mut titles = BTreeMap::new();
    for kind in ["STEPS", "SPLIT", "CTA", "TEXT"] {
        let Some(pool) = titled_pool(kind) else { continue };
        let places: Vec<(usize, usize)> = pages
            .iter()
            .enumerate()
            .flat_map(|(at, page)| {
                page.sections
                    .iter()
                    .enumerate()
                    .filter(|(_, s)| {
                        s.kind == kind && !(kind == "SPLIT" && page.slug.is_empty() && introduces(context))
                    })
                    .map(move |(index, _)| (at, index))
            })
            .collect();
        let wanted: Vec<usize> = places.iter().map(|(at, _)| *at).collect();
        for (place, entry) in places.into_iter().zip(ledger.share_out(pool, &wanted)) {
            let title = entry.and_then(|entry| match pool {
                "steps" => context.trade.processes.get(entry).map(|process| process.title.as_str()),
                _ => context.list(pool).get(entry).map(|line| line[0].as_str()),
            });
            titles.extend(title.map(|title| (place, context.say(title))));
        }
    }
    titles
}

/// The trade's headlines in this tone, in the order of this brief.
fn headlines(context: &Context) -> Vec<String> {
    let lines = context.trade.list("headlines");
    let mut fitting: Vec<String> = lines
        .iter()
        .filter(|line| line[0] == context.tone_key)
        .filter_map(|line| line.get(1))
        .map(|text| context.say(text))
        .collect();
    context.dice("headlines").shuffle(&mut fitting);
    let any = lines.first().and_then(|line| line.get(1)).map(|text| context.say(text));
    fitting.extend(any.filter(|_| fitting.is_empty()));
    fitting
}

fn page_value(context: &Context, page: &PageView, at: usize) -> Value {
    let sections: Vec<Value> = page
        .sections
        .iter()
        .map(|section| json!({ "kind": section.kind, "heading": section.heading, "goal": section.goal }))
        .collect();
    json!({
        "slug": page.slug,
        "title": text::clip(&page.title, 60),
        "type": page.page_type,
        "seo": { "title": seo_title(context, page), "description": seo_description(context, page, at) },
        "sections": sections,
    })
}

fn seo_title(context: &Context, page: &PageView) -> String {
    let full = match page.slug.is_empty() {
        true => context.say("{business} – {type}{in_place}"),
        false => context.say_about("{Page} – {business}", &page.title),
    };
    text::clip(&full, 60)
}

fn seo_description(context: &Context, page: &PageView, at: usize) -> String {
    let variants = context.language.lines(&format!("seo.{}", page.page_type));
    let variants = if variants.is_empty() {
        context.language.lines("seo.CUSTOM")
    } else {
        variants
    };
    let phrase = variants
        .get(at % variants.len().max(1))
        .map_or("", |line| line[0].as_str());
    let names: Vec<String> = context
        .offers
        .iter()
        .take(3)
        .map(|offer| text::lowered(&offer.name))
        .collect();
    let names = match names.is_empty() {
        true => context.language.text("seo_offers").to_owned(),
        false => names.join(", "),
    };
    let said = context.say_about(phrase, &page.title).replace("<offers>", &names);
    text::clip(&said, 160)
}

/// Menus: further offers stand below the first one when the first level would get crowded.
fn navigation(pages: &[PageView]) -> Value {
    let href = |page: &PageView| {
        if page.slug.is_empty() {
            "/".to_owned()
        } else {
            format!("/{}", page.slug)
        }
    };
    let link = |page: &PageView, children: Vec<Value>| json!({ "label": text::clip(&page.title, 40), "href": href(page), "children": children });
    let mut header: Vec<Value> = vec![link(&pages[0], Vec::new())];
    let main = pages
        .iter()
        .position(|page| !page.slug.is_empty() && page.page_type != "CONTACT");
    let offers = ["SERVICES", "PRODUCTS", "CUSTOM", "LANDING"];
    let below: Vec<usize> = (0..pages.len())
        .filter(|at| pages.len() > 6 && Some(*at) != main && offers.contains(&pages[*at].page_type.as_str()))
        .collect();
    for (at, page) in pages.iter().enumerate().skip(1).filter(|(at, _)| !below.contains(at)) {
        let children = if Some(at) == main {
            below.iter().map(|at| link(&pages[*at], Vec::new())).collect()
        } else {
            Vec::new()
        };
        header.push(link(page, children));
    }
    header.truncate(7);
    let last = ["CONTACT", "FAQ", "ABOUT", "LEGAL", "PRICING"];
    let mut footer: Vec<Value> = pages
        .iter()
        .filter(|page| last.contains(&page.page_type.as_str()))
        .map(|page| link(page, Vec::new()))
        .collect();
    if footer.is_empty() {
        footer.push(link(&pages[0], Vec::new()));
    }
    json!({ "header": header, "footer": footer })
}
