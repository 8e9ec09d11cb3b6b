//! What a site says: no repetition, no filler, placeholders listed, trades apart from each other.

use std::collections::{BTreeMap, BTreeSet};

use super::briefs::{all, business_types, random};
use super::{Site, long_sentences, outline, page, plan, site, strings};
use crate::ai::offline::library::Language;
use crate::ai::offline::text;

fn long_words(site: &Site) -> BTreeSet<String> {
    let all = site.texts().join(" ").to_lowercase();
    let words = all
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() >= 6);
    words.map(str::to_owned).collect()
}

#[test]
fn two_trades_share_under_half_of_their_longer_words() {
    for seed in 0..3 {
        let sites: Vec<(String, BTreeSet<String>)> = business_types()
            .iter()
            .map(|kind| (kind.key.clone(), long_words(&site(&random(kind, seed), 8))))
            .collect();
        let mut worst = (0.0, String::new());
        for (at, (one, a)) in sites.iter().enumerate() {
            for (other, b) in &sites[at + 1..] {
                let overlap = a.intersection(b).count() as f64 / a.len().min(b.len()) as f64;
                assert!(overlap < 0.5, "{one} and {other} share {overlap:.2} (seed {seed})");
                if overlap > worst.0 {
                    worst = (overlap, format!("{one} and {other}"));
                }
            }
        }
        println!("seed {seed}: the closest are {} with {:.2}", worst.1, worst.0);
    }
}

#[test]
fn no_long_sentence_occurs_twice_in_a_site() {
    for (name, brief) in all(6) {
        for max_pages in [1, 3, 8] {
            let mut seen: BTreeMap<String, String> = BTreeMap::new();
            for text in site(&brief, max_pages).texts() {
                for sentence in long_sentences(&text) {
                    let before = seen.insert(sentence.clone(), text.clone());
                    assert!(before.is_none(), "{name}, {max_pages} pages: “{sentence}” occurs twice");
                }
            }
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
    let filler: Vec<String> = Language::english().lines("filler").into_iter().flatten().collect();
    assert!(filler.len() > 40);
    for (name, brief) in all(4) {
        let site = site(&brief, 8);
        let mut found = Vec::new();
        strings(&site.structure, "", &mut found);
        let planned = found
            .iter()
            .map(|(_, text)| text.to_lowercase())
            .collect::<Vec<_>>()
            .join("\n");
        let text = format!("{planned}\n{}", site.texts().join("\n").to_lowercase());
        for word in &filler {
            let hit = text.lines().find(|line| {
                let spaced = format!(
                    " {} ",
                    line.replace(|c: char| !c.is_alphanumeric() && c != '-' && c != '\'', " ")
                );
                spaced.contains(&format!(" {word} "))
            });
            assert_eq!(hit, None, "{name}: {word}");
        }
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
