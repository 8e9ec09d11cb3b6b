//! Facts of the brief: each appears, and where a reader looks for it.

use serde_json::Value;

use super::briefs::{FACTS, all, business_types, random};
use super::{Site, outline, page, plan, site};
use crate::ai::offline::facts;

/// Whether a site says a fact: in the owner's words, or in all its recognised parts.
pub fn says(site: &Site, fact: &str) -> bool {
    let text = site.texts().join("\n");
    let lower = text.to_lowercase();
    facts::read(&[fact.to_owned()]).iter().all(|piece| {
        let whole = lower.contains(piece.text.trim_end_matches('.').to_lowercase().as_str());
        let mut parts: Vec<String> = [&piece.phone, &piece.email, &piece.address]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        for line in &piece.hours {
            parts.push(line.day.clone());
            parts.extend(line.opens.iter().chain(&line.closes).cloned());
        }
        for (one, other) in piece.price.iter().chain(&piece.figure) {
            parts.extend([one.clone(), other.clone()]);
        }
        let noted = piece
            .note
            .as_ref()
            .is_some_and(|note| lower.contains(&note.to_lowercase()));
        match piece.includes.as_slice() {
            [] => parts.extend(piece.note.clone()),
            includes if !noted => parts.extend(includes.iter().cloned()),
            _ => {}
        }
        if let Some((sort, entries)) = &piece.list {
            let people = entries.iter().filter_map(|entry| facts::person(entry));
            match sort {
                facts::Listed::People => parts.extend(people.flat_map(|(name, role)| [name, role])),
                _ => parts.extend(entries.iter().cloned()),
            }
        }
        parts.extend(
            piece
                .voice
                .iter()
                .flat_map(|(quote, author)| [quote.clone(), author.clone()]),
        );
        whole || piece.complete && !parts.is_empty() && parts.iter().all(|part| lower.contains(&part.to_lowercase()))
    })
}

#[test]
fn every_fact_appears_whatever_the_number_of_pages() {
    for (name, brief) in all(6) {
        for max_pages in [1, 2, 4, 8] {
            let site = site(&brief, max_pages);
            for fact in &brief.facts {
                assert!(says(&site, fact), "{name}, {max_pages} pages: “{fact}” is missing");
            }
        }
    }
}

#[test]
fn every_fact_appears_in_an_outline_somebody_else_planned() {
    let mut brief = random(&business_types()[9], 3);
    brief.facts = FACTS.iter().take(9).map(|fact| (*fact).to_owned()).collect();
    let mut outline = outline(&plan(&brief, 2));
    outline.truncate(1);
    for kinds in [
        &["HERO", "GALLERY", "CTA"][..],
        &["HERO", "STEPS", "FAQ"],
        &["HERO", "TEXT"],
        &["HERO", "SPLIT", "TEAM"],
    ] {
        outline[0].sections = kinds
            .iter()
            .enumerate()
            .map(|(position, kind)| crate::ai::request::Section {
                position,
                kind: (*kind).to_owned(),
                heading: format!("Heading {position}"),
                goal: String::new(),
            })
            .collect();
        let site = Site {
            structure: Value::Null,
            pages: vec![page(&brief, &outline, 0)],
        };
        for fact in &brief.facts {
            assert!(says(&site, fact), "{kinds:?}: “{fact}” is missing");
        }
    }
}

#[test]
fn contact_details_and_hours_stand_in_the_contact_block() {
    let mut brief = random(&business_types()[0], 1);
    brief.facts = [
        "Phone: +32 9 123 45 67",
        "hello@example.org",
        "Address: Korenmarkt 12, 9000 Ghent",
        "Mon–Fri 8–17, Sat 9am to 1pm, Sunday closed",
    ]
    .map(str::to_owned)
    .to_vec();
    let site = site(&brief, 8);
    let contact = site
        .blocks()
        .find(|block| block["kind"] == "CONTACT")
        .expect("a contact block");
    assert_eq!(contact["phone"], "+32 9 123 45 67");
    assert_eq!(contact["email"], "hello@example.org");
    assert_eq!(contact["address"], "Korenmarkt 12, 9000 Ghent");
    let hours = serde_json::json!([
        {"day": "Mon–Fri", "opens": "8:00", "closes": "17:00"},
        {"day": "Sat", "opens": "9am", "closes": "1pm"},
        {"day": "Sunday", "opens": null, "closes": null},
    ]);
    assert_eq!(contact["hours"], hours);
    assert_eq!(contact["placeholders"], serde_json::json!([]));
}

#[test]
fn prices_years_and_answers_stand_where_a_reader_looks_for_them() {
    let mut brief = random(&business_types()[0], 1);
    brief.facts = [
        "Country loaf: 4.80 €",
        "Founded in 1987 by Marie Claes",
        "Moved to the harbour in 2011",
        "Parking behind the building",
    ]
    .map(str::to_owned)
    .to_vec();
    let site = site(&brief, 8);
    let product = |block: &Value| {
        let items = block["items"].as_array().cloned().unwrap_or_default();
        block["kind"] == "PRODUCTS"
            && items
                .iter()
                .any(|item| item["name"] == "Country loaf" && item["price"] == "4.80 €")
    };
    assert!(site.blocks().any(product));
    let event = |block: &Value| block["kind"] == "TIMELINE" && block["events"][0]["date"] == "1987";
    assert!(site.blocks().any(event));
    let answer = |block: &Value| {
        let intro = block["intro"].as_str().unwrap_or_default();
        block["kind"] == "CONTACT" && intro.contains("Parking behind the building")
    };
    assert!(site.blocks().any(answer));
}

#[test]
fn facts_are_read_with_care() {
    let one = |text: &str| facts::read(&[text.to_owned()]).remove(0);
    assert_eq!(one("Call 030 123456 now").phone.as_deref(), Some("030 123456"));
    assert!(one("Open since 2014 - 2019").phone.is_none());
    assert!(one("Born 12.05.1987").phone.is_none());
    assert_eq!(one("Ask (555) 123-4567").phone.as_deref(), Some("(555) 123-4567"));
    assert_eq!(one("Write to <anna@b.co>").email.as_deref(), Some("anna@b.co"));
    assert!(one("Free delivery over 40 €").price.is_none());
    assert_eq!(
        one("Cut from 35 €").price,
        Some(("Cut".to_owned(), "from 35 €".to_owned()))
    );
    assert_eq!(facts::read(&["Cut 35 €, beard trim 20 €".to_owned()]).len(), 2);
    assert_eq!(
        one("1,200 roofs replaced").figure,
        Some(("1,200".to_owned(), "roofs replaced".to_owned()))
    );
    assert_eq!(one("Daily 9 am – 5 pm").hours[0].opens.as_deref(), Some("9am"));
    assert_eq!(
        one("12 Harbour Street, Cork").address.as_deref(),
        Some("12 Harbour Street, Cork")
    );
}
