//! Blocks that convince: figures, names, voices, pictures, people, history.

use maud::{Markup, html};

use crate::render::frame::{Frame, said};
use crate::render::icon;
use crate::render::words::{self, Piece};
use crate::sites::block::{
    GalleryContent, LogosContent, StatsContent, TeamContent, TestimonialsContent, TimelineContent,
};

pub(super) fn stats(frame: &Frame, content: &StatsContent) -> Markup {
    frame.section(
        "stats",
        &html! {
            (frame.lead(content.title.as_deref(), None))
            dl.items {
                @for item in &content.items {
                    div {
                        dt { (frame.maybe(item.label.as_deref())) }
                        dd { (frame.maybe(item.value.as_deref())) }
                    }
                }
            }
        },
    )
}

pub(super) fn logos(frame: &Frame, content: &LogosContent) -> Markup {
    frame.section(
        "logos",
        &html! {
            (frame.lead(content.title.as_deref(), None))
            ul.items { @for item in &content.items { li { (frame.maybe(item.name.as_deref())) } } }
        },
    )
}

pub(super) fn testimonials(frame: &Frame, content: &TestimonialsContent) -> Markup {
    let class = if content.items.len() == 1 {
        "voices alone"
    } else {
        "voices"
    };
    frame.section(
        class,
        &html! {
            (frame.lead(content.title.as_deref(), None))
            div.items {
                @for item in &content.items {
                    figure {
                        blockquote { p { (frame.maybe(item.quote.as_deref())) } }
                        figcaption {
                            strong { (frame.maybe(item.author.as_deref())) }
                            @if let Some(role) = said(item.role.as_deref()) { " " span { (frame.text(role)) } }
                        }
                    }
                }
            }
        },
    )
}

pub(super) fn gallery(frame: &Frame, content: &GalleryContent) -> Markup {
    // Threes fill whole rows; of five or more others, the first is large.
    let class = if content.items.len().is_multiple_of(3) {
        "gallery even"
    } else {
        "gallery"
    };
    frame.section(
        class,
        &html! {
            (frame.lead(content.title.as_deref(), None))
            div.items {
                @for item in &content.items {
                    figure {
                        @if let Some(image) = &item.image { (frame.picture(image, (4, 3))) }
                        @if let Some(caption) = said(item.caption.as_deref()) { figcaption { (frame.text(caption)) } }
                    }
                }
            }
        },
    )
}

pub(super) fn team(frame: &Frame, content: &TeamContent) -> Markup {
    frame.section(
        "team",
        &html! {
            (frame.lead(content.title.as_deref(), None))
            ul.items {
                @for member in &content.members {
                    li {
                        (monogram(member.name.as_deref().unwrap_or_default()))
                        h3 { (frame.maybe(member.name.as_deref())) }
                        p.role { (frame.maybe(member.role.as_deref())) }
                        @if let Some(bio) = said(member.bio.as_deref()) { p { (frame.text(bio)) } }
                    }
                }
            }
        },
    )
}

/// The initials of a known name; a figure for a name that is still open.
fn monogram(name: &str) -> Markup {
    let is_open = words::pieces(name, &[])
        .iter()
        .any(|piece| matches!(piece, Piece::Open(_)));
    let initials: Vec<String> = name
        .split_whitespace()
        .filter_map(|word| word.chars().next())
        .filter(|letter| letter.is_alphabetic())
        .map(|letter| letter.to_uppercase().collect())
        .collect();
    html! {
        span.monogram aria-hidden="true" {
            @match (initials.first(), initials.last()) {
                (Some(first), Some(last)) if !is_open => {
                    (first)
                    @if initials.len() > 1 { (last) }
                }
                _ => (icon::draw(Some("person"))),
            }
        }
    }
}

pub(super) fn timeline(frame: &Frame, content: &TimelineContent) -> Markup {
    frame.section(
        "timeline aside",
        &html! {
            (frame.lead(content.title.as_deref(), None))
            ol.items {
                @for event in &content.events {
                    li {
                        p.date { (date(frame, event.date.as_deref())) }
                        div {
                            h3 { (frame.maybe(event.title.as_deref())) }
                            @if let Some(text) = said(event.description.as_deref()) { p { (frame.text(text)) } }
                        }
                    }
                }
            }
        },
    )
}

/// A bare year is a date to machines too; other words are only for people.
fn date(frame: &Frame, date: Option<&str>) -> Markup {
    let date = said(date).unwrap_or_default();
    let is_year = date.len() == 4 && date.bytes().all(|byte| byte.is_ascii_digit()) && date != "0000";
    html! {
        @if is_year { time datetime=(date) { (date) } } @else { (frame.text(date)) }
    }
}
