//! What the mutations of API keys take, and how the operator's list of accounts is narrowed.

use async_graphql::{ID, InputObject};
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{QueryFilter, Select};

use super::types::Role;
use crate::entities::account;
use crate::graphql::scalars::DateTime;

/// A new API key.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// Who uses the key, for people: 1 to 120 characters on one line.
    pub name: String,
    /// What it may do: at most what the credential of this request may. OWNER when left out.
    pub role: Option<Role>,
    /// When it stops working by itself, in the future; left out or null for never.
    pub expires_at: Option<DateTime>,
}

/// The API key to end.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// The key's global id.
    pub id: ID,
}

/// Only some accounts. Fields that are left out do not narrow the list.
#[derive(InputObject, Default)]
pub struct AccountFilter {
    /// Only accounts whose name contains this, whatever the case of its letters.
    pub search: Option<String>,
}

impl AccountFilter {
    pub fn apply(self, select: Select<account::Entity>) -> Select<account::Entity> {
        let Some(text) = self.search.filter(|text| !text.trim().is_empty()) else {
            return select;
        };
        let text = text.trim().to_lowercase();
        let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let name = Expr::col((account::Entity, account::Column::Name));
        let contains = LikeExpr::new(format!("%{text}%")).escape('\\');
        select.filter(Expr::expr(Func::lower(name)).like(contains))
    }
}
