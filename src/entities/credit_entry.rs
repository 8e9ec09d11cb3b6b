//! One movement of credits; the table only grows.

use sea_orm::entity::prelude::*;

use super::states::CreditEntryKind;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "credit_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub seq: i64,
    pub kind: CreditEntryKind,
    pub balance_delta: i64,
    pub held_delta: i64,
    pub balance_after: i64,
    pub held_after: i64,
    pub job_id: Option<Uuid>,
    #[sea_orm(column_name = "ref")]
    pub reference: String,
    pub reason: Option<String>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
