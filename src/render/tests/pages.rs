//! What a page is made of: headings, links, marks, unfinished blocks.

use serde_json::json;

use super::reader;
use super::samples::Sample;
use crate::render::address::{Target, resolve};
use crate::render::{BlockStatus, LinkBase, PageStatus, page};
use crate::sites::block::{BlockKind, Content};

#[test]
fn every_page_has_one_main_heading_and_each_section_its_own() {
    let mut sample = Sample::saying("Fresh bread");
    let whole = reader::read(&sample.html());
    assert_eq!(whole.named("h1").len(), 1);
    assert_eq!(whole.named("h2").len(), BlockKind::ALL.len() - 1);
    sample.contents.remove(0);
    assert_eq!(reader::read(&sample.html()).named("h1").len(), 1);
    sample.contents.clear();
    assert_eq!(reader::read(&sample.html()).named("h1").len(), 1);
}

#[test]
fn the_menu_names_the_page_that_is_shown() {
    let document = reader::read(&Sample::saying("Anna").html());
    let current: Vec<_> = document
        .elements
        .iter()
        .filter(|element| element.get("aria-current").is_some())
        .collect();
    // The wide menu and the folded one.
    assert_eq!(current.len(), 2);
    assert!(current.iter().all(|link| link.get("href") == Some("about.html")));
}

#[test]
fn links_are_relative_between_files_and_below_the_preview_on_the_server() {
    let mut sample = Sample::saying("Anna");
    let inside = |to: &str| Target::Inside(to.to_owned());
    for (href, target) in [
        ("/", inside("index.html")),
        ("/about#team", inside("about.html#team")),
        ("about.html", inside("about.html")),
        ("/about/?x=1", inside("about.html")),
        ("#faq", inside("#faq")),
        ("/nowhere", Target::Nowhere),
        ("javascript:alert(1)", Target::Nowhere),
        (
            "https://example.org/a",
            Target::Outside("https://example.org/a".to_owned()),
        ),
        (
            "mailto:a@example.org",
            Target::Person("mailto:a@example.org".to_owned()),
        ),
    ] {
        assert_eq!(resolve(&sample.site(), href), target, "{href}");
    }
    sample.base = LinkBase::Preview {
        path: "/preview/7".to_owned(),
        query: "?t=a".to_owned(),
    };
    assert_eq!(resolve(&sample.site(), "/"), inside("/preview/7?t=a"));
    assert_eq!(
        resolve(&sample.site(), "/about#team"),
        inside("/preview/7/about?t=a#team")
    );
}

#[test]
fn a_link_out_of_the_site_gives_nothing_away_and_a_dead_one_cannot_be_followed() {
    let actions = json!([
        { "label": "Out", "href": "https://example.org/", "style": "PRIMARY" },
        { "label": "Dead", "href": "/nowhere", "style": "SECONDARY" },
    ]);
    let html = Sample::only(
        BlockKind::Cta,
        json!({ "title": "T", "body": "[b](https://b.example) [c](/gone)", "actions": actions }),
    )
    .html();
    assert!(html.contains(r#"<a class="button primary" href="https://example.org/" rel="noopener nofollow">Out</a>"#));
    assert!(html.contains(r#"<a class="button secondary" aria-disabled="true">Dead</a>"#));
    assert!(html.contains(r#"<p><a href="https://b.example" rel="noopener nofollow">b</a> c</p>"#));
}

#[test]
fn markdown_becomes_only_the_elements_of_the_list() {
    for (markdown, html) in [
        (
            "a **b** *c* `d`",
            "<p>a <strong>b</strong> <em>c</em> <code>d</code></p>",
        ),
        ("# One\n\n### Two", "<h3>One</h3><h4>Two</h4>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a", "<ol><li>a</li></ol>"),
        ("a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>"),
        ("<div>x</div>", "&lt;div&gt;x&lt;/div&gt;"),
        ("![cat](https://x.example/a.png)", "<p>cat</p>"),
        (
            "call [phone number] now",
            "<p>call <mark class=\"placeholder\">phone number</mark> now</p>",
        ),
    ] {
        let page = Sample::only(BlockKind::Text, json!({ "title": "T", "body": markdown })).html();
        assert!(
            page.contains(&format!("<div class=\"prose\">{html}</div>")),
            "{markdown} in {}",
            &page[page.find("<main").unwrap_or(0)..]
        );
    }
}

#[test]
fn what_must_be_confirmed_is_marked_in_the_text_and_never_in_an_attribute() {
    let mut sample = Sample::only(
        BlockKind::Hero,
        json!({ "headline": "Baking since [year]", "subheadline": "Over 300 loaves a day.", "image": { "alt": "[the shop front]" } }),
    );
    sample.placeholders = vec!["year".to_owned(), "Over 300 loaves".to_owned()];
    sample.seo.title = "Bread from [town]".to_owned();
    let html = sample.html();
    assert!(html.contains("Baking since <mark class=\"placeholder\">year</mark></h1>"));
    assert!(html.contains("<mark class=\"placeholder\">Over 300 loaves</mark> a day."));
    assert!(html.contains("aria-label=\"the shop front\"") && html.contains("<title>Bread from town – Anna</title>"));
    let document = reader::read(&html);
    assert!(
        document
            .elements
            .iter()
            .all(|element| element.attributes.iter().all(|(_, value)| !value.contains("mark")))
    );
}

#[test]
fn a_page_can_be_looked_at_while_it_is_written() {
    let mut sample = Sample::saying("What we bake");
    sample.contents = BlockKind::ALL.iter().map(|kind| Content::empty(*kind)).collect();
    for (status, note) in [
        (BlockStatus::Planned, "Still to be written"),
        (BlockStatus::Writing, "Being written"),
        (BlockStatus::Failed, "could not be written"),
    ] {
        sample.status = status;
        let document = reader::read(&sample.html());
        assert_eq!(document.text.matches(note).count(), BlockKind::ALL.len());
        assert_eq!(
            (document.named("h1").len(), document.named("h2").len()),
            (1, BlockKind::ALL.len() - 1)
        );
    }
    // Written once and being written again: the old text stays until the new one arrives.
    let mut again = Sample::saying("What we bake");
    again.status = BlockStatus::Writing;
    assert!(!again.html().contains("Being written"));
}

#[test]
fn only_a_finished_page_is_offered_to_search_engines() {
    let sample = Sample::saying("Anna");
    let unfinished = crate::render::Page {
        status: PageStatus::Generating,
        ..sample.page()
    };
    assert!(page(&sample.site(), &unfinished).contains("noindex"));
    assert!(!sample.html().contains("noindex"));
}

#[test]
fn times_numbers_and_addresses_are_made_for_machines_too() {
    let html = Sample::only(
        BlockKind::Contact,
        json!({ "title": "T", "phone": "+44 (0)20 7946 0000", "email": "[e-mail address]", "address": "One Street\nTown",
            "hours": [{ "day": "Mon", "opens": "09:00", "closes": "[closing time]" }, { "day": "Sun", "opens": null, "closes": null }] }),
    )
    .html();
    for part in [
        "<a href=\"tel:+442079460000\">+44 (0)20 7946 0000</a>",
        "<dd class=\"large\"><mark class=\"placeholder\">e-mail address</mark></dd>",
        "<address>One Street<br>Town</address>",
        "<time>09:00</time> – <mark class=\"placeholder\">closing time</mark>",
        "<dd>Closed</dd>",
    ] {
        assert!(html.contains(part), "{part}");
    }
}
