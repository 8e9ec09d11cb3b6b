//! What owners found on the sites of the example briefs; every finding has its test.

use super::briefs::{all, business_types, examples, random};
use super::{Site, outline, site, strings};
use crate::ai::offline::brief::Context;
use crate::ai::offline::facts::{self, Listed};
use crate::ai::offline::text;
use crate::ai::request::Brief;

fn read(text: &str) -> facts::Fact {
    facts::read(&[text.to_owned()]).remove(0)
}

#[test]
fn hours_are_read_with_a_comma_between_days_and_times() {
    let fact = read("Open Tuesday to Saturday, 7:00 to 15:00");
    assert!(fact.complete);
    assert_eq!(fact.hours.len(), 1);
    assert_eq!(fact.hours[0].day, "Tuesday–Saturday");
    assert_eq!(fact.hours[0].opens.as_deref(), Some("7:00"));
    assert_eq!(fact.hours[0].closes.as_deref(), Some("15:00"));
}

#[test]
fn what_is_said_to_the_builder_of_the_site_is_not_said_to_visitors() {
    for (name, brief) in examples() {
        let text = site(&brief, 8).texts().join("\n").to_lowercase();
        for word in [
            "the site ",
            "this site",
            "the website",
            "we want",
            "should help",
            "should show",
            "should fill",
        ] {
            let line = text.lines().find(|line| line.contains(word));
            assert_eq!(line, None, "{name}: {word}");
        }
    }
}

#[test]
fn contractions_end_where_a_word_ends() {
    for (name, brief) in all(4) {
        for text in site(&brief, 8).texts() {
            let joined = text
                .match_indices("n't")
                .any(|(at, found)| text[at + found.len()..].starts_with(char::is_alphabetic));
            assert!(!joined, "{name}: {text}");
        }
    }
}

/// The question under which a site shows a fact.
fn question(site: &Site, fact: &str) -> Option<String> {
    let items = site.blocks().filter(|block| block["kind"] == "FAQ");
    items
        .flat_map(|block| block["items"].as_array().into_iter().flatten())
        .find(|item| item["answer"].as_str().is_some_and(|answer| answer.contains(fact)))
        .and_then(|item| item["question"].as_str().map(str::to_owned))
}

#[test]
fn facts_answer_only_the_questions_they_are_about() {
    for (name, brief) in examples() {
        let site = site(&brief, 8);
        for (fact, not) in [
            ("Cardamom buns cost", "pay"),
            ("within eight weeks", "area"),
            ("within 48 hours", "area"),
            ("Licensed and insured", "insurance"),
            ("Children under 18", "welcome"),
        ] {
            let asked = question(&site, fact).unwrap_or_default();
            assert!(!asked.contains(not), "{name}: {asked} – {fact}");
        }
    }
}

#[test]
fn the_place_of_a_business_is_not_that_of_its_customers() {
    let place = |summary: &str| {
        let brief = Brief {
            summary: summary.to_owned(),
            ..random(&business_types()[0], 1)
        };
        Context::new(&brief).place
    };
    let winery = "We grow wine in the Western Cape, South Africa. We sell to importers in Europe.";
    assert_eq!(place(winery).as_deref(), Some("the Western Cape"));
    assert_eq!(place("We bake bread. Importers in Europe like it."), None);
    assert_eq!(place("A house in the Alps").as_deref(), Some("the Alps"));
    assert_eq!(place("Stalls in the Christmas market"), None);
}

#[test]
fn prices_are_read_in_any_currency() {
    let price = |text: &str| read(text).price.map(|(_, price)| price);
    for (fact, expected) in [
        ("A tasting of five wines costs R180 a person", "R180 a person"),
        ("Granite Syrah 2021, R310 a bottle", "R310 a bottle"),
        ("Haircut CHF 45", "CHF 45"),
        ("Haircut 450 SEK", "450 SEK"),
        ("Haircut AUD 45", "AUD 45"),
        ("Haircut R 180", "R 180"),
        ("Haircut 450kr", "450kr"),
        ("The first class costs €8", "€8"),
    ] {
        assert_eq!(price(fact).as_deref(), Some(expected), "{fact}");
    }
    assert_eq!(price("Kloof Road 7, Riebeek-Kasteel 7307"), None);
    assert_eq!(price("Model R2 in stock"), None);
}

/// The names of what a site offers, with the page they stand on.
fn offered(site: &Site) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (at, page) in site.pages.iter().enumerate() {
        for block in page["blocks"].as_array().into_iter().flatten() {
            let list = match block["kind"].as_str() {
                Some("PRODUCTS") => &block["items"],
                Some("PRICING") => &block["plans"],
                _ => continue,
            };
            let items = list.as_array().into_iter().flatten();
            names.extend(items.filter_map(|item| Some((at, item["name"].as_str()?.to_owned()))));
        }
    }
    names
}

#[test]
fn an_owner_who_names_offers_sees_these_and_no_others() {
    for (name, brief) in examples() {
        let said = format!(
            "{} {} {}",
            brief.summary,
            brief.objectives.join(" "),
            brief.facts.join(" ")
        );
        let said = text::stems(&said);
        let offered = offered(&site(&brief, 8));
        assert!(offered.len() > 1, "{name}: {offered:?}");
        for (_, offer) in offered {
            assert!(text::stems(&offer).is_subset(&said), "{name}: nobody named “{offer}”");
        }
    }
}

#[test]
fn the_offers_of_a_trade_are_questions_to_an_owner_who_named_none() {
    for (name, mut brief) in all(3) {
        brief.summary = "A small business with a door and a bell.".to_owned();
        brief.objectives.clear();
        brief.facts.clear();
        let offered = offered(&site(&brief, 8));
        assert!((1..=3).contains(&offered.len()), "{name}: {offered:?}");
        assert!(
            offered.iter().all(|(_, offer)| offer.starts_with('[')),
            "{name}: {offered:?}"
        );
    }
}

#[test]
fn the_home_page_says_what_is_offered_what_it_costs_and_how_to_reach_the_business() {
    for (name, brief) in examples() {
        let site = site(&brief, 8);
        let mut found = Vec::new();
        strings(&site.pages[0], "", &mut found);
        let home: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
        let home = home.join("\n");
        for fact in facts::read(&brief.facts) {
            let mut parts: Vec<String> = [&fact.phone, &fact.email, &fact.address]
                .into_iter()
                .flatten()
                .cloned()
                .collect();
            for line in &fact.hours {
                parts.push(line.day.clone());
                parts.extend(line.opens.iter().chain(&line.closes).cloned());
            }
            parts.extend(
                fact.price
                    .iter()
                    .flat_map(|(thing, price)| [thing.clone(), price.clone()]),
            );
            for part in parts {
                assert!(home.contains(&part), "{name}: “{part}” is not on the home page");
            }
        }
    }
}

#[test]
fn no_section_consists_of_questions_to_the_owner() {
    for (name, brief) in all(6)
        .into_iter()
        .chain(examples().map(|(name, brief)| (name.to_owned(), brief)))
    {
        // A gallery consists of pictures.
        for block in site(&brief, 8).blocks().filter(|block| block["kind"] != "GALLERY") {
            let mut found = Vec::new();
            strings(block, "", &mut found);
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
                "alt",
            ];
            let mut said = found
                .iter()
                .filter(|(field, _)| !hidden.contains(field) && *field != "title");
            assert!(said.any(|(_, text)| !text.starts_with('[')), "{name}: {block}");
        }
    }
}

#[test]
fn lists_people_partners_and_voices_are_read_as_what_they_are() {
    let labelled = |text: &str| read(text).list;
    let named = |sort, names: &[&str]| Some((sort, names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()));
    assert_eq!(
        labelled("Practice areas: employment law, wills and probate, conveyancing"),
        named(Listed::Offers, &["employment law", "wills and probate", "conveyancing"])
    );
    assert_eq!(
        labelled("Services: repair and rental."),
        named(Listed::Offers, &["repair", "rental"])
    );
    assert_eq!(
        labelled("Partners: Fietslab, Stad Gent"),
        named(Listed::Partners, &["Fietslab", "Stad Gent"])
    );
    assert!(labelled("Team: Marie Claes (baker), Jo Peeters (apprentice)").is_some());
    assert_eq!(labelled("Classes Monday to Friday 7:30, 12:30 and 18:30"), None);
    assert_eq!(labelled("Note: bring a towel, a bottle and patience"), None);
    let voice = read("“The best rye in town.” – Ann Peeters").voice;
    assert_eq!(
        voice,
        Some(("The best rye in town.".to_owned(), "Ann Peeters".to_owned()))
    );
    assert_eq!(read("\"Rye\" is our dog").voice, None);
}

#[test]
fn parking_stands_with_the_way_to_the_door() {
    let dentist = examples()
        .into_iter()
        .find(|(name, _)| *name == "dentist")
        .expect("an example");
    let site = site(&dentist.1, 8);
    let says = |block: &serde_json::Value| {
        let intro = block["intro"].as_str().unwrap_or_default();
        block["kind"] == "CONTACT" && intro.contains("Free parking")
    };
    assert!(site.blocks().any(says));
}

#[test]
fn histories_and_figures_need_a_year_or_a_number() {
    for (name, mut brief) in all(2) {
        brief.facts.clear();
        let pages = outline(&site(&brief, 8).structure);
        let kinds: Vec<String> = pages
            .into_iter()
            .flat_map(|page| page.sections)
            .map(|s| s.kind)
            .collect();
        assert!(
            !kinds.iter().any(|kind| kind == "TIMELINE" || kind == "STATS"),
            "{name}: {kinds:?}"
        );
    }
}

#[test]
fn headings_and_phrases_read_well_on_every_page() {
    for (name, brief) in all(3)
        .into_iter()
        .chain(examples().map(|(name, brief)| (name.to_owned(), brief)))
    {
        let site = site(&brief, 8);
        let mut found = Vec::new();
        strings(&site.structure, "", &mut found);
        let planned: Vec<String> = found.iter().map(|(_, text)| (*text).to_owned()).collect();
        for text in site.texts().iter().chain(&planned) {
            for bad in [
                "What speaks for",
                "Questions about",
                "A closer look at contact",
                "a paragraph about",
                "such as: a counter",
                "of a insurer",
                "kettle is on",
                "silly voice",
                "actually on offer",
            ] {
                assert!(!text.contains(bad), "{name}: {text}");
            }
        }
    }
}
