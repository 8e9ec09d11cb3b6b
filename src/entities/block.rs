//! A section of a page: its plan, and its content once written.

use sea_orm::entity::prelude::*;

use super::states::{BlockOrigin, BlockStatus};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "blocks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub page_id: Uuid,
    pub kind: String,
    pub position: i32,
    pub status: BlockStatus,
    pub locked: bool,
    pub origin: BlockOrigin,
    pub heading: String,
    pub goal: String,
    pub content: Option<Json>,
    pub placeholders: Json,
    pub revision: i64,
    pub job_id: Option<Uuid>,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
