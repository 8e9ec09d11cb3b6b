//! What the mutations of API keys take.

use async_graphql::{ID, InputObject};

use super::types::Role;
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
