//! What owners found on the sites of the example briefs; every finding has its test.

use super::briefs::{all, audiences, business_types, imagery, personalities, random};
use super::{Site, outline, site, strings};
use crate::ai::offline::brief::Context;
use crate::ai::offline::facts;
use crate::ai::request::{Brief, Choice};

/// An example brief, with its names turned into options as the server does it.
fn example(text: &str) -> Brief {
    let file: toml::Value = toml::from_str(text).expect("an example is TOML");
    let brief = &file["brief"];
    let text = |key: &str| brief[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| -> Vec<String> {
        let values = brief[key].as_array().into_iter().flatten();
        values.filter_map(|value| value.as_str()).map(str::to_owned).collect()
    };
    let choice = |known: Vec<Choice>, name: String| {
        let own = Choice {
            key: String::new(),
            name: name.clone(),
            description: String::new(),
        };
        known.into_iter().find(|option| option.name == name).unwrap_or(own)
    };
    let choices = |known: fn() -> Vec<Choice>, key: &str| -> Vec<Choice> {
        list(key).into_iter().map(|name| choice(known(), name)).collect()
    };
    Brief {
        site_name: file["name"].as_str().unwrap_or_default().to_owned(),
        business_name: text("business_name"),
        summary: text("summary"),
        business_type: Some(choice(business_types(), text("business_type"))),
        audiences: choices(audiences, "audience_profiles"),
        personalities: choices(personalities, "brand_personalities"),
        hero_imagery: Some(choice(imagery(), text("hero_imagery_direction"))),
        objectives: list("objectives"),
        facts: list("facts"),
        language: text("language"),
    }
}

macro_rules! examples {
    ($($name:literal)*) => {
        [$(($name, example(include_str!(concat!("../../../../examples/briefs/", $name, ".toml"))))),*]
    };
}

fn examples() -> [(&'static str, Brief); 8] {
    examples!("bakery" "bicycle-shop" "dentist" "law-firm" "photographer" "roofer" "winery" "yoga-studio")
}

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

#[test]
fn lists_with_prices_of_the_brief_hold_nothing_else() {
    for (name, brief) in examples() {
        let priced: Vec<String> = facts::read(&brief.facts)
            .into_iter()
            .filter_map(|fact| fact.price.map(|(name, _)| name))
            .collect();
        for block in site(&brief, 8).blocks() {
            let list = if block["kind"] == "PRICING" {
                &block["plans"]
            } else {
                &block["items"]
            };
            let names: Vec<String> = list
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| item["name"].as_str().map(str::to_owned))
                .collect();
            let own = names.iter().filter(|name| priced.contains(name)).count();
            assert!(own == 0 || own == names.len(), "{name}: {names:?}");
        }
    }
}

#[test]
fn parking_stands_with_the_way_to_the_door() {
    let dentist = examples()
        .into_iter()
        .find(|(name, _)| *name == "dentist")
        .expect("an example");
    let site = site(&dentist.1, 8);
    let contact = site
        .blocks()
        .find(|block| block["kind"] == "CONTACT")
        .expect("a contact block");
    assert!(
        contact["intro"]
            .as_str()
            .is_some_and(|intro| intro.contains("Free parking")),
        "{contact}"
    );
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
