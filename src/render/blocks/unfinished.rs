//! A block that has no content yet: its heading, and quiet lines where the text will stand.
//!
//! So a page can be looked at while it is written, and nothing jumps much when the text arrives.

use maud::{Markup, html};

use crate::render::frame::Frame;
use crate::render::input::BlockStatus;
use crate::sites::block::BlockKind;

pub(in crate::render) fn unfinished(frame: &Frame, kind: BlockKind, status: BlockStatus) -> Markup {
    let (note, busy) = match status {
        BlockStatus::Failed => (frame.labels.failed, false),
        BlockStatus::Writing => (frame.labels.writing, true),
        BlockStatus::Planned | BlockStatus::Ready => (frame.labels.planned, false),
    };
    let class = if frame.opens_page {
        "unfinished hero hero-plain"
    } else {
        "unfinished"
    };
    let columns = match kind {
        BlockKind::Features | BlockKind::Steps | BlockKind::Stats | BlockKind::Pricing => 3,
        BlockKind::Products | BlockKind::Gallery | BlockKind::Team | BlockKind::Testimonials => 3,
        BlockKind::Split | BlockKind::Contact => 2,
        _ => 1,
    };
    frame.section(
        class,
        &html! {
            div.words {
                (frame.heading(Some(frame.planned)))
                p.note.busy[busy] { (note) }
            }
            @if status != BlockStatus::Failed {
                div.skeleton.busy[busy].{ "by-" (columns) } aria-hidden="true" {
                    @for _ in 0..columns { div { span {} span {} span {} } }
                }
            }
        },
    )
}
