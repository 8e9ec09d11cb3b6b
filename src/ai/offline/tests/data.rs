//! The phrase files: complete, well-formed, readable, and known to the option seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::briefs::{audiences, business_types, imagery, personalities};
use crate::ai::offline::library::{Language, lines, recipes};

/// The least entries of each list and the least and most parts of its lines.
const LISTS: &[(&str, usize, usize, usize)] = &[
    ("palettes", 1, 1, 1),
    ("headlines", 12, 2, 2),
    ("pages", 6, 5, 6),
    ("offers", 4, 1, 1),
    ("benefits", 4, 2, 2),
    ("questions", 5, 2, 2),
    ("stories", 2, 2, 2),
    ("splits", 2, 2, 2),
    ("closings", 4, 3, 5),
    ("buttons", 5, 2, 2),
    ("headings", 5, 2, 2),
    ("scenes", 8, 1, 1),
];

#[test]
fn every_trade_is_complete() {
    let language = Language::english();
    for key in language.trade_keys() {
        let trade = language.trade(key).expect("listed");
        for (list, least, fewest, most) in LISTS {
            let entries = trade.list(list);
            assert!(entries.len() >= *least, "{key}: {list} has {} entries", entries.len());
            for line in entries {
                assert!((*fewest..=*most).contains(&line.len()), "{key}: {list}: {line:?}");
                assert!(
                    line.iter().take(*fewest).all(|part| !part.is_empty()),
                    "{key}: {list}: {line:?}"
                );
            }
        }
        assert!(
            trade.processes.len() >= 2 && trade.processes.iter().all(|p| (3..=6).contains(&p.steps.len())),
            "{key}"
        );
        assert!(
            recipes().contains_key(&format!("HOME_{}", trade.family)),
            "{key}: family {}",
            trade.family
        );
        assert!(!trade.name.is_empty() && !trade.customers.is_empty(), "{key}");
        let tones: BTreeSet<&str> = trade.list("headlines").iter().map(|line| line[0].as_str()).collect();
        assert_eq!(tones.len(), language.tones().len(), "{key}: headlines for every tone");
        assert!(
            trade
                .list("scenes")
                .iter()
                .all(|line| line[0].split_whitespace().count() < 8),
            "{key}: a scene is too long"
        );
    }
}

#[test]
fn phrases_hold_no_number_and_no_phrase_twice() {
    let language = Language::english();
    for key in language.trade_keys() {
        let trade = language.trade(key).expect("listed");
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for (list, entries) in trade
            .lists
            .iter()
            .filter(|(list, _)| !["palettes", "pages"].contains(&list.as_str()))
        {
            for line in entries {
                let text = line.join(" ");
                assert!(!text.contains(|c: char| c.is_ascii_digit()), "{key}: {list}: {text}");
                for part in line.iter().filter(|part| part.split_whitespace().count() >= 8) {
                    assert_eq!(seen.insert(part.to_lowercase(), list), None, "{key}: {part}");
                }
                for placeholder in crate::ai::offline::text::placeholders([text.as_str()]) {
                    assert!(placeholder.chars().count() < 58, "{key}: {placeholder}");
                }
            }
        }
    }
}

#[test]
fn every_option_is_known_to_the_writer() {
    let language = Language::english();
    let trades: BTreeSet<&str> = language.trade_keys().collect();
    let types = business_types();
    assert!(types.len() >= 30 && audiences().len() >= 15 && personalities().len() >= 15 && imagery().len() >= 12);
    for choice in &types {
        assert!(trades.contains(choice.key.as_str()), "no phrases for {}", choice.key);
    }
    for choice in audiences() {
        assert_eq!(
            language
                .lines(&format!("audiences.{}", choice.key))
                .first()
                .map(Vec::len),
            Some(5),
            "{}",
            choice.key
        );
    }
    for choice in imagery() {
        assert_eq!(
            language.lines(&format!("imagery.{}", choice.key)).first().map(Vec::len),
            Some(2),
            "{}",
            choice.key
        );
    }
    for choice in personalities() {
        let known = |list: &str| list.split(',').any(|key| key.trim() == choice.key);
        assert_eq!(
            language
                .tones()
                .iter()
                .filter(|(_, tone)| known(&tone.personalities))
                .count(),
            1,
            "{}",
            choice.key
        );
    }
    let all = types
        .into_iter()
        .chain(audiences())
        .chain(personalities())
        .chain(imagery());
    assert!(
        all.into_iter()
            .all(|choice| !choice.name.is_empty() && choice.description.len() > 20)
    );
}

#[test]
fn every_file_is_in_the_list() {
    let folder = Path::new(file!())
        .parent()
        .and_then(Path::parent)
        .expect("a folder")
        .join("data/en/trades");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of trades")
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    let listed: BTreeSet<String> = Language::english().trade_keys().map(str::to_owned).collect();
    assert_eq!(files, listed);
}

#[test]
fn every_tone_says_what_a_site_needs() {
    for (key, tone) in Language::english().tones() {
        for text in [
            &tone.call,
            &tone.mail,
            &tone.contact,
            &tone.contact_intros,
            &tone.closings,
        ] {
            assert!(!text.trim().is_empty(), "{key}");
        }
        assert!(lines(&tone.fonts).iter().all(|pair| pair.len() == 2), "{key}");
    }
}

#[test]
fn palettes_can_be_read() {
    let language = Language::english();
    for key in language.trade_keys() {
        for line in language.trade(key).expect("listed").list("palettes") {
            let colours: Vec<[f64; 3]> = line[0].split_whitespace().map(rgb).collect();
            let [background, surface, text, primary, _] = colours.as_slice() else {
                panic!("{key}: five colours")
            };
            for (one, other) in [
                (text, background),
                (text, surface),
                (primary, background),
                (primary, surface),
            ] {
                assert!(
                    contrast(one, other) >= 4.5,
                    "{key}: {} has {:.1}",
                    line[0],
                    contrast(one, other)
                );
            }
        }
    }
}

fn rgb(hex: &str) -> [f64; 3] {
    let part = |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("a colour")) / 255.0;
    [part(1), part(3), part(5)]
}

fn contrast(one: &[f64; 3], other: &[f64; 3]) -> f64 {
    let linear = |c: f64| {
        if c <= 0.040_45 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    let luminance = |c: &[f64; 3]| 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
