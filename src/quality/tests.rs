//! Each check on the smallest site that shows it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::db::now;
use crate::entities::{BlockOrigin, BlockStatus, BlueprintStatus, HostingType, PageStatus, block, blueprint, page};

struct Rows {
    blueprint: blueprint::Model,
    pages: Vec<page::Model>,
    blocks: Vec<block::Model>,
}

const TITLE: &str = "Sourdough bread in Leith";
const DESCRIPTION: &str = "A bakery in Leith that bakes sourdough bread every morning and keeps a loaf for you.";

impl Rows {
    fn new(language: &str) -> Rows {
        let palette = json!({ "background": "#ffffff", "surface": "#f5f4f0", "text": "#1d1d1f", "primary": "#1f4e79", "accent": "#c2552d" });
        let header = json!([{ "label": "Home", "href": "/", "children": [] }]);
        Rows {
            blueprint: blueprint::Model {
                id: Uuid::nil(),
                account_id: Uuid::nil(),
                name: "Rye".to_string(),
                description: String::new(),
                brief: json!({ "language": language }),
                structure: Some(
                    json!({ "theme": { "palette": palette }, "navigation": { "header": header, "footer": [] } }),
                ),
                status: BlueprintStatus::Ready,
                hosting_type: HostingType::BuiltIn,
                version: 1,
                event_seq: 0,
                created_at: now(),
                updated_at: now(),
            },
            pages: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn page(mut self, slug: &str, blocks: Vec<(&str, Value)>) -> Rows {
        let number = self.pages.len() as u128 + 1;
        self.pages.push(page::Model {
            id: Uuid::from_u128(number),
            blueprint_id: Uuid::nil(),
            slug: slug.to_string(),
            title: slug.to_string(),
            page_type: "custom".to_string(),
            seo_title: format!("{TITLE} {slug}"),
            seo_description: DESCRIPTION.to_string(),
            status: PageStatus::Ready,
            position: number as i32,
            version: 1,
            created_at: now(),
            updated_at: now(),
        });
        for (kind, content) in blocks {
            self.blocks.push(block::Model {
                id: Uuid::from_u128(100 + self.blocks.len() as u128),
                page_id: Uuid::from_u128(number),
                kind: kind.to_string(),
                position: 0,
                status: BlockStatus::Ready,
                locked: false,
                origin: BlockOrigin::Ai,
                heading: "A heading".to_string(),
                goal: String::new(),
                placeholders: json!([]),
                content: (!content.is_null()).then_some(content),
                revision: 1,
                job_id: None,
                updated_at: now(),
            });
        }
        self
    }

    fn site(&self) -> Site<'_> {
        Site::of(&self.blueprint, &self.pages, &self.blocks)
    }

    fn report(&self) -> Report {
        self.site().report()
    }

    /// The codes with the points they take.
    fn codes(&self) -> Vec<(&'static str, u32)> {
        let findings = self.report().findings;
        findings
            .iter()
            .map(|finding| (finding.code.as_str(), finding.points))
            .collect()
    }
}

fn hero(headline: &str, actions: Value) -> (&'static str, Value) {
    let image = json!({ "url": null, "alt": "A loaf on a table", "prompt": "A loaf", "aspect": "16:9" });
    (
        "HERO",
        json!({ "headline": headline, "actions": actions, "image": image }),
    )
}

fn text(body: &str) -> (&'static str, Value) {
    ("TEXT", json!({ "title": "Our bread", "body": body }))
}

#[test]
fn a_good_site_has_all_points_and_always_the_same_report() {
    let link = json!([{ "label": "See our bread", "href": "/bread", "style": "PRIMARY" }]);
    let rows = Rows::new("en")
        .page(
            "",
            vec![
                hero("Bread every morning", link),
                text("We bake at night so that you have bread at seven."),
            ],
        )
        .page(
            "bread",
            vec![
                hero("What we bake", json!([])),
                text("Rye, wheat and spelt, each with its own leaven."),
            ],
        );
    let report = rows.report();
    assert_eq!((report.score, report.findings.len()), (100, 0), "{:?}", report.findings);
    assert_eq!(report, rows.report());
    assert_eq!(report.reading_grade, None, "too little text says nothing");
}

#[test]
fn an_empty_site_has_none() {
    let rows = Rows::new("en");
    assert_eq!(rows.report().score, 0);
    assert_eq!(rows.codes(), vec![("UNPLANNED", 100)]);
    let rows = Rows::new("en").page("", vec![("HERO", Value::Null), ("TEXT", Value::Null)]);
    assert_eq!(rows.codes(), vec![("UNWRITTEN", 15), ("UNWRITTEN", 15)]);
    assert_eq!(rows.report().score, 70);
}

#[test]
fn lengths_and_doubled_titles_are_found() {
    let mut rows = Rows::new("en")
        .page("", vec![hero("A", json!([]))])
        .page("b", vec![hero("B", json!([]))]);
    rows.pages[0].seo_title = "Home".to_string();
    rows.pages[1].seo_title = "home".to_string();
    rows.pages[1].seo_description = String::new();
    let mut codes = rows.codes();
    codes.sort_unstable();
    let expected = [
        "DESCRIPTION_LENGTH",
        "ORPHAN_PAGE",
        "TITLE_LENGTH",
        "TITLE_LENGTH",
        "TITLE_REPEATED",
        "TITLE_REPEATED",
    ];
    assert_eq!(codes.iter().map(|(code, _)| *code).collect::<Vec<_>>(), expected);
}

#[test]
fn headings_begin_with_one_hero_and_leave_no_level_out() {
    let items = json!([{ "title": "a", "description": "b" }, { "title": "c", "description": "d" }]);
    let rows = Rows::new("en").page(
        "",
        vec![
            text("#### Deep\ntext"),
            hero("A", json!([])),
            hero("B", json!([])),
            ("TIMELINE", json!({ "title": null, "events": items })),
        ],
    );
    assert_eq!(
        rows.codes(),
        vec![
            ("HEADING_ORDER", 5),
            ("HEADING_ORDER", 5),
            ("HEADING_ORDER", 5),
            ("HEADING_ORDER", 0)
        ]
    );
    assert_eq!(rows.report().score, 85, "a code has a ceiling");
    let fine = Rows::new("en").page(
        "",
        vec![hero("A", json!([])), text("## One\n### Two\n## Three\n#hashtag")],
    );
    assert_eq!(fine.codes(), vec![]);
}

#[test]
fn dead_links_orphans_and_pictures_without_words_are_found_where_they_are() {
    let actions = json!([{ "label": "Go", "href": "/nowhere", "style": "PRIMARY" }, { "label": "Mail", "href": "mailto:a@b.example", "style": "LINK" }]);
    let mut rows = Rows::new("en")
        .page(
            "",
            vec![
                hero("A", actions),
                text("See [this](/gone?x=1) and [that](https://example.org)."),
            ],
        )
        .page(
            "alone",
            vec![hero(
                "B",
                json!([{ "label": "Here", "href": "/alone", "style": "LINK" }]),
            )],
        );
    rows.blocks[2].content.as_mut().unwrap()["image"]["alt"] = Value::Null;
    rows.blueprint.structure.as_mut().unwrap()["navigation"]["footer"] =
        json!([{ "label": "Old", "href": "/old", "children": [] }]);
    let findings = rows.report().findings;
    let found: Vec<_> = findings
        .iter()
        .map(|one| (one.code, one.page, one.block, one.path.join(".")))
        .collect();
    let (home, alone) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
    let block = |number: u128| Some(Uuid::from_u128(number));
    assert_eq!(
        found,
        vec![
            (Code::OrphanPage, alone, None, "slug".to_string()),
            (Code::DeadLink, None, None, "navigation.footer.0.href".to_string()),
            (Code::DeadLink, home, block(100), "actions.0.href".to_string()),
            (Code::DeadLink, home, block(101), "body".to_string()),
            (Code::AltMissing, alone, block(102), "image.alt".to_string()),
        ]
    );
}

#[test]
fn repetitions_across_pages_and_on_buttons_are_found() {
    let same = "Our bread rises for a whole night.";
    let twice = json!([{ "label": "Order", "href": "/", "style": "PRIMARY" }, { "label": "order", "href": "/", "style": "LINK" }]);
    let link = json!([{ "label": "More", "href": "/b", "style": "LINK" }]);
    let rows = Rows::new("en")
        .page("", vec![hero("A", link.clone()), text(same)])
        .page(
            "b",
            vec![hero("B", twice), text(&format!("Fresh. {}", same.to_uppercase()))],
        );
    assert_eq!(
        rows.codes(),
        vec![
            ("SENTENCE_REPEATED", 3),
            ("SENTENCE_REPEATED", 3),
            ("BUTTON_REPEATED", 2)
        ]
    );
    // Whoever looks for the hours finds them on every page.
    let hours = "Mon–Fri 7:30, 12:30, 18:30, 20:00";
    let open = Rows::new("en").page("", vec![hero("A", link.clone()), text(hours)]);
    let open = open.page("b", vec![hero("B", json!([])), text(hours)]);
    assert_eq!(open.codes(), vec![]);
    // What the owner says of the business may be said wherever it helps.
    let mut owned = Rows::new("en").page("", vec![hero("A", link), text(same)]);
    owned = owned.page("b", vec![hero("B", json!([])), text(same)]);
    assert_eq!(owned.codes(), vec![("SENTENCE_REPEATED", 3), ("SENTENCE_REPEATED", 3)]);
    owned.blueprint.brief["facts"] = json!([format!("F{}", &same.to_lowercase())]);
    assert_eq!(owned.codes().len(), 2, "flour is not our");
    owned.blueprint.brief["facts"] = json!([format!("Since 1990. {same}")]);
    assert_eq!(owned.codes(), vec![]);
}

#[test]
fn placeholders_contrast_and_difficulty_count() {
    let hard = "The organisation's multidisciplinary fermentation methodology necessitates comprehensive environmental \
        parameterisation, considerable institutional experience and uncompromising procedural standardisation. ";
    let mut rows = Rows::new("en-GB").page("", vec![hero("A", json!([])), text(&hard.repeat(6))]);
    rows.blocks[1].placeholders = json!(["25 years", "€49"]);
    rows.blueprint.structure.as_mut().unwrap()["theme"]["palette"]["primary"] = json!("#fefefe");
    let report = rows.report();
    assert_eq!(report.placeholders, 2);
    assert!(report.reading_grade.unwrap() > 12.0);
    let codes = rows.codes();
    for code in ["PLACEHOLDER", "CONTRAST", "READING_GRADE"] {
        assert!(codes.iter().any(|(found, _)| *found == code), "{code}: {codes:?}");
    }
    let mut german = rows;
    german.blueprint.brief = json!({ "language": "de" });
    assert_eq!(german.report().reading_grade, None);
}

#[test]
fn odd_content_is_measured_without_a_panic() {
    for odd in [
        json!(null),
        json!([]),
        json!("x"),
        json!({ "body": 7, "items": "no", "href": {} }),
        json!({ "body": "](" }),
    ] {
        let rows = Rows::new("").page("é", vec![("TEXT", odd.clone()), ("NO_SUCH_KIND", odd)]);
        assert!(rows.report().score <= 100);
        assert_eq!(rows.site().page(Uuid::from_u128(99)), None);
    }
    assert_eq!(Code::ALL.len(), 14);
}
