//! Making and ending API keys.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::inputs::{CreateApiKeyInput, RevokeApiKeyInput};
use super::types::{ApiKey, ApiKeyEdge};
use crate::auth::{self, NewKey};
use crate::entities::Role;
use crate::graphql::context::Reach;
use crate::graphql::node;
use crate::graphql::paging::Key;
use crate::graphql::schema::Query;
use crate::graphql::user_error::{UserError, settle};
use crate::ids::IdKind;

/// A new API key, or why there is none.
#[derive(SimpleObject)]
pub struct CreateApiKeyPayload {
    /// The new key; null when there are `userErrors`.
    api_key: Option<ApiKey>,
    /// The new key as an entry of `allApiKeys`, to put into a list that a client holds.
    api_key_edge: Option<ApiKeyEdge>,
    /// The secret to send as `Authorization: Bearer …`. Shown this once: it is not kept.
    secret: Option<String>,
    /// Why it was not done; empty when it was. Errors: VALIDATION.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

/// The ended API key, or why it was not ended.
#[derive(SimpleObject)]
pub struct RevokeApiKeyPayload {
    /// The revoked key; null when there are `userErrors`.
    api_key: Option<ApiKey>,
    /// Why it was not done; empty when it was. Errors: NOT_FOUND.
    user_errors: Vec<UserError>,
    /// Everything else that can be asked, after the change.
    query: Query,
}

#[derive(Default)]
pub struct AccountMutations;

#[Object]
impl AccountMutations {
    /// Makes an API key of the account. The secret is shown once, in this answer. Needs the role OWNER.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new key.")] input: CreateApiKeyInput,
    ) -> Result<CreateApiKeyPayload> {
        let caller = ctx.caller();
        let expires_at = input.expires_at.map(|at| at.0);
        let new = NewKey {
            name: input.name,
            role: input.role.map_or(Role::Owner, Role::from),
            expires_at,
        };
        let outcome = auth::create_as(&ctx.app().db, caller, new).await;
        let (made, user_errors) = settle(ctx, outcome).await?;
        let (api_key, secret) = made.map(|(key, secret)| (ApiKey::from(key), secret)).unzip();
        let api_key_edge = api_key.clone().map(|node| ApiKeyEdge {
            cursor: node.0.id.encode(),
            node,
        });
        Ok(CreateApiKeyPayload {
            api_key,
            api_key_edge,
            secret,
            user_errors,
            query: Query::default(),
        })
    }

    /// Ends an API key: the next request with it is refused, and its open connections end within a second, on other
    /// nodes without Redis within 30 seconds. Revoking it
    /// again changes nothing. Needs the role OWNER.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key to end.")] input: RevokeApiKeyInput,
    ) -> Result<RevokeApiKeyPayload> {
        let caller = ctx.caller();
        let outcome = match node::named(IdKind::ApiKey, &input.id, &["input", "id"], "API key") {
            Ok(id) => auth::revoke_as(&ctx.app().db, &ctx.app().bus, caller, id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (key, user_errors) = settle(ctx, outcome).await?;
        let api_key = key.map(ApiKey::from);
        Ok(RevokeApiKeyPayload {
            api_key,
            user_errors,
            query: Query::default(),
        })
    }
}
