//! Addresses that pass and the spellings that browsers would follow and we refuse.

use proptest::prelude::*;

use super::*;

#[test]
fn ordinary_addresses_pass_in_their_clean_form() {
    for (raw, clean) in [
        ("/", "/"),
        ("/about-us?x=1&y=2#team", "/about-us?x=1&y=2#team"),
        ("#contact", "#contact"),
        ("contact", "/contact"),
        ("about/team", "/about/team"),
        ("contact.html", "/contact.html"),
        (" HTTPS://Example.ORG/A b ", "https://example.org/A%20b"),
        ("http://münchen.example:8080", "http://münchen.example:8080"),
        (
            "mailto:anna@example.org?subject=Cake order",
            "mailto:anna@example.org?subject=Cake%20order",
        ),
        ("tel:+44 20 7946 0000", "tel:+442079460000"),
    ] {
        assert_eq!(link(raw).as_deref(), Some(clean), "{raw}");
    }
}

#[test]
fn everything_else_is_refused() {
    for raw in [
        "",
        " ",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "\u{0}javascript:alert(1)",
        "javascript&colon;alert(1)",
        "&#106;avascript:alert(1)",
        "%6Aavascript:alert(1)",
        "java%0ascript:alert(1)",
        "vbscript:x",
        "data:text/html;base64,PHNjcmlwdD4=",
        "file:///etc/passwd",
        "blob:https://example.org/1",
        "//evil.example",
        " //evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/&#47;evil.example",
        "/&sol;evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https://",
        "https:///evil.example",
        "https://good.example@evil.example",
        "https:\\\\evil.example",
        "https://exa\u{202E}mple.org",
        "https://exa\u{200B}mple.org",
        "https://[phone number]",
        "mailto:",
        "mailto:[email address]",
        "tel:",
        "tel:[phone number]",
        "example.org",
        "../../etc/passwd",
        "?x=1",
        "\"><script>alert(1)</script>",
        "/a\" onclick=\"alert(1)",
    ] {
        assert_eq!(link(raw), None, "{raw:?}");
    }
    assert_eq!(link(&format!("/{}", "a".repeat(URL_MAX))), None);
}

#[test]
fn a_picture_is_on_the_web_or_on_the_site() {
    assert_eq!(picture("/a.jpg").as_deref(), Some("/a.jpg"));
    assert_eq!(
        picture("https://example.org/a.jpg").as_deref(),
        Some("https://example.org/a.jpg")
    );
    assert_eq!(picture("mailto:anna@example.org"), None);
    assert_eq!(picture("#a"), None);
    assert_eq!(picture("data:image/svg+xml,<svg onload=alert(1)>"), None);
}

proptest! {
    #[test]
    fn what_passes_passes_again_and_starts_as_allowed(raw in "(java|https?:/{0,3}|mailto:|tel:|/|#|\\\\|&#|%)?[\\PC\\t\\n\\x00]{0,20}") {
        if let Some(url) = link(&raw) {
            prop_assert_eq!(link(&url), Some(url.clone()));
            let starts = ["http://", "https://", "mailto:", "tel:", "/", "#"];
            prop_assert!(starts.iter().any(|start| url.starts_with(start)), "{}", url);
            prop_assert!(!url.starts_with("//") && !url.contains(['\\', '"', '<', ' ']) && !url.chars().any(char::is_control));
        }
    }
}
