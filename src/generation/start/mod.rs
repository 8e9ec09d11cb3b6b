//! Starting work: what is asked for, checked as far as that goes without the database.
//!
//! Starts of one account that come while others of it are under way are made together, for all of them meet at its row;
//! each is told its own outcome.

mod together;

use serde_json::{Value, json};
use tracing::Span;
use uuid::Uuid;

use crate::app::App;
use crate::audit;
use crate::entities::{JobKind, job};
use crate::error::{Error, Refusal, Result};
use crate::jobs::request_hash;
use crate::sites::{blueprints, brief};
use together::Starts;

/// The most pages one site has.
const MAX_PAGES: i64 = crate::sites::structure::MAX_PAGES as i64;
/// Pages that a plan on its own may have.
const DEFAULT_PAGES: i64 = 8;

/// Starts of an account at a time: all of them wait for its row, one while the other commits.
const SIDE_BY_SIDE: usize = 2;

/// Jobs that a start made, or that an earlier start under the same key had made.
#[derive(Debug, Clone)]
pub struct Started {
    pub jobs: Vec<job::Model>,
    pub replayed: bool,
}

/// What one start asks for, checked as far as that goes without the database.
struct Asked {
    key: String,
    /// Of what was asked for, whatever the key.
    hash: String,
    instructions: Option<String>,
    what: What,
    /// Where the input names what is to be made.
    path: [&'static str; 2],
    /// What the trail of changes says of it.
    entries: Option<audit::Entries>,
    /// Where the log tells of it.
    span: Span,
}

enum What {
    Plan {
        kind: JobKind,
        site: Uuid,
        max_pages: i64,
    },
    /// All or none of them; each once.
    Pages(Vec<Uuid>),
}

/// Plans a site: 50 credits unless the price list says otherwise.
pub async fn start_structure(
    app: &App,
    account: Uuid,
    blueprint: Uuid,
    key: &str,
    instructions: Option<String>,
) -> Result<Started> {
    let instructions = check(key, instructions)?;
    let request = json!({ "blueprint": blueprint, "instructions": instructions });
    let what = What::Plan {
        kind: JobKind::Structure,
        site: blueprint,
        max_pages: DEFAULT_PAGES,
    };
    let asked = Asked::new(key, ("generateStructure", request), instructions, what, "blueprintId");
    start(app, account, asked).await
}

/// Plans a site and writes every page, under one hold for all of it.
pub async fn start_site(
    app: &App,
    account: Uuid,
    blueprint: Uuid,
    key: &str,
    instructions: Option<String>,
    max_pages: i64,
) -> Result<Started> {
    let instructions = check(key, instructions)?;
    if !(1..=MAX_PAGES).contains(&max_pages) {
        let message = format!("maxPages is {max_pages}: choose 1 to {MAX_PAGES}.");
        return Err(Refusal::invalid(&["input", "maxPages"], "RANGE", message).into());
    }
    let request = json!({ "blueprint": blueprint, "instructions": instructions, "maxPages": max_pages });
    let what = What::Plan {
        kind: JobKind::Site,
        site: blueprint,
        max_pages,
    };
    let asked = Asked::new(key, ("generateSite", request), instructions, what, "blueprintId");
    start(app, account, asked).await
}

/// Writes one page: 20 credits unless the price list says otherwise.
pub async fn start_page(
    app: &App,
    account: Uuid,
    page: Uuid,
    key: &str,
    instructions: Option<String>,
) -> Result<Started> {
    let instructions = check(key, instructions)?;
    let request = json!({ "page": page, "instructions": instructions });
    let what = What::Pages(vec![page]);
    let asked = Asked::new(key, ("generatePage", request), instructions, what, "pageId");
    start(app, account, asked).await
}

/// Writes several pages, all or none of them.
pub async fn start_pages(
    app: &App,
    account: Uuid,
    pages: &[Uuid],
    key: &str,
    instructions: Option<String>,
) -> Result<Started> {
    let mut sorted = pages.to_vec();
    sorted.sort();
    sorted.dedup();
    if sorted.is_empty() || sorted.len() != pages.len() || pages.len() > 100 {
        let message = "Name 1 to 100 pages, each once.";
        return Err(Refusal::invalid(&["input", "pageIds"], "RANGE", message).into());
    }
    let instructions = check(key, instructions)?;
    let request = json!({ "pages": sorted, "instructions": instructions });
    let asked = Asked::new(
        key,
        ("generatePages", request),
        instructions,
        What::Pages(sorted),
        "pageIds",
    );
    start(app, account, asked).await
}

impl Asked {
    fn new(
        key: &str,
        (mutation, request): (&str, Value),
        instructions: Option<String>,
        what: What,
        field: &'static str,
    ) -> Self {
        Asked {
            key: key.to_string(),
            hash: request_hash(mutation, &request),
            instructions,
            what,
            path: ["input", field],
            entries: audit::present_entries(),
            span: Span::current(),
        }
    }

    fn pages(&self) -> &[Uuid] {
        match &self.what {
            What::Pages(pages) => pages,
            What::Plan { .. } => &[],
        }
    }

    fn planned(&self) -> Option<Uuid> {
        match self.what {
            What::Plan { site, .. } => Some(site),
            What::Pages(_) => None,
        }
    }
}

async fn start(app: &App, account: Uuid, asked: Asked) -> Result<Started> {
    let side_by_side = app.engine.side_by_side(SIDE_BY_SIDE);
    let app = app.clone();
    let gather = app.engine.gather.clone();
    let started = gather
        .ask(account, side_by_side, asked, Starts { app, account })
        .await?;
    if !started.replayed {
        audit::note_concluded();
    }
    Ok(started)
}

/// What every start checks before it touches the database.
fn check(key: &str, instructions: Option<String>) -> Result<Option<String>> {
    let mut refusals = Vec::new();
    if key.is_empty() || key.chars().count() > 128 || key.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let message = "An idempotencyKey has 1 to 128 characters without spaces; a new UUID for each start is best.";
        refusals.push(Refusal::invalid(&["input", "idempotencyKey"], "FORMAT", message));
    }
    match brief::validate_instructions(&["instructions"], instructions) {
        Ok(instructions) if refusals.is_empty() => return Ok(instructions),
        Ok(_) => {}
        Err(problems) => refusals.extend(problems.into_iter().map(blueprints::refusal)),
    }
    Err(Error::Refused(refusals))
}
