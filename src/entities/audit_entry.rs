//! What somebody did: written with the change itself, completed once, kept for as long as the configuration says.

use sea_orm::entity::prelude::*;

use super::states::{ActorKind, AuditResult, Role};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub at: DateTimeUtc,
    pub actor: ActorKind,
    pub actor_id: Option<String>,
    pub actor_name: Option<String>,
    pub role: Role,
    pub mutation: String,
    /// Global ids, separated by spaces.
    pub subjects: String,
    pub result: AuditResult,
    /// Codes of errors, separated by spaces.
    pub codes: String,
    pub request_id: Option<String>,
    pub address: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
