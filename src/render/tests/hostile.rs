//! What attackers and careless models write, in every text of a site: it comes out as text.

use proptest::prelude::*;

use super::reader;
use super::samples::Sample;
use crate::render::{BlockStatus, LinkBase, file_name};
use crate::sites::structure::{Fonts, Palette};
use crate::sites::text;

const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    "<!-- --!> <img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)><![CDATA[ ]]>",
    "\"><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)",
    "' autofocus onfocus='alert(1)",
    "x\u{0}\"\u{0}onclick=alert(1)",
    "javascript:alert(1)",
    "JaVa\tScRiPt:alert(1)",
    " \u{1}javascript:alert(1)",
    "java\u{0}script:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:alert(1)",
    "//evil.example/alert(1)",
    "/\\evil.example/alert(1)",
    "../../../../etc/passwd alert(1)",
    "{{alert(1)}} ${alert(1)} <%= alert(1) %> {% raw %} #{x}",
    "[a](javascript:alert(1))",
    "[a](<java\tscript:alert(1)>)",
    "![a](javascript:alert(1))",
    "[a](https://x.example \"\" onclick=alert(1)\")",
    "[a]: javascript:alert(1)\n\n[a]",
    "<javascript:alert(1)>",
    "[<b>alert(1)</b>]",
    "[\" onclick=alert(1) x=\"]",
    "```\"><script>\nalert(1)\n```",
    "> > > > > > > > > > > > > > > > > > > > > > > alert(1)",
    "- - - - - - - - - - - - - - - - - - - - - - - - alert(1)",
    "\u{202E}gpj.exe\u{2066} alert(1) \u{200F}",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#x202E; &#0;",
    "#f00;}*{background:url(//evil.example/alert(1))}",
    "\u{FEFF}\u{FFFE}\u{FFFF} alert(1)",
];

fn assert_harmless(html: &str) -> reader::Document {
    let document = reader::read(html);
    assert!(!html.contains(text::is_forbidden), "a control character is left");
    assert!(
        !document.style.contains("evil") && !document.style.contains('<'),
        "the stylesheet took in a text"
    );
    document
}

#[test]
fn hostile_text_in_every_field_of_every_kind_is_shown_as_text() {
    for text in HOSTILE {
        let document = assert_harmless(&Sample::saying(text).html());
        assert!(document.text.contains("alert(1)"), "{text:?} is not shown");
        // The reader has refused unknown attributes and schemes already; this is about spellings.
        let hrefs = document.elements.iter().filter_map(|element| element.get("href"));
        hrefs.for_each(|href| assert!(!href.to_lowercase().contains("javascript"), "{href}"));
    }
}

#[test]
fn hostile_text_is_harmless_in_unfinished_blocks_and_previews_too() {
    for text in HOSTILE {
        for status in [BlockStatus::Planned, BlockStatus::Writing, BlockStatus::Failed] {
            let mut sample = Sample::saying(text);
            sample.contents = sample
                .contents
                .iter()
                .map(|content| crate::sites::block::Content::empty(content.kind()))
                .collect();
            sample.status = status;
            sample.base = LinkBase::Preview {
                path: "/preview/1".to_owned(),
                query: "?token=a".to_owned(),
            };
            assert_harmless(&sample.html());
        }
    }
}

#[test]
fn hostile_colours_fonts_and_languages_are_replaced() {
    for text in HOSTILE {
        let mut sample = Sample::saying("Anna");
        let said = || (*text).to_owned();
        sample.theme.palette = Palette {
            background: said(),
            surface: said(),
            text: said(),
            primary: said(),
            accent: said(),
        };
        sample.theme.fonts = Fonts {
            heading: said(),
            body: said(),
        };
        sample.language = said();
        let document = assert_harmless(&sample.html());
        assert_eq!(document.named("html")[0].get("lang"), Some("en"));
        assert!(!document.style.contains("alert"));
    }
}

#[test]
fn a_file_name_never_leaves_its_folder() {
    for (slug, name) in [
        ("", "index.html"),
        ("about-us", "about-us.html"),
        ("index", "index-page.html"),
        ("../../etc/passwd", "etc-passwd.html"),
        ("..\\..\\a", "a.html"),
        ("/", "page.html"),
        ("關於", "page.html"),
    ] {
        assert_eq!(file_name(slug), name);
    }
    for text in HOSTILE {
        let name = file_name(text);
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
        );
        assert!(!name.contains(".."));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_gives_a_well_formed_page(
        text in "(?s).{0,60}",
        parts in prop::collection::vec(prop::sample::select(vec![
            "<", ">", "\"", "'", "&", "[", "]", "(", ")", "!", "`", "*", "_", "#", "- ", "\n", "\n\n", "    ", "1. ", "a", " ", "\u{0}",
            "javascript:", "https://x.y", "</", "script", "-->", "<!--", "]]>", "\\", "|", "~", "\u{202E}", "phone number", ":", "=",
        ]), 0..40),
    ) {
        assert_harmless(&Sample::saying(&text).html());
        assert_harmless(&Sample::saying(&parts.concat()).html());
    }
}
