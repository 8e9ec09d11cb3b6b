//! The look: colours that can be read, a stylesheet that asks nobody, pictures that keep their place.

use proptest::prelude::*;
use serde_json::json;

use super::reader;
use super::samples::Sample;
use crate::render::content_security_policy;
use crate::render::theme::{Colours, style_sheet};
use crate::sites::block::BlockKind;
use crate::sites::structure::{Palette, Theme};

proptest! {
    #[test]
    fn whatever_the_palette_its_texts_can_be_read(colours in prop::collection::vec("#[0-9a-f]{6}", 5)) {
        let palette = Palette {
            background: colours[0].clone(), surface: colours[0].clone(), text: colours[2].clone(),
            primary: colours[3].clone(), accent: colours[4].clone(),
        };
        let made = Colours::of(&palette);
        for (ink, ground) in [
            (made.on_primary, made.primary), (made.link, made.background), (made.accent_ink, made.background),
            (made.muted, made.background), (made.text, made.background), (made.on_open, made.open),
        ] {
            prop_assert!(ink.contrast(ground) >= 4.5, "{} on {}", ink.hex(), ground.hex());
        }
    }
}

#[test]
fn the_policy_admits_the_stylesheet_of_the_page_and_nothing_else() {
    let sample = Sample::saying("Anna");
    let document = reader::read(&sample.html());
    assert_eq!(document.style, style_sheet(&sample.theme));
    let metas = document.named("meta");
    let policy = metas
        .iter()
        .find(|meta| meta.get("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|meta| meta.get("content"));
    assert_eq!(policy, Some(content_security_policy(&sample.theme).as_str()));
    let mut other = Theme::default();
    other.palette.primary = "#123456".to_owned();
    assert_ne!(content_security_policy(&other), content_security_policy(&sample.theme));
    assert!(!policy.unwrap_or_default().contains("unsafe"));
}

#[test]
fn the_stylesheet_asks_nobody_and_cannot_end_its_element() {
    let sheet = style_sheet(&Theme::default());
    for forbidden in ["<", "url(", "@import", "\r", "//"] {
        assert!(!sheet.contains(forbidden), "{forbidden}");
    }
    assert_eq!(sheet.matches('{').count(), sheet.matches('}').count());
}

#[test]
fn a_picture_is_a_file_from_https_or_a_drawing_and_keeps_its_place() {
    let split = |image| Sample::only(BlockKind::Split, json!({ "title": "T", "body": "B", "image": image })).html();
    let file = split(json!({ "url": "http://example.org/a.jpg", "alt": "A \"cat\"", "aspect": "16:9" }));
    assert!(file.contains(
        r#"<img src="https://example.org/a.jpg" alt="A &quot;cat&quot;" width="1200" height="675" loading="lazy""#
    ));
    let drawing = split(json!({ "url": null, "alt": "A cat", "aspect": "1:1" }));
    assert!(drawing.contains(r#"viewBox="0 0 1200 1200""#) && drawing.contains(r#"role="img" aria-label="A cat""#));
    assert!(!drawing.contains("<img"));
    let decoration = split(json!({ "prompt": "waves", "aspect": "1000:1" }));
    assert!(decoration.contains(r#"viewBox="0 0 1200 960""#) && !decoration.contains("role=\"img\""));
}

#[test]
fn drawings_are_the_same_every_time_and_differ_between_subjects() {
    let drawing = |alt: &str| {
        let html = Sample::only(
            BlockKind::Split,
            json!({ "title": "T", "body": "B", "image": { "alt": alt } }),
        )
        .html();
        let at = html.find("<svg class=\"art\"").expect("a drawing");
        html[html[at..].find("<rect").unwrap_or(0) + at..].to_owned()
    };
    assert_eq!(drawing("one"), drawing("one"));
    assert_ne!(drawing("one"), drawing("two"));
}

#[test]
fn an_icon_is_found_by_any_of_its_words_and_a_row_without_icons_has_none() {
    let features = |icon: Option<&str>| {
        let item = json!({ "icon": icon, "title": "T", "description": "D" });
        Sample::only(BlockKind::Features, json!({ "title": "T", "items": [item] })).html()
    };
    assert_eq!(features(Some("delivery-van")).matches("<svg class=\"icon\"").count(), 1);
    assert_eq!(features(Some("zxy")).matches("<svg class=\"icon\"").count(), 0);
    assert_eq!(features(None).matches("<svg class=\"icon\"").count(), 0);
}
