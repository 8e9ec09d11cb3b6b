//! A site: the brief it is made from and the plan it follows.

use sea_orm::entity::prelude::*;

use super::states::{BlueprintStatus, HostingType};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "blueprints")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub name: String,
    pub description: String,
    pub brief: Json,
    pub structure: Option<Json>,
    pub status: BlueprintStatus,
    pub hosting_type: HostingType,
    pub version: i64,
    pub event_seq: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
