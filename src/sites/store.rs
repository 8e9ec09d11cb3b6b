//! Rows of sites: found through their owner, written in the caller's transaction.
//!
//! A caller of the writing functions holds the blueprint's lock; pages and blocks come after it.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use serde_json::Value;
use uuid::Uuid;

use super::block::Written;
use super::merge::{Merge, MergedPage};
use super::structure::{PlannedPage, SiteStructure};
use crate::db::{execute, marks, now, rows};
use crate::entities::{BlockOrigin, BlockStatus, PageStatus, block, blueprint, page, revision};
use crate::error::Result;
use crate::events::Unit;
use crate::ids::new_id;

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
    let query = page::Entity::find().filter(page::Column::BlueprintId.eq(blueprint));
    Ok(query
        .order_by_asc(page::Column::Position)
        .order_by_asc(page::Column::Id)
        .all(connection)
        .await?)
}

/// The blocks of some pages, in order within each.
pub async fn blocks_of(connection: &impl ConnectionTrait, pages: &[Uuid]) -> Result<Vec<block::Model>> {
    let query = block::Entity::find().filter(block::Column::PageId.is_in(pages.iter().copied()));
    Ok(query
        .order_by_asc(block::Column::Position)
        .order_by_asc(block::Column::Id)
        .all(connection)
        .await?)
}

/// These blocks, in no order.
pub async fn blocks(connection: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<block::Model>> {
    let query = block::Entity::find().filter(block::Column::Id.is_in(ids.iter().copied()));
    Ok(query.all(connection).await?)
}

/// The blocks of these pages that have content, each with its revision.
pub async fn written_revisions(
    connection: &impl ConnectionTrait,
    pages: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<(Uuid, i64)>> {
    let query = block::Entity::find().filter(block::Column::PageId.is_in(pages));
    let query = query.filter(block::Column::Content.is_not_null()).select_only();
    let query = query.column(block::Column::Id).column(block::Column::Revision);
    Ok(query.into_tuple().all(connection).await?)
}

/// What [`append::site_events_with`](crate::events::append::site_events_with) adds to mark sites as being generated.
pub const MARK_GENERATING: &str = ", status = 'generating', version = version + 1, updated_at = $2";

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

/// Marks pages of sites whose locks are held; without those, rows of several pages must not be taken at once.
pub async fn set_page_statuses(unit: &Unit, pages: &[Uuid], status: PageStatus) -> Result<()> {
    if pages.is_empty() {
        return Ok(());
    }
    let text = format!(
        "UPDATE pages SET status = $1, version = version + 1, updated_at = $2 WHERE id IN ({})",
        marks(3, pages.len())
    );
    let values = [status.as_str().into(), now().into()];
    execute(
        &unit.tx,
        &text,
        values.into_iter().chain(pages.iter().map(|page| (*page).into())),
    )
    .await?;
    Ok(())
}

pub async fn set_page_status(unit: &Unit, page: Uuid, status: PageStatus) -> Result<()> {
    let text = "UPDATE pages SET status = $2, version = version + 1, updated_at = $3 WHERE id = $1";
    execute(&unit.tx, text, [page.into(), status.as_str().into(), now().into()]).await?;
    Ok(())
}

/// Shows that a block's text is coming; one that a person locked or edited meanwhile is left alone.
pub async fn open_block(unit: &Unit, id: Uuid, expected: i64) -> Result<()> {
    let text = "UPDATE blocks SET status = 'writing', updated_at = $2 WHERE id = $1 AND revision = $3 AND NOT locked";
    execute(&unit.tx, text, [id.into(), now().into(), expected.into()]).await?;
    Ok(())
}

/// Stores what a job wrote, as the next revision. False when a person locked or edited the block since
/// the job started, or it is gone: then nothing is written.
pub async fn write_block(unit: &Unit, job: Uuid, id: Uuid, expected: i64, written: &Written) -> Result<bool> {
    let mut content = written.content.to_value();
    if let Value::Object(fields) = &mut content {
        // The kind is the row's own.
        fields.shift_remove("kind");
    }
    let placeholders = serde_json::to_value(&written.placeholders)?;
    let text = "UPDATE pages SET version = version + 1, updated_at = $2 \
                WHERE id = (SELECT page_id FROM blocks WHERE id = $1)";
    execute(&unit.tx, text, [id.into(), now().into()]).await?;
    let text = "UPDATE blocks SET content = $4, placeholders = $5, status = 'ready', origin = 'ai', \
                revision = revision + 1, job_id = $2, updated_at = $6 \
                WHERE id = $1 AND revision = $3 AND NOT locked RETURNING revision";
    let values = [
        id.into(),
        job.into(),
        expected.into(),
        content.clone().into(),
        placeholders.clone().into(),
        now().into(),
    ];
    let Some(row) = rows(&unit.tx, text, values).await?.pop() else {
        return Ok(false);
    };
    add_revision(
        unit,
        id,
        row.try_get("", "revision")?,
        BlockOrigin::Ai,
        Some(job),
        content,
        placeholders,
    )
    .await?;
    Ok(true)
}

async fn add_revision(
    unit: &Unit,
    block: Uuid,
    number: i64,
    origin: BlockOrigin,
    job: Option<Uuid>,
    content: Value,
    placeholders: Value,
) -> Result<()> {
    let row = revision::ActiveModel {
        id: Set(new_id()),
        block_id: Set(block),
        revision: Set(number),
        origin: Set(origin),
        job_id: Set(job),
        content: Set(content),
        placeholders: Set(placeholders),
        created_at: Set(now()),
    };
    revision::Entity::insert(row).exec_without_returning(&unit.tx).await?;
    Ok(())
}

/// Puts back every block that a job replaced, unless a person has edited or locked it since.
pub async fn put_back(unit: &Unit, job: Uuid, page: Uuid) -> Result<()> {
    let query = block::Entity::find()
        .filter(block::Column::PageId.eq(page))
        .filter(block::Column::JobId.eq(job));
    for block in query
        .filter(block::Column::Locked.eq(false))
        .order_by_asc(block::Column::Id)
        .all(&unit.tx)
        .await?
    {
        let query = revision::Entity::find().filter(revision::Column::BlockId.eq(block.id));
        let query = query.filter(
            sea_orm::Condition::any()
                .add(revision::Column::JobId.ne(job))
                .add(revision::Column::JobId.is_null()),
        );
        // What the job wrote where nothing stood stays: there is nothing to put back.
        let Some(before) = query.order_by_desc(revision::Column::Revision).one(&unit.tx).await? else {
            continue;
        };
        let text = "UPDATE blocks SET content = $3, placeholders = $4, origin = $5, status = 'ready', \
                    revision = revision + 1, job_id = $6, updated_at = $7 WHERE id = $1 AND revision = $2";
        let values = [
            block.id.into(),
            block.revision.into(),
            before.content.clone().into(),
            before.placeholders.clone().into(),
            before.origin.as_str().into(),
            before.job_id.into(),
            now().into(),
        ];
        execute(&unit.tx, text, values).await?;
        let number = block.revision + 1;
        let (origin, job) = (before.origin, before.job_id);
        add_revision(unit, block.id, number, origin, job, before.content, before.placeholders).await?;
    }
    Ok(())
}

/// Blocks whose text never closed: back to what they were, or to `unwritten` where nothing stood.
pub async fn close_open_blocks(unit: &Unit, page: Uuid, unwritten: BlockStatus) -> Result<()> {
    let text = "UPDATE blocks SET status = CASE WHEN content IS NULL THEN $2 ELSE 'ready' END, updated_at = $3 \
                WHERE page_id = $1 AND status = 'writing'";
    execute(&unit.tx, text, [page.into(), unwritten.as_str().into(), now().into()]).await?;
    Ok(())
}

/// Whether every block of a page has content.
pub async fn is_complete(unit: &Unit, page: Uuid) -> Result<bool> {
    let query = block::Entity::find()
        .filter(block::Column::PageId.eq(page))
        .filter(block::Column::Content.is_null());
    Ok(query.one(&unit.tx).await?.is_none())
}

/// The status that follows from what is there and what still runs; `ended` jobs do not count.
pub async fn settle_blueprint(unit: &Unit, id: Uuid) -> Result<()> {
    let text = "UPDATE blueprints SET version = version + 1, updated_at = $2, status = CASE \
                WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.blueprint_id = blueprints.id AND j.finished_at IS NULL) \
                  THEN 'generating' WHEN structure IS NOT NULL THEN 'ready' ELSE 'draft' END WHERE id = $1";
    execute(&unit.tx, text, [id.into(), now().into()]).await?;
    Ok(())
}

/// Stores a plan and does what its merge says.
pub async fn apply_plan(unit: &Unit, blueprint: Uuid, plan: &SiteStructure, merge: &Merge) -> Result<()> {
    let text = "UPDATE blueprints SET structure = $2, version = version + 1, updated_at = $3 WHERE id = $1";
    execute(
        &unit.tx,
        text,
        [blueprint.into(), serde_json::to_value(plan)?.into(), now().into()],
    )
    .await?;
    if !merge.deleted_pages.is_empty() {
        let gone = page::Column::Id.is_in(merge.deleted_pages.iter().copied());
        page::Entity::delete_many().filter(gone).exec(&unit.tx).await?;
    }
    if !merge.deleted_blocks.is_empty() {
        let gone = block::Column::Id.is_in(merge.deleted_blocks.iter().copied());
        block::Entity::delete_many().filter(gone).exec(&unit.tx).await?;
    }
    let (mut pages, mut blocks) = (Vec::new(), Vec::new());
    for merged in &merge.pages {
        let planned = &plan.pages[merged.plan];
        match merged.is_new {
            true => pages.push(new_page(blueprint, planned, merged)),
            false => update_page(unit, blueprint, planned, merged).await?,
        }
        blocks.extend(write_sections(unit, planned, merged).await?);
    }
    // All at once: a plan has a dozen pages, and each statement is a trip to the database.
    if !pages.is_empty() {
        page::Entity::insert_many(pages)
            .exec_without_returning(&unit.tx)
            .await?;
    }
    if !blocks.is_empty() {
        block::Entity::insert_many(blocks)
            .exec_without_returning(&unit.tx)
            .await?;
    }
    for (index, id) in merge.kept_pages.iter().enumerate() {
        let position = (plan.pages.len() + index) as i32;
        let text = "UPDATE pages SET position = $2, version = version + 1 WHERE id = $1";
        execute(&unit.tx, text, [(*id).into(), position.into()]).await?;
    }
    Ok(())
}

fn new_page(blueprint: Uuid, planned: &PlannedPage, merged: &MergedPage) -> page::ActiveModel {
    let time = now();
    page::ActiveModel {
        id: Set(merged.id),
        blueprint_id: Set(blueprint),
        slug: Set(planned.slug.clone()),
        title: Set(planned.title.clone()),
        page_type: Set(planned.page_type.as_str().to_ascii_lowercase()),
        seo_title: Set(planned.seo.title.clone()),
        seo_description: Set(planned.seo.description.clone()),
        position: Set(i32::try_from(merged.plan).unwrap_or(i32::MAX)),
        status: Set(PageStatus::Draft),
        created_at: Set(time),
        updated_at: Set(time),
        version: Set(1),
    }
}

async fn update_page(unit: &Unit, blueprint: Uuid, planned: &PlannedPage, merged: &MergedPage) -> Result<()> {
    let text = "UPDATE pages SET title = $4, page_type = $5, seo_title = $6, seo_description = $7, position = $8, \
                updated_at = $9, version = version + 1 WHERE id = $1 AND blueprint_id = $2 AND slug = $3";
    let values = [
        merged.id.into(),
        blueprint.into(),
        planned.slug.clone().into(),
        planned.title.clone().into(),
        planned.page_type.as_str().to_ascii_lowercase().into(),
        planned.seo.title.clone().into(),
        planned.seo.description.clone().into(),
        i32::try_from(merged.plan).unwrap_or(i32::MAX).into(),
        now().into(),
    ];
    execute(&unit.tx, text, values).await?;
    Ok(())
}

/// Moves the sections that exist; gives those that are to be inserted.
async fn write_sections(unit: &Unit, planned: &PlannedPage, merged: &MergedPage) -> Result<Vec<block::ActiveModel>> {
    let mut new = Vec::new();
    for (position, block) in merged.blocks.iter().enumerate() {
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        let section = block.section.map(|at| &planned.sections[at]);
        match section {
            Some(section) if block.is_new => new.push(block::ActiveModel {
                id: Set(block.id),
                page_id: Set(merged.id),
                kind: Set(section.kind.as_str().to_string()),
                position: Set(position),
                status: Set(BlockStatus::Planned),
                locked: Set(false),
                origin: Set(BlockOrigin::Ai),
                heading: Set(section.heading.clone()),
                goal: Set(section.goal.clone()),
                content: Set(None),
                placeholders: Set(Value::Array(Vec::new())),
                revision: Set(0),
                job_id: Set(None),
                updated_at: Set(now()),
            }),
            // A locked block keeps its own words, and only moves.
            Some(section) if !block.is_locked => {
                let text = "UPDATE blocks SET position = $2, heading = $3, goal = $4 WHERE id = $1";
                let values = [
                    block.id.into(),
                    position.into(),
                    section.heading.clone().into(),
                    section.goal.clone().into(),
                ];
                execute(&unit.tx, text, values).await?;
            }
            _ => {
                let text = "UPDATE blocks SET position = $2 WHERE id = $1";
                execute(&unit.tx, text, [block.id.into(), position.into()]).await?;
            }
        }
    }
    Ok(new)
}

/// Ids for the pages of a plan that do not exist yet, by slug.
pub fn new_page_ids(plan: &SiteStructure, pages: &[page::Model]) -> HashMap<String, Uuid> {
    let is_new = |slug: &str| !pages.iter().any(|page| page.slug == slug);
    plan.pages
        .iter()
        .filter(|page| is_new(&page.slug))
        .map(|page| (page.slug.clone(), new_id()))
        .collect()
}
