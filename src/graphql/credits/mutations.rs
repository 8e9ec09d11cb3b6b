//! What the operator does to credits: giving them, and saying what things cost.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::inputs::{GrantCreditsInput, SavePriceInput};
use super::types::{CreditAccount, CreditEntry, Price};
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::schema::Query;
use crate::graphql::user_error::{UserError, settle};
use crate::ids::IdKind;
use crate::{credits, options};

/// The credits after a grant, or why none were added.
#[derive(SimpleObject)]
pub struct GrantCreditsPayload {
    /// The account's credits; null when there are `userErrors`.
    credits: Option<CreditAccount>,
    /// The entry that added them; null when there are `userErrors`.
    entry: Option<CreditEntry>,
    /// Whether this key had added them before: nothing was added now.
    replayed: bool,
    /// Why it was not done; empty when it was. Errors: VALIDATION, NOT_FOUND, LIMIT_EXCEEDED.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

/// The new price, or why there is none.
#[derive(SimpleObject)]
pub struct SavePricePayload {
    /// The new price; null when there are `userErrors`.
    price: Option<Price>,
    /// Why it was not done; empty when it was. Errors: VALIDATION.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

#[derive(Default)]
pub struct CreditMutations;

#[Object]
impl CreditMutations {
    /// Adds credits to any account, once for each idempotency key. Needs the role ADMIN.
    async fn grant_credits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to add, and to whom.")] input: GrantCreditsInput,
    ) -> Result<GrantCreditsPayload> {
        let (app, key) = (ctx.app(), &input.idempotency_key);
        let outcome = match node::named(IdKind::Account, &input.account_id, &["accountId"], "account") {
            Ok(id) => credits::grant_once(&app.db, &app.bus, id, input.amount, key, &input.reason).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (granted, user_errors) = settle(ctx, outcome).await?;
        let replayed = granted.as_ref().is_some_and(|granted| granted.replayed);
        let (credits, entry) = granted
            .map(|granted| (CreditAccount(granted.account.into()), CreditEntry::from(granted.entry)))
            .unzip();
        Ok(GrantCreditsPayload {
            credits,
            entry,
            replayed,
            user_errors,
            query: Query::default(),
        })
    }

    /// Sets what a kind of start costs, from now or from a set time on. Jobs keep the price that they started with. Needs
    /// the role ADMIN.
    async fn save_price(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new price.")] input: SavePriceInput,
    ) -> Result<SavePricePayload> {
        let app = ctx.app();
        let from = input.valid_from.map(|at| at.0);
        let outcome = credits::set_price(&app.db, input.kind.into(), input.amount, from).await;
        let (price, user_errors) = settle(ctx, outcome).await?;
        if price.is_some() {
            options::changed(&app.db, &app.bus).await;
        }
        Ok(SavePricePayload {
            price: price.map(Price::from),
            user_errors,
            query: Query::default(),
        })
    }
}
