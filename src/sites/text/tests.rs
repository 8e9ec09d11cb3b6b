//! Cleaning, cutting, placeholders and slugs, with the texts that break careless versions of them.

use proptest::prelude::*;

use super::*;

#[test]
fn a_line_loses_what_deceives_and_keeps_what_is_only_unusual() {
    assert_eq!(clean_line("  Fresh \t\r\n bread\u{0}\u{7}\u{85}  "), "Fresh bread");
    assert_eq!(clean_line("abc\u{202E}gpj.exe\u{2066}\u{200F}\u{FEFF}"), "abcgpj.exe");
    assert_eq!(clean_line("<b>Bold</b> & {{x}}"), "<b>Bold</b> & {{x}}");
    assert_eq!(clean_line("👩\u{200D}🍳 Zoë"), "👩\u{200D}🍳 Zoë");
}

#[test]
fn lines_keep_paragraphs_and_list_indentation() {
    assert_eq!(
        clean_lines("\n\nOne  \r\n\r\n\r\n\r\n- a\r\n  - b\u{8}\n\n"),
        "One\n\n- a\n  - b"
    );
}

#[test]
fn a_long_text_is_cut_between_words_and_never_inside_a_placeholder() {
    assert_eq!(clamp("short", 5), "short");
    assert_eq!(clamp("Fresh bread, every morning", 15), "Fresh bread…");
    assert_eq!(clamp("Call us at [phone number] today", 20), "Call us at…");
    assert_eq!(clamp("Donaudampfschifffahrt", 6), "Donau…");
    assert_eq!(clamp("anything", 0), "");
}

#[test]
fn placeholders_are_phrases_in_brackets_and_not_links_or_boxes() {
    let text = "Call [phone number] or [write](mailto:a@b.de). [ ] todo [x] done [1] [^2] ![a cat](/cat.png)\n[price of [a] cake]";
    assert_eq!(placeholders_in(text), ["phone number"]);
    assert_eq!(placeholder(" [opening hours] "), Some("opening hours".to_owned()));
    assert_eq!(placeholder("[]"), None);
    assert_eq!(placeholders_in("[[owner's name]] [left open"), ["owner's name"]);
}

#[test]
fn slugs_are_plain_and_may_be_empty() {
    assert_eq!(slugify("  Über uns & Ærø's Café! "), "ueber-uns-aeroes-cafe");
    assert_eq!(slugify("../../etc/passwd"), "etc-passwd");
    assert_eq!(slugify("Żółć ŁÓDŹ İstanbul"), "zolc-lodz-istanbul");
    assert_eq!(slugify("関于"), "");
    assert_eq!(slugify(&"a-".repeat(80)).len(), 59);
}

proptest! {
    #[test]
    fn cleaning_twice_changes_nothing(raw in "\\PC*|(?s).{0,80}") {
        let line = clean_line(&raw);
        prop_assert_eq!(&clean_line(&line), &line);
        prop_assert!(!line.chars().any(|c| is_forbidden(c) || c == '\n'));
        let lines = clean_lines(&raw);
        prop_assert_eq!(&clean_lines(&lines), &lines);
        prop_assert!(!lines.chars().any(is_forbidden));
    }

    #[test]
    fn a_clamped_text_fits_and_stays(raw in "[a-c \\[\\]é…,]{0,80}", max in 0_usize..60) {
        let clamped = clamp(&raw, max);
        prop_assert!(clamped.chars().count() <= max);
        prop_assert_eq!(&clamp(&clamped, max), &clamped);
    }

    #[test]
    fn a_slug_is_its_own_slug(raw in "(?s).{0,120}") {
        let slug = slugify(&raw);
        prop_assert_eq!(&slugify(&slug), &slug);
        prop_assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
        prop_assert!(!slug.contains("--") && !slug.starts_with('-') && !slug.ends_with('-') && slug.len() <= SLUG_MAX);
    }
}
