//! Over any plan: what is accepted obeys every rule between fields and reads the same again.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{link, page, plan, section};
use super::*;
use crate::sites::block::BlockKind;

/// Every rule of a structure that came out of `read_structure`.
fn assert_rules(structure: &SiteStructure, max_pages: usize, max_sections: usize) {
    let slugs: std::collections::HashSet<&str> = structure.pages.iter().map(|page| page.slug.as_str()).collect();
    assert_eq!(slugs.len(), structure.pages.len(), "slugs are unique");
    assert!((1..=max_pages).contains(&structure.pages.len()));
    for (number, page) in structure.pages.iter().enumerate() {
        assert_eq!(page.page_type == PageType::Home, number == 0);
        assert_eq!(page.slug.is_empty(), number == 0);
        assert!((2..=max_sections).contains(&page.sections.len()));
        let heroes = page
            .sections
            .iter()
            .filter(|section| section.kind == BlockKind::Hero)
            .count();
        assert!(heroes == 1 && page.sections[0].kind == BlockKind::Hero);
        assert!(
            !page.title.is_empty()
                && page.seo.title.chars().count() <= 60
                && page.seo.description.chars().count() <= 160
        );
    }
    assert!((1..=7).contains(&structure.navigation.header.len()));
    for link in structure
        .navigation
        .header
        .iter()
        .chain(&structure.navigation.footer)
        .flat_map(|link| [link].into_iter().chain(&link.children))
    {
        if let Some(path) = link.href.strip_prefix('/') {
            assert!(slugs.contains(path.split('#').next().unwrap_or_default()), "{link:?}");
        }
    }
    let palette = &structure.theme.palette;
    assert!(contrast(&palette.text, &palette.background) >= Some(MIN_CONTRAST));
    assert!(contrast(&palette.text, &palette.surface) >= Some(MIN_CONTRAST));
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            "/",
            "home",
            "about",
            "/about-us",
            "HOME",
            "LEGAL",
            "javascript:x",
            "#top",
            "https://a.b",
            "[x y]"
        ])
        .prop_map(str::to_owned),
        "(?s).{0,12}",
        "[a-z ]{0,300}",
    ]
}

prop_compose! {
    fn any_page()(slug in word(), title in word(), page_type in prop::sample::select(vec!["HOME", "ABOUT", "FAQ", "odd"]),
        kinds in prop::collection::vec(prop::sample::select(vec!["HERO", "TEXT", "CTA", "odd"]), 0..11)) -> Value {
        let mut page = page(&slug, &title, page_type);
        page["sections"] = kinds.into_iter().map(section).collect();
        page
    }
}

prop_compose! {
    fn any_plan()(pages in prop::collection::vec(any_page(), 0..16), links in prop::collection::vec((word(), word()), 0..14),
        colours in prop::collection::vec("#[0-9a-f]{6}", 5)) -> Value {
        let mut value = plan();
        value["pages"] = pages.into();
        value["navigation"]["header"] = links.iter().map(|(label, href)| link(label, href)).collect();
        for (name, colour) in ["background", "surface", "text", "primary", "accent"].iter().zip(colours) {
            value["theme"]["palette"][name] = json!(colour);
        }
        value
    }
}

proptest! {
    #[test]
    fn whatever_is_accepted_obeys_every_rule_and_reads_the_same_again(value in any_plan(), max_pages in 1_usize..=12, max_sections in 2_usize..=8) {
        let bounds = Bounds::new(max_pages, max_sections);
        if let Ok((structure, _)) = read_structure(value, bounds) {
            assert_rules(&structure, max_pages, max_sections);
            let again = read_structure(serde_json::to_value(&structure).expect("JSON"), bounds).expect("it was accepted");
            prop_assert_eq!(again.1, Vec::<String>::new());
            prop_assert_eq!(again.0, structure);
        }
    }
}
