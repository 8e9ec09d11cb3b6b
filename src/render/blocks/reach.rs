//! Blocks that answer: questions, and how to reach the business.

use maud::{Markup, html};

use crate::render::frame::{Frame, reachable, said};
use crate::sites::block::{ContactContent, FaqContent, OpeningHours};

pub(super) fn faq(frame: &Frame, content: &FaqContent) -> Markup {
    frame.section(
        "faq aside",
        &html! {
            (frame.lead(content.title.as_deref(), None))
            div.items {
                @for (number, item) in content.items.iter().enumerate() {
                    // The first answer is open, so that nobody mistakes the questions for a list.
                    details open[number == 0] {
                        summary { h3 { (frame.maybe(item.question.as_deref())) } }
                        (frame.prose(item.answer.as_deref()))
                    }
                }
            }
        },
    )
}

pub(super) fn contact(frame: &Frame, content: &ContactContent) -> Markup {
    let labels = frame.labels;
    let email = said(content.email.as_deref());
    let phone = said(content.phone.as_deref());
    let address = said(content.address.as_deref());
    frame.section(
        "contact aside",
        &html! {
            (frame.lead(content.title.as_deref(), content.intro.as_deref()))
            div.reach {
                @if email.is_some() || phone.is_some() || address.is_some() {
                    dl.ways {
                        @if let Some(phone) = phone {
                            div { dt { (labels.phone) } dd.large { (reachable(frame.site, "tel", phone, frame.text(phone))) } }
                        }
                        @if let Some(email) = email {
                            div { dt { (labels.email) } dd.large { (reachable(frame.site, "mailto", email, frame.text(email))) } }
                        }
                        @if let Some(lines) = address {
                            div { dt { (labels.address) } dd { address { (frame.text(lines)) } } }
                        }
                    }
                }
                @if !content.hours.is_empty() {
                    div.hours {
                        h3 { (labels.hours) }
                        dl { @for hours in &content.hours { (opening(frame, hours)) } }
                    }
                }
            }
        },
    )
}

fn opening(frame: &Frame, hours: &OpeningHours) -> Markup {
    let (opens, closes) = (said(hours.opens.as_deref()), said(hours.closes.as_deref()));
    html! {
        div {
            dt { (frame.maybe(hours.day.as_deref())) }
            dd {
                @match (opens, closes) {
                    (None, None) => (frame.labels.closed),
                    (Some(one), None) | (None, Some(one)) => (clock(frame, one)),
                    (Some(opens), Some(closes)) => { (clock(frame, opens)) " – " (clock(frame, closes)) },
                }
            }
        }
    }
}

/// `09:30` is a time to machines too.
fn clock(frame: &Frame, text: &str) -> Markup {
    let is_time = text.split_once(':').is_some_and(|(hour, minute)| {
        let below = |digits: &str, end: u8| {
            digits.len() == 2
                && digits.bytes().all(|b| b.is_ascii_digit())
                && digits.parse::<u8>().is_ok_and(|n| n < end)
        };
        below(hour, 24) && below(minute, 60)
    });
    html! {
        @if is_time { time { (text) } } @else { (frame.text(text)) }
    }
}
