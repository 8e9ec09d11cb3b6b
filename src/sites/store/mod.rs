//! Rows of sites: found through their owner here, written in the caller's transaction by `writing` and `plan`.

mod plan;
mod writing;

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};
use uuid::Uuid;

use crate::db::{marks, sql};
use crate::entities::{block, blueprint, page};
use crate::error::Result;
pub use plan::{apply_plan, new_page_ids};
pub use writing::{
    MARK_GENERATING, WrittenBlock, close_open_blocks, open_blocks, put_back, set_page_statuses, settle_blueprints,
    unfinished, write_blocks,
};

/// A site of this account; none also when it is somebody else's.
pub async fn blueprint(connection: &impl ConnectionTrait, account: Uuid, id: Uuid) -> Result<Option<blueprint::Model>> {
    let query = blueprint::Entity::find_by_id(id).filter(blueprint::Column::AccountId.eq(account));
    Ok(query.one(connection).await?)
}

/// A page of a site of this account.
pub async fn page(connection: &impl ConnectionTrait, account: Uuid, id: Uuid) -> Result<Option<page::Model>> {
    let Some(page) = page::Entity::find_by_id(id).one(connection).await? else {
        return Ok(None);
    };
    Ok(blueprint(connection, account, page.blueprint_id).await?.map(|_| page))
}

/// Those of these pages that are of sites of this account, in no order; one statement for all.
pub async fn own_pages(connection: &impl ConnectionTrait, account: Uuid, ids: &[Uuid]) -> Result<Vec<page::Model>> {
    let own = blueprint::Entity::find()
        .select_only()
        .column(blueprint::Column::Id)
        .filter(blueprint::Column::AccountId.eq(account));
    let query = page::Entity::find()
        .filter(page::Column::Id.is_in(ids.iter().copied()))
        .filter(page::Column::BlueprintId.in_subquery(own.into_query()));
    Ok(query.all(connection).await?)
}

/// Those of these sites that are of this account.
pub async fn own_blueprints(
    connection: &impl ConnectionTrait,
    account: Uuid,
    ids: &[Uuid],
) -> Result<Vec<blueprint::Model>> {
    let query = blueprint::Entity::find()
        .filter(blueprint::Column::Id.is_in(ids.iter().copied()))
        .filter(blueprint::Column::AccountId.eq(account));
    Ok(query.all(connection).await?)
}

/// A block of a page of a site of this account.
pub async fn block(connection: &impl ConnectionTrait, account: Uuid, id: Uuid) -> Result<Option<block::Model>> {
    let Some(block) = block::Entity::find_by_id(id).one(connection).await? else {
        return Ok(None);
    };
    Ok(page(connection, account, block.page_id).await?.map(|_| block))
}

/// The pages of a site, in order.
pub async fn pages_of(connection: &impl ConnectionTrait, blueprint: Uuid) -> Result<Vec<page::Model>> {
    pages_of_sites(connection, &[blueprint]).await
}

/// The blocks of some pages, in order within each.
pub async fn blocks_of(connection: &impl ConnectionTrait, pages: &[Uuid]) -> Result<Vec<block::Model>> {
    let query = block::Entity::find().filter(block::Column::PageId.is_in(pages.iter().copied()));
    in_order(connection, query).await
}

/// The pages of some sites, in order within each.
pub async fn pages_of_sites(connection: &impl ConnectionTrait, sites: &[Uuid]) -> Result<Vec<page::Model>> {
    let query = page::Entity::find().filter(page::Column::BlueprintId.is_in(sites.iter().copied()));
    Ok(query
        .order_by_asc(page::Column::Position)
        .order_by_asc(page::Column::Id)
        .all(connection)
        .await?)
}

/// The blocks of all pages of some sites, in order within each page.
pub async fn blocks_of_sites(connection: &impl ConnectionTrait, sites: &[Uuid]) -> Result<Vec<block::Model>> {
    let pages = page::Entity::find()
        .select_only()
        .column(page::Column::Id)
        .filter(page::Column::BlueprintId.is_in(sites.iter().copied()));
    let query = block::Entity::find().filter(block::Column::PageId.in_subquery(pages.into_query()));
    in_order(connection, query).await
}

async fn in_order(connection: &impl ConnectionTrait, blocks: Select<block::Entity>) -> Result<Vec<block::Model>> {
    let blocks = blocks.order_by_asc(block::Column::Position);
    Ok(blocks.order_by_asc(block::Column::Id).all(connection).await?)
}

/// These blocks, in no order.
pub async fn blocks(connection: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<block::Model>> {
    let query = block::Entity::find().filter(block::Column::Id.is_in(ids.iter().copied()));
    Ok(query.all(connection).await?)
}

/// A revision of a block that has content.
#[derive(Debug, Clone, FromQueryResult)]
pub struct WrittenRevision {
    pub site: Uuid,
    pub page: Uuid,
    pub block: Uuid,
    pub revision: i64,
}

/// What stands on those of these sites that are of this account.
pub async fn written_revisions(
    connection: &impl ConnectionTrait,
    account: Uuid,
    sites: &[Uuid],
) -> Result<Vec<WrittenRevision>> {
    let text = format!(
        "SELECT pages.blueprint_id AS site, pages.id AS page, blocks.id AS block, blocks.revision \
         FROM blueprints JOIN pages ON pages.blueprint_id = blueprints.id JOIN blocks ON blocks.page_id = pages.id \
         WHERE blueprints.account_id = $1 AND blueprints.id IN ({}) AND blocks.content IS NOT NULL",
        marks(2, sites.len())
    );
    let values = std::iter::once(account.into()).chain(sites.iter().map(|site| (*site).into()));
    let found = WrittenRevision::find_by_statement(sql(connection, &text, values));
    Ok(found.all(connection).await?)
}

/// What jobs on these pages may replace: their unlocked blocks and their revisions. A page without any is not in it.
pub async fn baselines(connection: &impl ConnectionTrait, pages: &[Uuid]) -> Result<HashMap<Uuid, Vec<(Uuid, i64)>>> {
    let query = block::Entity::find().select_only().columns([
        block::Column::PageId,
        block::Column::Id,
        block::Column::Revision,
    ]);
    let query = query
        .filter(block::Column::PageId.is_in(pages.iter().copied()))
        .filter(block::Column::Locked.eq(false));
    let rows: Vec<(Uuid, Uuid, i64)> = query
        .order_by_asc(block::Column::Position)
        .order_by_asc(block::Column::Id)
        .into_tuple()
        .all(connection)
        .await?;
    let mut baselines: HashMap<Uuid, Vec<(Uuid, i64)>> = HashMap::new();
    for (page, block, revision) in rows {
        baselines.entry(page).or_default().push((block, revision));
    }
    Ok(baselines)
}
