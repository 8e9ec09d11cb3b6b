//! Briefs that mean harm, and outlines that make no sense: plain text comes out, and no panic.

use super::briefs::{business_types, random};
use super::{page, request, site, strings};
use crate::ai::offline::seed::Dice;
use crate::ai::offline::{warnings, write};
use crate::ai::request::{Brief, Choice, PageOutline, PageTask, Section, Task};

const PIECES: &[&str] = &[
    "<script>alert(1)</script>",
    "{{7*7}}",
    "{business}",
    "{% raw %}",
    "${jndi:ldap://x}",
    "javascript:alert(1)",
    "../../etc/passwd",
    "[a](javascript:x)",
    "\u{202e}evil\u{202c}",
    "\u{2066}isolate\u{2069}",
    "\u{0}\u{7}\u{1b}[31m",
    "👩‍👩‍👧‍👦🎂",
    "ﷺﷺﷺ",
    "İstanbul ẞ ŉ",
    "",
    " ",
    "\n\n\t",
    "'; DROP TABLE",
    "a@b",
    "@@@@",
    "+++++",
    "((((",
    "00000000000000000000",
    "€€€ 5 €",
    "Mon Mon Mon – – 8 8 8",
    "in In in Q",
    "selling , , and , or .",
    "1,,,2",
    "…",
    "é́́́́",
];

fn hostile(seed: u64) -> Brief {
    let mut dice = Dice::new(seed, "hostile");
    let mut text = |most: usize| {
        let count = dice.below(most + 1);
        let mut out = String::new();
        for _ in 0..count {
            out.push_str(dice.pick(PIECES).unwrap_or(&""));
            if dice.below(2) == 0 {
                out.push(' ');
            }
        }
        out
    };
    let choice = |name: String| Choice {
        key: String::new(),
        description: name.clone(),
        name,
    };
    Brief {
        site_name: text(3),
        business_name: text(4),
        summary: text(60),
        business_type: Some(choice(text(4))),
        audiences: vec![choice(text(3)), choice(text(2))],
        personalities: vec![choice(text(3))],
        hero_imagery: Some(choice(text(3))),
        objectives: vec![text(5), text(5)],
        facts: (0..10).map(|_| text(6)).collect(),
        language: text(2),
    }
}

#[test]
fn hostile_briefs_come_out_as_plain_text() {
    for seed in 0..150 {
        let brief = hostile(seed);
        let site = site(&brief, 1 + (seed as usize % 12));
        let mut found = Vec::new();
        strings(&site.structure, "", &mut found);
        site.blocks().for_each(|block| strings(block, "", &mut found));
        for (field, text) in found {
            let bad = text
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
            assert_eq!(bad, None, "seed {seed}, {field}: {text:?}");
            if field == "href" {
                let safe = ["/", "#", "tel:", "mailto:"]
                    .iter()
                    .any(|start| text.starts_with(start));
                assert!(safe && !text.contains([' ', '<', '"']), "seed {seed}: {text}");
            }
        }
    }
}

#[test]
fn very_long_and_empty_briefs_do_not_panic() {
    let long = "A very long sentence without an end ".repeat(600);
    let brief = Brief {
        business_name: long.clone(),
        summary: long.clone(),
        objectives: vec![long.clone()],
        facts: vec![
            long.clone(),
            "x".repeat(20_000),
            format!("Price {} €", "9".repeat(5000)),
        ],
        ..Brief::default()
    };
    assert!(!site(&brief, 8).texts().is_empty());
    assert!(!site(&Brief::default(), 8).texts().is_empty());
}

#[test]
fn any_outline_is_written() {
    let kinds = [
        "HERO",
        "FEATURES",
        "SPLIT",
        "STEPS",
        "STATS",
        "LOGOS",
        "TESTIMONIALS",
        "PRICING",
        "PRODUCTS",
        "FAQ",
        "CTA",
        "TEXT",
        "GALLERY",
        "TEAM",
        "TIMELINE",
        "CONTACT",
    ];
    let brief = random(&business_types()[2], 5);
    for seed in 0..60 {
        let mut dice = Dice::new(seed, "outline");
        let outline: Vec<PageOutline> = (0..1 + dice.below(12))
            .map(|at| PageOutline {
                slug: if at == 0 { String::new() } else { format!("p{at}") },
                title: format!("Page {at}"),
                page_type: (*dice
                    .pick(&["HOME", "ABOUT", "SERVICES", "FAQ", "LEGAL", "nonsense"])
                    .unwrap_or(&""))
                .to_owned(),
                sections: (0..dice.below(9))
                    .map(|position| Section {
                        position,
                        kind: (*dice.pick(&kinds).unwrap_or(&"TEXT")).to_owned(),
                        heading: "The same heading everywhere".to_owned(),
                        goal: String::new(),
                    })
                    .collect(),
            })
            .collect();
        for at in 0..outline.len() {
            let written = page(&brief, &outline, at);
            assert_eq!(
                written["blocks"].as_array().map(Vec::len),
                Some(outline[at].sections.len()),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn a_page_outside_the_outline_is_written() {
    let section = Section {
        position: 3,
        kind: "FAQ".to_owned(),
        heading: String::new(),
        goal: String::new(),
    };
    let task = PageTask {
        outline: Vec::new(),
        slug: "lost".to_owned(),
        sections: vec![section],
        finished: Vec::new(),
        instructions: None,
    };
    let reply = write(&request(&Brief::default(), Task::Page(task)));
    assert_eq!(reply["blocks"][0]["kind"], "FAQ");
}

#[test]
fn instructions_give_another_text_for_the_same_section() {
    let planned = (0..9).find_map(|seed| {
        let brief = random(&business_types()[0], seed);
        let outline = super::outline(&super::plan(&brief, 5));
        let features = |page: &PageOutline| page.sections.iter().any(|s| s.kind == "FEATURES");
        let at = outline.iter().position(features)?;
        Some((brief, outline, at))
    });
    let (brief, outline, at) = planned.expect("features somewhere");
    let sections: Vec<Section> = outline[at]
        .sections
        .iter()
        .filter(|s| s.kind == "FEATURES")
        .cloned()
        .collect();
    let ask = |instructions: Option<String>| {
        let task = PageTask {
            outline: outline.clone(),
            slug: outline[at].slug.clone(),
            sections: sections.clone(),
            finished: Vec::new(),
            instructions,
        };
        write(&request(&brief, Task::Page(task)))
    };
    assert_ne!(ask(None), ask(Some("Say it differently".to_owned())));
}

#[test]
fn an_unknown_language_is_written_in_english_with_a_warning() {
    assert!(warnings("en").is_empty() && warnings("en-IE").is_empty());
    let said = "Language 'xx' is not available offline; the text is in English.";
    assert_eq!(warnings("xx"), [said]);
    let mut brief = random(&business_types()[0], 1);
    brief.language = "xx".to_owned();
    assert!(site(&brief, 3).texts().len() > 20);
}
