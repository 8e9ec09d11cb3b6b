//! Reading plans, example by example: each rule broken once and seen to be repaired or reported.

use serde_json::{Value, json};

use super::*;
use crate::sites::block::BlockKind;
use crate::sites::reply::schema_rules::{assert_strict, assert_valid};

pub(super) fn section(kind: &str) -> Value {
    json!({ "kind": kind, "heading": "Heading", "goal": "Goal" })
}

pub(super) fn page(slug: &str, title: &str, page_type: &str) -> Value {
    json!({
        "slug": slug, "title": title, "type": page_type,
        "seo": { "title": title, "description": "About it." },
        "sections": [section("HERO"), section("TEXT"), section("CTA")],
    })
}

pub(super) fn link(label: &str, href: &str) -> Value {
    json!({ "label": label, "href": href, "children": [] })
}

pub(super) fn plan() -> Value {
    json!({
        "siteName": "Anna's Bakery", "tagline": "Bread from six in the morning",
        "theme": {
            "palette": { "background": "#fffaf3", "surface": "#f3e9dc", "text": "#2b2118", "primary": "#8a3b12", "accent": "#d99a3d" },
            "fonts": { "heading": "Playfair Display", "body": "Source Sans 3" },
        },
        "navigation": { "header": [link("Home", "/"), link("About", "/about")], "footer": [link("Mail", "mailto:a@example.org")] },
        "pages": [page("", "Home", "HOME"), page("about", "About", "ABOUT")],
    })
}

fn read(value: Value) -> SiteStructure {
    read_structure(value, Bounds::new(12, 8))
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .0
}

#[test]
fn a_good_plan_is_kept_as_it_is() {
    let (structure, repairs) = read_structure(plan(), Bounds::new(8, 8)).expect("the plan is good");
    assert_eq!(repairs, Vec::<String>::new());
    assert_eq!(serde_json::to_value(&structure).expect("a plan is JSON"), plan());
}

#[test]
fn the_schema_is_strict_and_admits_a_good_plan() {
    let schema = structure_schema(Bounds::new(6, 8));
    assert_strict(&schema);
    assert_valid(&schema, &plan());
    assert_eq!(schema["properties"]["pages"]["maxItems"], 6);
    let names: Vec<&String> = schema["properties"].as_object().expect("properties").keys().collect();
    assert_eq!(names, ["siteName", "tagline", "pages", "navigation", "theme"]);
    assert_eq!(
        structure_schema(Bounds::new(99, 8))["properties"]["pages"]["maxItems"],
        12
    );
    let few = structure_schema(Bounds::new(6, 3));
    assert_eq!(
        few["properties"]["pages"]["items"]["properties"]["sections"]["maxItems"],
        3
    );
}

#[test]
fn too_many_sections_are_cut_from_the_end_and_the_hero_stays() {
    let mut value = plan();
    value["pages"][0]["sections"] = ["TEXT", "FAQ", "CTA", "HERO"]
        .iter()
        .map(|kind| section(kind))
        .collect();
    let (structure, repairs) = read_structure(value, Bounds::new(8, 3)).expect("it can be repaired");
    let kinds: Vec<&str> = structure.pages[0]
        .sections
        .iter()
        .map(|section| section.kind.as_str())
        .collect();
    assert_eq!(kinds, ["HERO", "TEXT", "FAQ"]);
    assert!(repairs.iter().any(|repair| repair.contains("cut to 3")), "{repairs:?}");
}

#[test]
fn exactly_one_home_page_stands_first_with_the_empty_slug() {
    let mut value = plan();
    value["pages"] = json!([
        page("about", "About", "ABOUT"),
        page("home", "Start", "HOME"),
        page("home-2", "Again", "HOME")
    ]);
    let structure = read(value);
    let pages: Vec<_> = structure
        .pages
        .iter()
        .map(|page| (page.slug.as_str(), page.page_type))
        .collect();
    assert_eq!(
        pages,
        [
            ("", PageType::Home),
            ("about", PageType::About),
            ("home-2", PageType::Custom)
        ]
    );

    let mut value = plan();
    value["pages"] = json!([page("x", "X", "SERVICES"), page("", "Y", "BOGUS")]);
    let structure = read(value);
    assert_eq!(structure.pages[0].title, "Y");
    assert_eq!(structure.pages[0].page_type, PageType::Home);
}

#[test]
fn too_many_pages_are_cut_without_losing_home_and_menus_follow() {
    let mut value = plan();
    let mut pages: Vec<Value> = (0..15)
        .map(|number| page(&format!("p{number}"), "Page", "CUSTOM"))
        .collect();
    pages.push(page("", "Home", "HOME"));
    value["pages"] = Value::Array(pages);
    value["navigation"]["header"] = json!([
        link("Home", "/"),
        link("First", "/p0"),
        link("Cut", "/p7"),
        link("Last", "/p14")
    ]);
    let (structure, repairs) = read_structure(value, Bounds::new(4, 8)).expect("it can be repaired");
    let slugs: Vec<&str> = structure.pages.iter().map(|page| page.slug.as_str()).collect();
    assert_eq!(slugs, ["", "p0", "p1", "p2"]);
    let hrefs: Vec<&str> = structure
        .navigation
        .header
        .iter()
        .map(|link| link.href.as_str())
        .collect();
    assert_eq!(hrefs, ["/", "/p0"]);
    assert!(repairs.iter().any(|repair| repair.contains("`Cut`")), "{repairs:?}");
}

#[test]
fn slugs_are_unique_and_menus_find_their_pages_under_any_name() {
    let mut value = plan();
    value["pages"] = json!([
        page("/", "Home", "HOME"),
        page("/About Us/", "About Us", "ABOUT"),
        page("about-us", "More", "CUSTOM"),
        page("menü.html", "Speisen", "PRODUCTS"),
        page("", "関于", "CONTACT"),
    ]);
    value["navigation"]["header"] = json!([
        link("A", "/about-us#team"),
        link("B", "menue.html"),
        link("C", "/speisen"),
        link("D", "/contact"),
        link("E", "index"),
        link("F", "/nowhere"),
        link("G", "javascript:alert(1)"),
        link("H", "//evil.example"),
        link("I", "https://example.org"),
    ]);
    let structure = read(value);
    let slugs: Vec<&str> = structure.pages.iter().map(|page| page.slug.as_str()).collect();
    assert_eq!(slugs, ["", "about-us", "about-us-2", "menue", "contact"]);
    let hrefs: Vec<&str> = structure
        .navigation
        .header
        .iter()
        .map(|link| link.href.as_str())
        .collect();
    assert_eq!(
        hrefs,
        [
            "/about-us#team",
            "/menue",
            "/menue",
            "/contact",
            "/",
            "https://example.org"
        ]
    );
}

#[test]
fn a_menu_has_two_levels_and_at_most_seven_entries() {
    let mut value = plan();
    let mut deep = link("More", "/nowhere");
    deep["children"] = json!([link("About", "/about"), link("Lost", "/lost")]);
    deep["children"][0]["children"] = json!([link("Third", "/about")]);
    value["navigation"]["header"] = Value::Array([vec![deep], vec![link("Home", "/"); 9]].concat());
    let structure = read(value);
    assert_eq!(structure.navigation.header.len(), 7);
    let first = &structure.navigation.header[0];
    assert_eq!((first.href.as_str(), first.children.len()), ("/about", 1));
    assert!(first.children[0].children.is_empty());

    let mut value = plan();
    value["navigation"] = Value::Null;
    let labels: Vec<String> = read(value)
        .navigation
        .header
        .into_iter()
        .map(|link| link.label)
        .collect();
    assert_eq!(labels, ["Home", "About"]);
}

#[test]
fn every_page_opens_with_its_only_hero() {
    let mut value = plan();
    value["pages"][0]["sections"] = json!([section("TEXT"), section("HERO"), section("HERO"), section("CTA")]);
    value["pages"][1]["sections"] = Value::Array(vec![section("TEXT"); 8]);
    let structure = read(value);
    let kinds = |page: &PlannedPage| page.sections.iter().map(|section| section.kind).collect::<Vec<_>>();
    assert_eq!(
        kinds(&structure.pages[0]),
        [BlockKind::Hero, BlockKind::Text, BlockKind::Cta]
    );
    assert_eq!(kinds(&structure.pages[1])[0], BlockKind::Hero);
    assert_eq!(structure.pages[1].sections.len(), 8);
}

#[test]
fn an_unreadable_text_is_darkened_or_lightened_until_it_can_be_read() {
    for (background, surface, text) in [
        ("#ffffff", "#eeeeee", "#cccccc"),
        ("#000000", "#222222", "#333333"),
        ("#ffffff", "#000000", "#777777"),
        ("#777777", "#777777", "#808080"),
    ] {
        let mut value = plan();
        value["theme"]["palette"]["background"] = json!(background);
        value["theme"]["palette"]["surface"] = json!(surface);
        value["theme"]["palette"]["text"] = json!(text);
        let palette = read(value).theme.palette;
        assert!(
            contrast(&palette.text, &palette.background) >= Some(MIN_CONTRAST),
            "{palette:?}"
        );
        assert!(
            contrast(&palette.text, &palette.surface) >= Some(MIN_CONTRAST),
            "{palette:?}"
        );
        assert_eq!(palette.background, background);
    }
    assert_eq!(contrast("#000000", "#ffffff").map(f64::round), Some(21.0));
    assert_eq!(contrast("red", "#ffffff"), None);
}

#[test]
fn colours_and_fonts_are_plain_or_replaced() {
    let mut value = plan();
    value["theme"]["palette"]["primary"] = json!("ABC");
    value["theme"]["palette"]["accent"] = json!("red;} body{display:none");
    value["theme"]["fonts"] = json!({ "heading": "'Playfair Display', serif", "body": "x\"}</style><script>" });
    let theme = read(value).theme;
    assert_eq!(theme.palette.primary, "#aabbcc");
    assert_eq!(theme.palette.accent, Palette::default().accent);
    assert_eq!(
        theme.fonts,
        Fonts {
            heading: "Playfair Display".into(),
            body: Fonts::default().body
        }
    );
}

#[test]
fn long_and_missing_search_texts_are_repaired() {
    let mut value = plan();
    value["pages"][0]["seo"] = json!({ "title": "word ".repeat(40), "description": "word ".repeat(80) });
    value["pages"][1]["seo"] = Value::Null;
    let structure = read(value);
    assert!(structure.pages[0].seo.title.chars().count() <= 60);
    assert!(structure.pages[0].seo.description.chars().count() <= 160);
    assert_eq!(
        structure.pages[1].seo,
        Seo {
            title: "About".into(),
            description: structure.tagline.clone()
        }
    );
}

#[test]
fn what_cannot_be_repaired_is_reported_at_its_place() {
    assert!(read_structure(json!([]), Bounds::new(8, 8)).is_err());
    let mut value = plan();
    value["siteName"] = json!("  ");
    value["pages"] = json!([]);
    let problems = read_structure(value, Bounds::new(8, 8)).expect_err("no pages");
    let places: Vec<String> = problems.iter().map(|problem| problem.path.join(".")).collect();
    assert_eq!(places, ["siteName", "pages"]);

    let mut value = plan();
    value["pages"] = json!([page("", "Home", "HOME")]);
    value["pages"][0]["sections"] = json!([section("HERO"), section("CAROUSEL")]);
    let problems = read_structure(value, Bounds::new(8, 8)).expect_err("one usable section");
    assert!(
        problems.iter().any(|problem| problem
            .to_string()
            .starts_with("pages[0].sections[1].kind: Use one of HERO, ")),
        "{problems:?}"
    );
}

#[test]
fn page_types_are_read_by_their_exact_spelling() {
    for page_type in PageType::ALL {
        assert_eq!(PageType::parse(page_type.as_str()), Some(*page_type));
        assert_eq!(json!(page_type), json!(page_type.as_str()));
    }
    assert_eq!(PageType::ALL.len(), 12);
    assert_eq!(PageType::parse("home"), None);
}
