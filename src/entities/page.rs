//! A page of a site.

use sea_orm::entity::prelude::*;

use super::states::PageStatus;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub blueprint_id: Uuid,
    pub slug: String,
    pub title: String,
    pub page_type: String,
    pub seo_title: String,
    pub seo_description: String,
    pub status: PageStatus,
    pub position: i32,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
