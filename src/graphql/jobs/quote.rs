//! A quote: what a start would cost, item by item.

use async_graphql::{ID, SimpleObject};
use uuid::Uuid;

use super::inputs::QuoteInput;
use super::types::JobKind;
use crate::error::Refusal;
use crate::generation::{self, QuoteRequest};
use crate::graphql::node;
use crate::ids::IdKind;

/// What a start would cost now, and whether the available credits cover it.
#[derive(SimpleObject)]
pub struct Quote {
    /// What is priced, one entry a kind of job.
    items: Vec<QuoteItem>,
    /// The sum of the items, in credits: what would be set aside.
    total: i64,
    /// What the account can spend now, in credits.
    available: i64,
    /// Whether `available` covers `total`.
    covered: bool,
    /// What is missing, in credits; 0 when covered.
    shortfall: i64,
}

/// One line of a quote.
#[derive(SimpleObject)]
pub struct QuoteItem {
    /// What is made.
    kind: JobKind,
    /// How many of them.
    count: i64,
    /// The price of one, in credits.
    unit_price: i64,
    /// `count` times `unitPrice`, in credits.
    total: i64,
}

impl From<generation::Quote> for Quote {
    fn from(quote: generation::Quote) -> Self {
        let items = quote.items.into_iter().map(QuoteItem::from).collect();
        let generation::Quote {
            total,
            available,
            covered,
            shortfall,
            ..
        } = quote;
        Quote {
            items,
            total,
            available,
            covered,
            shortfall,
        }
    }
}

impl From<generation::QuoteItem> for QuoteItem {
    fn from(item: generation::QuoteItem) -> Self {
        let generation::QuoteItem {
            kind,
            count,
            unit_price,
            total,
        } = item;
        QuoteItem {
            kind: kind.into(),
            count,
            unit_price,
            total,
        }
    }
}

/// What the rules are asked; ids of another kind are refused.
pub fn request(input: QuoteInput) -> Result<QuoteRequest, Refusal> {
    let site = |id: &ID, field: &str| node::named(IdKind::Blueprint, id, &["input", field, "blueprintId"], "site");
    let mut asked = QuoteRequest::default();
    match input {
        QuoteInput::Structure(input) => {
            asked.structure = Some(site(&input.blueprint_id, "structure")?);
        }
        QuoteInput::Page(input) => {
            let path = ["input", "page", "pageId"];
            asked.pages = vec![node::named(IdKind::Page, &input.page_id, &path, "page")?];
        }
        QuoteInput::Pages(input) => asked.pages = pages(&input.page_ids, &["input", "pages"])?,
        QuoteInput::Site(input) => {
            asked.site = Some((site(&input.blueprint_id, "site")?, input.max_pages));
        }
    }
    Ok(asked)
}

/// Several pages named at once, in `pageIds` below `path`.
pub fn pages(ids: &[ID], path: &[&str]) -> Result<Vec<Uuid>, Refusal> {
    let page = |(at, id): (usize, &ID)| {
        let at = at.to_string();
        let path: Vec<&str> = path.iter().copied().chain(["pageIds", &at]).collect();
        node::named(IdKind::Page, id, &path, "page")
    };
    ids.iter().enumerate().map(page).collect()
}
