//! What a start would cost, item by item, and whether the balance covers it. Reads only.

use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::app::App;
use crate::credits;
use crate::entities::{JobKind, account};
use crate::error::{Error, Refusal, Result};
use crate::sites::{store, structure::MAX_PAGES};

/// What somebody thinks of starting.
#[derive(Debug, Clone, Default)]
pub struct QuoteRequest {
    pub structure: Option<Uuid>,
    pub pages: Vec<Uuid>,
    /// A site and its most pages.
    pub site: Option<(Uuid, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteItem {
    pub kind: JobKind,
    pub count: i64,
    pub unit_price: i64,
    pub total: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub items: Vec<QuoteItem>,
    /// What would be put on hold; never less than what is charged in the end.
    pub total: i64,
    pub available: i64,
    pub covered: bool,
    pub shortfall: i64,
}

pub async fn quote(app: &App, owner: Uuid, request: QuoteRequest) -> Result<Quote> {
    let connection = app.db.reader();
    let prices = credits::prices(connection).await?;
    let mut items = Vec::new();
    let item = |kind, count, unit_price| QuoteItem {
        kind,
        count,
        unit_price,
        total: count * unit_price,
    };
    for blueprint in request.structure.iter().chain(request.site.iter().map(|(id, _)| id)) {
        if store::blueprint(connection, owner, *blueprint).await?.is_none() {
            return Err(Refusal::not_found(&["input"], "site").into());
        }
        items.push(item(JobKind::Structure, 1, prices.structure));
    }
    if let Some((_, pages)) = request.site {
        if !(1..=MAX_PAGES as i64).contains(&pages) {
            let message = format!("maxPages is {pages}: choose 1 to {MAX_PAGES}.");
            return Err(Refusal::invalid(&["input", "site", "maxPages"], "RANGE", message).into());
        }
        items.push(item(JobKind::Page, pages, prices.page));
    }
    for page in &request.pages {
        if store::page(connection, owner, *page).await?.is_none() {
            return Err(Refusal::not_found(&["input"], "page").into());
        }
    }
    if !request.pages.is_empty() {
        items.push(item(JobKind::Page, request.pages.len() as i64, prices.page));
    }
    let account = account::Entity::find_by_id(owner).one(connection).await?;
    let account = account.ok_or_else(|| Error::internal("a caller's account is gone"))?;
    let available = account.balance - account.held;
    let total = items.iter().map(|item| item.total).sum();
    Ok(Quote {
        items,
        total,
        available,
        covered: total <= available,
        shortfall: (total - available).max(0),
    })
}
