//! What a site says: no repetition, no filler, placeholders listed, trades apart from each other.

use std::collections::BTreeSet;

use super::briefs::{all, business_types, examples, random};
use super::facts::says;
use super::measures::{filler, long_words, overlap, placeholders, repeated};
use super::{outline, page, plan, site, strings};
use crate::ai::offline::text;
use crate::ai::request::Brief;

/// The examples, and every business type with random tone, audience and facts.
fn sites() -> Vec<(String, Brief)> {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let examples = examples().map(|(name, brief)| (format!("example {name}"), brief));
    let random = business_types().into_iter().map(|kind| {
        let brief = random(&kind, seed);
        (kind.key, brief)
    });
    examples.into_iter().chain(random).collect()
}

#[test]
fn every_example_and_every_trade_is_complete_honest_and_unlike_the_others() {
    let mut vocabularies: Vec<(String, String, BTreeSet<String>)> = Vec::new();
    for (name, brief) in sites() {
        let site = site(&brief, 8);
        assert_eq!(repeated(&site), None, "{name}: said twice");
        assert_eq!(filler(&site), None, "{name}: filler");
        for fact in &brief.facts {
            assert!(says(&site, fact), "{name}: “{fact}” is missing");
        }
        let asked = placeholders(&site);
        assert!(asked <= 8, "{name}: {asked} questions to the owner");
        println!("{name}: {} pages, {asked} placeholders", site.pages.len());
        let trade = brief.business_type.map(|kind| kind.key).unwrap_or_default();
        vocabularies.push((name, trade, long_words(&site)));
    }
    let mut worst = (0.0, String::new());
    for (at, (one, trade, words)) in vocabularies.iter().enumerate() {
        for (other, foreign, others) in &vocabularies[at + 1..] {
            let shared = overlap(words, others);
            assert!(trade == foreign || shared < 0.5, "{one} and {other} share {shared:.2}");
            if trade != foreign && shared > worst.0 {
                worst = (shared, format!("{one} and {other}"));
            }
        }
    }
    println!("the closest are {} with {:.2}", worst.1, worst.0);
}

#[test]
fn two_trades_share_under_half_of_their_longer_words() {
    for seed in 0..3 {
        let sites: Vec<(String, BTreeSet<String>)> = business_types()
            .iter()
            .map(|kind| (kind.key.clone(), long_words(&site(&random(kind, seed), 8))))
            .collect();
        for (at, (one, a)) in sites.iter().enumerate() {
            for (other, b) in &sites[at + 1..] {
                let shared = overlap(a, b);
                assert!(shared < 0.5, "{one} and {other} share {shared:.2} (seed {seed})");
            }
        }
    }
}

#[test]
fn no_long_sentence_occurs_twice_in_a_site() {
    for (name, brief) in all(6) {
        for max_pages in [1, 3, 8] {
            assert_eq!(repeated(&site(&brief, max_pages)), None, "{name}, {max_pages} pages");
        }
    }
}

#[test]
fn placeholders_are_exactly_the_words_in_brackets() {
    for (name, brief) in all(4) {
        for block in site(&brief, 8).blocks() {
            let mut found = Vec::new();
            strings(block, "", &mut found);
            let texts = found
                .iter()
                .filter(|(field, _)| *field != "placeholders")
                .map(|(_, text)| *text);
            let bracketed = text::placeholders(texts.clone());
            let listed: Vec<&str> = block["placeholders"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|p| p.as_str())
                .collect();
            assert_eq!(bracketed, listed, "{name}: {block}");
            let unpaired = texts
                .clone()
                .find(|text| text.matches('[').count() != text.matches(']').count());
            assert_eq!(unpaired, None, "{name}: a bracket was cut off");
        }
    }
}

#[test]
fn figures_voices_names_and_prices_are_never_invented() {
    for (name, mut brief) in all(4) {
        brief.facts.clear();
        brief.summary.clear();
        let site = site(&brief, 8);
        for block in site.blocks() {
            let asked = |list: &str, field: &str| {
                for item in block[list].as_array().into_iter().flatten() {
                    if let Some(text) = item[field].as_str() {
                        assert!(text.starts_with('['), "{name}: {field} “{text}” is invented");
                    }
                }
            };
            match block["kind"].as_str().expect("a kind") {
                "STATS" => asked("items", "value"),
                "TESTIMONIALS" => ["quote", "author"].iter().for_each(|field| asked("items", field)),
                "TEAM" => asked("members", "name"),
                "LOGOS" => asked("items", "name"),
                "PRICING" => asked("plans", "price"),
                "PRODUCTS" => asked("items", "price"),
                "TIMELINE" => asked("events", "date"),
                _ => {}
            }
        }
        let text = site.texts().join("\n");
        let digit = text.lines().find(|line| line.contains(|c: char| c.is_ascii_digit()));
        assert_eq!(digit, None, "{name}: a number that the brief does not give");
    }
}

#[test]
fn no_filler_word_occurs() {
    for (name, brief) in all(4) {
        assert_eq!(filler(&site(&brief, 8)), None, "{name}");
    }
}

#[test]
fn a_button_text_occurs_once_on_a_page_and_leads_to_another_page() {
    for (name, brief) in all(4) {
        for max_pages in [1, 2, 5, 8] {
            let site = site(&brief, max_pages);
            let slugs: Vec<String> = outline(&site.structure)
                .iter()
                .map(|page| format!("/{}", page.slug))
                .collect();
            for (at, page) in site.pages.iter().enumerate() {
                let mut found = Vec::new();
                strings(page, "", &mut found);
                let mut labels = BTreeSet::new();
                for (field, text) in &found {
                    match *field {
                        "label" => assert!(
                            labels.insert(text.to_lowercase()) || is_stat(page, text),
                            "{name}: {text} twice on one page"
                        ),
                        "href" => assert!(
                            slugs.contains(&(*text).to_owned()) && (*text != slugs[at] || slugs.len() == 1)
                                || ["tel:", "mailto:", "#"].iter().any(|start| text.starts_with(start)),
                            "{name}: {text} on {}",
                            slugs[at]
                        ),
                        _ => {}
                    }
                }
            }
        }
    }
}

fn is_stat(page: &serde_json::Value, text: &str) -> bool {
    let blocks = page["blocks"].as_array().expect("blocks").iter();
    blocks
        .flat_map(|block| block["items"].as_array().into_iter().flatten())
        .any(|item| item["label"] == text)
}

#[test]
fn a_plan_keeps_to_the_bounds_for_every_number_of_pages() {
    for (name, brief) in all(2) {
        for max_pages in 1..=12 {
            let structure = plan(&brief, max_pages);
            let pages = outline(&structure);
            assert!(
                pages.len() <= max_pages.min(8),
                "{name}: {} of {max_pages} pages",
                pages.len()
            );
            assert!(
                pages.len() >= max_pages.min(4),
                "{name}: only {} pages of {max_pages}",
                pages.len()
            );
            assert_eq!(pages[0].slug, "");
            assert_eq!(pages.iter().filter(|page| page.page_type == "HOME").count(), 1);
            let slugs: BTreeSet<&str> = pages.iter().map(|page| page.slug.as_str()).collect();
            assert_eq!(slugs.len(), pages.len());
            for page in &pages {
                assert!(
                    (3..=7).contains(&page.sections.len()),
                    "{name}: {} sections on {}",
                    page.sections.len(),
                    page.slug
                );
                assert_eq!(page.sections[0].kind, "HERO");
                assert!(
                    page.sections
                        .iter()
                        .all(|section| !section.heading.is_empty() && !section.goal.is_empty())
                );
            }
            assert!(
                structure["navigation"]["header"]
                    .as_array()
                    .is_some_and(|links| links.len() <= 7)
            );
            for page in structure["pages"].as_array().expect("pages") {
                let length = |field: &str| page["seo"][field].as_str().map_or(0, |text| text.chars().count());
                assert!((1..=60).contains(&length("title")) && (1..=160).contains(&length("description")));
            }
        }
    }
}

#[test]
fn every_kind_of_block_is_used_by_some_trade() {
    let mut kinds = BTreeSet::new();
    for (_, brief) in all(3) {
        kinds.extend(
            outline(&plan(&brief, 8))
                .into_iter()
                .flat_map(|page| page.sections)
                .map(|section| section.kind),
        );
    }
    assert_eq!(kinds.len(), 16, "{kinds:?}");
}

#[test]
fn the_same_brief_gives_the_same_bytes_and_another_brief_another_site() {
    let kind = &business_types()[0];
    let brief = random(kind, 1);
    let (one, same) = (site(&brief, 8), site(&brief, 8));
    assert_eq!(one.structure.to_string(), same.structure.to_string());
    assert_eq!(one.pages, same.pages);
    let mut changed = brief.clone();
    changed.business_name = "Another name".to_owned();
    assert_ne!(one.texts(), site(&changed, 8).texts());
}

#[test]
fn a_page_written_alone_equals_the_page_written_with_others() {
    let brief = random(&business_types()[4], 2);
    let outline = outline(&plan(&brief, 8));
    let whole = page(&brief, &outline, 1);
    let task = crate::ai::request::PageTask {
        outline: outline.clone(),
        slug: outline[1].slug.clone(),
        sections: vec![outline[1].sections[2].clone()],
        finished: Vec::new(),
        instructions: None,
    };
    let part = crate::ai::offline::write(&super::request(&brief, crate::ai::request::Task::Page(task)));
    assert_eq!(part["blocks"].as_array().map(Vec::len), Some(1));
    assert_eq!(part["blocks"][0], whole["blocks"][2]);
}
