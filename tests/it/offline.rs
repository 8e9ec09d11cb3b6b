//! The offline writer obeys the rules that a model must obey: the readers find nothing to repair.
//!
//! The writer and the content model do not know each other, so only here can they be held together.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use sitewright::ai::{Brief, Choice, PageOutline, PageTask, Request, Section, Task, offline};
use sitewright::sites::block::{BlockKind, read_block};
use sitewright::sites::structure::{Bounds, SiteStructure, read_structure};

#[derive(serde::Deserialize)]
struct Options {
    option: Vec<Choice>,
}

fn options(text: &str) -> Vec<Choice> {
    toml::from_str::<Options>(text).unwrap().option
}

const FACTS: [&str; 12] = [
    "Phone: +32 9 123 45 67",
    "hello@example.org",
    "Korenmarkt 12, 9000 Ghent",
    "Mon-Fri 8am-6pm, Sat 9:00 - 13:00, Sunday closed",
    "Country loaf: 4.80 €",
    "Founded in 1987 by Marie Claes",
    "1,200 customers a year",
    "Free delivery within 5 km",
    "<b>Everything</b> is *organic* & _good_",
    "[x](javascript:alert(1))",
    "😀 emoji fact",
    "{{template}}",
];

fn request(brief: &Brief, task: Task) -> Request {
    Request {
        job: uuid::Uuid::nil(),
        attempt: 1,
        function: "page",
        messages: Vec::new(),
        schema: Value::Null.into(),
        brief: brief.clone(),
        task,
        correction: None,
        max_tokens: None,
    }
}

fn outline(plan: &SiteStructure) -> Vec<PageOutline> {
    let page = |page: &sitewright::sites::structure::PlannedPage| PageOutline {
        slug: page.slug.clone(),
        title: page.title.clone(),
        page_type: page.page_type.as_str().to_string(),
        sections: page
            .sections
            .iter()
            .enumerate()
            .map(|(position, section)| Section {
                position,
                kind: section.kind.as_str().to_string(),
                heading: section.heading.clone(),
                goal: section.goal.clone(),
            })
            .collect(),
    };
    plan.pages.iter().map(page).collect()
}

#[test]
fn every_trade_writes_plans_and_blocks_that_need_no_repair() {
    let seed: u64 = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let audiences = options(include_str!("../../src/options/seeds/audience_profiles.toml"));
    let personalities = options(include_str!("../../src/options/seeds/brand_personalities.toml"));
    let imagery = options(include_str!("../../src/options/seeds/hero_imagery_directions.toml"));
    for trade in options(include_str!("../../src/options/seeds/business_types.toml")) {
        let mut pick = |list: &[Choice]| list[random.random_range(0..list.len())].clone();
        let mut brief = Brief {
            site_name: "Zuurdesem & Zoon <x>".to_string(),
            business_name: "Zuurdesem & Zoon".to_string(),
            summary: "A family business in Ghent. We take our time **always** and <i>like</i> it.".to_string(),
            business_type: Some(trade.clone()),
            audiences: vec![pick(&audiences)],
            personalities: vec![pick(&personalities)],
            hero_imagery: Some(pick(&imagery)),
            objectives: vec!["More orders".to_string()],
            facts: Vec::new(),
            language: "en".to_string(),
        };
        let count = random.random_range(0..10);
        brief.facts = (0..count)
            .map(|_| FACTS[random.random_range(0..FACTS.len())].to_string())
            .collect();
        let max_pages = random.random_range(1..=12);
        let reply = offline::write(&request(
            &brief,
            Task::Structure {
                max_pages,
                instructions: None,
            },
        ));
        let (plan, repairs) =
            read_structure(reply, Bounds::new(max_pages, 8)).unwrap_or_else(|found| panic!("{}: {found:?}", trade.key));
        assert!(repairs.is_empty(), "{}: {repairs:?}", trade.key);
        for page in outline(&plan) {
            let task = PageTask {
                outline: outline(&plan),
                slug: page.slug.clone(),
                sections: page.sections.clone(),
                finished: Vec::new(),
                instructions: None,
            };
            let reply = offline::write(&request(&brief, Task::Page(task)));
            let blocks = reply["blocks"].as_array().expect("a list of blocks").clone();
            assert_eq!(blocks.len(), page.sections.len());
            for (block, section) in blocks.into_iter().zip(&page.sections) {
                let kind = BlockKind::parse(&section.kind).expect("a known kind");
                let written = read_block(kind, block, &section.heading);
                let written = written.unwrap_or_else(|found| panic!("{} {kind}: {found:?}", trade.key));
                assert!(
                    written.repairs.is_empty(),
                    "{} {kind}: {:?}",
                    trade.key,
                    written.repairs
                );
            }
        }
    }
}
