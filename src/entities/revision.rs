//! What a block said at one revision, and who wrote it.

use sea_orm::entity::prelude::*;

use super::states::BlockOrigin;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revisions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub block_id: Uuid,
    pub revision: i64,
    pub origin: BlockOrigin,
    pub job_id: Option<Uuid>,
    pub content: Json,
    pub placeholders: Json,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
