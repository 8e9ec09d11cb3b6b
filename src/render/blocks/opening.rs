//! Blocks of words and pictures: the opening, text beside a picture, running text, the request to act.

use maud::{Markup, html};

use crate::render::frame::{Frame, said};
use crate::sites::block::{CtaContent, HeroContent, HeroLayout, Side, SplitContent, TextContent};

pub(super) fn hero(frame: &Frame, content: &HeroContent) -> Markup {
    let (class, shape) = match content.layout {
        HeroLayout::Center => ("hero hero-center", (21, 9)),
        HeroLayout::Split => ("hero hero-split", (4, 5)),
        HeroLayout::Background => ("hero hero-panel", (21, 9)),
    };
    // A shape that suits a picture elsewhere does not suit the first screen.
    let image = content
        .image
        .clone()
        .map(|image| crate::sites::block::Image { aspect: None, ..image });
    let class = if image.is_none() { "hero hero-plain" } else { class };
    frame.section(
        class,
        &html! {
            div.words {
                @if let Some(eyebrow) = said(content.eyebrow.as_deref()) { p.eyebrow { (frame.text(eyebrow)) } }
                (frame.heading(content.headline.as_deref()))
                @if let Some(text) = said(content.subheadline.as_deref()) { p.intro { (frame.text(text)) } }
                (frame.actions(&content.actions))
            }
            @if let Some(image) = &image { figure.picture { (frame.picture(image, shape)) } }
        },
    )
}

pub(super) fn split(frame: &Frame, content: &SplitContent) -> Markup {
    let class = match content.side {
        Side::Left => "split picture-first",
        Side::Right => "split",
    };
    frame.section(
        class,
        &html! {
            div.words {
                (frame.heading(content.title.as_deref()))
                (frame.prose(content.body.as_deref()))
                @if !content.bullets.is_empty() {
                    ul.points { @for point in &content.bullets { li { (frame.text(point)) } } }
                }
                (frame.actions(&content.action))
            }
            @if let Some(image) = &content.image { figure.picture { (frame.picture(image, (5, 4))) } }
        },
    )
}

pub(super) fn text(frame: &Frame, content: &TextContent) -> Markup {
    frame.section(
        "text aside",
        &html! {
            (frame.lead(content.title.as_deref(), None))
            (frame.prose(content.body.as_deref()))
        },
    )
}

pub(super) fn cta(frame: &Frame, content: &CtaContent) -> Markup {
    frame.section(
        "cta",
        &html! {
            div.words {
                (frame.heading(content.title.as_deref()))
                (frame.prose(content.body.as_deref()))
            }
            (frame.actions(&content.actions))
        },
    )
}
