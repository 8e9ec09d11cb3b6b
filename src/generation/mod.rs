//! What can be generated and how it ends: a plan, a page, a whole site.
//!
//! Each start is one transaction (`start`); each kind is an [`Activity`](crate::jobs::Activity) that the
//! engine runs and closes. A new kind is one file here and one line in [`activities`]. What a model is asked stands in
//! [`functions`], in which words in [`prompts`].

mod again;
mod claims;
mod context;
mod failure;
pub mod functions;
mod left;
mod page;
mod plan;
pub mod prompts;
mod quote;
mod reader;
mod repeats;
mod start;
mod telling;
mod watch;

use std::sync::Arc;

use crate::ai::Provider;
use crate::db::Db;
use crate::entities::JobKind;
use crate::jobs::Activity;

pub use plan::PLAN_OF_A_SITE;
pub use quote::{Quote, QuoteItem, QuoteRequest, quote};
pub use start::{Started, start_page, start_pages, start_site, start_structure};

/// Everything that jobs of this build can make. A page is planned with at most so many sections.
pub fn activities(db: &Db, ai: &Provider, max_sections: usize) -> Vec<(JobKind, Arc<dyn Activity>)> {
    let plan = |fans_out| {
        Arc::new(plan::Plan {
            ai: ai.clone(),
            max_sections,
            fans_out,
        })
    };
    vec![
        (JobKind::Structure, plan(false)),
        (JobKind::Site, plan(true)),
        (
            JobKind::Page,
            Arc::new(page::Page {
                db: db.clone(),
                ai: ai.clone(),
            }),
        ),
    ]
}
