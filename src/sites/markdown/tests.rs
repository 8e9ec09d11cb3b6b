//! Links that stay, links that lose their target, and links built out of links.

use proptest::prelude::*;

use super::*;

#[test]
fn good_links_stay_and_bad_ones_keep_their_words() {
    for (raw, clean) in [
        (
            "See [our menu](/menu \"Menu\") or <https://example.org>.",
            "See [our menu](/menu \"Menu\") or <https://example.org>.",
        ),
        ("[click](javascript:alert(1)) here", "click here"),
        ("![x](data:image/svg+xml;base64,AAAA)", "x"),
        ("[a](<javascript:alert(1)>)", "a"),
        ("[a]( java\tscript:alert(1))", "a"),
        ("[a](javascript&colon;alert(1))", "a"),
        ("[a](//evil.example)", "a"),
        ("<javascript:alert(1)>", "javascript:alert(1)>"),
        ("[a]: javascript:alert(1)", "[a] : javascript:alert(1)"),
        ("[phone number](call us)", "phone number"),
        ("<b>bold</b> [phone number]: call", "<b>bold</b> [phone number]: call"),
    ] {
        assert_eq!(defuse(raw), clean);
    }
}

#[test]
fn taking_a_link_apart_never_puts_another_together() {
    let nested = "[[[a](javascript:1)](javascript:2)](javascript:3)";
    assert_eq!(defuse(nested), "a");
    let woven = "[a][b](javascript:x)(javascript:y)";
    assert!(!defuse(woven).contains("](javascript"));
}

proptest! {
    #[test]
    fn nothing_bad_is_left_and_a_second_look_changes_nothing(
        parts in prop::collection::vec(
            prop::sample::select(vec!["[", "]", "(", ")", "!", "<", ">", ":", " ", "\n", "a", "/", "javascript:", "https://x.y", "#"]),
            0..40,
        )
    ) {
        let once = defuse(&parts.concat());
        prop_assert_eq!(&defuse(&once), &once);
        prop_assert!(!once.contains("](javascript:") && !once.contains("<javascript:") && !once.contains("]:javascript:"), "{}", once);
    }
}
