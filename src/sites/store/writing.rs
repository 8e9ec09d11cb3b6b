//! What jobs do to pages and blocks, and what starts and ends of jobs do to sites.
//!
//! A caller holds the blueprint's lock; pages and blocks come after it.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use crate::db::{execute, marks, now, places, rows};
use crate::entities::{BlockOrigin, BlockStatus, PageStatus, block, revision};
use crate::error::Result;
use crate::events::Unit;
use crate::ids::new_id;
use crate::sites::block::Written;

/// What [`append::site_events_with`](crate::events::append::site_events_with) adds to mark sites as being generated.
pub const MARK_GENERATING: &str = ", status = 'generating', version = version + 1, updated_at = $2";

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

/// Shows that the texts of blocks are coming, each of the revision that is expected; those that a person locked or edited
/// meanwhile are left alone.
pub async fn open_blocks(unit: &Unit, blocks: Vec<(Uuid, i64)>) -> Result<()> {
    if blocks.is_empty() {
        return Ok(());
    }
    let mut values: Vec<sea_orm::Value> = vec![now().into()];
    let places = places(
        &mut values,
        blocks
            .into_iter()
            .map(|(block, expected)| [block.into(), expected.into()]),
    );
    let text = format!(
        "UPDATE blocks SET status = 'writing', updated_at = $1 FROM (VALUES {places}) AS new \
         WHERE blocks.id = new.column1 AND revision = new.column2 AND NOT locked"
    );
    execute(&unit.tx, &text, values).await?;
    Ok(())
}

/// What a job wrote in the place of a block's revision.
pub struct WrittenBlock<'a> {
    pub id: Uuid,
    pub job: Uuid,
    pub expected: i64,
    pub written: &'a Written,
}

/// Stores what jobs wrote, each as the next revision of its block, and says which were stored. The others were locked or
/// edited by a person since the job started, or are gone: nothing is written for them.
pub async fn write_blocks(unit: &Unit, blocks: &[WrittenBlock<'_>]) -> Result<HashSet<Uuid>> {
    if blocks.is_empty() {
        return Ok(HashSet::new());
    }
    let text = format!(
        "UPDATE pages SET version = version + 1, updated_at = $1 \
         WHERE id IN (SELECT page_id FROM blocks WHERE id IN ({}))",
        marks(2, blocks.len())
    );
    let time = now();
    let ids = blocks.iter().map(|block| block.id.into());
    execute(&unit.tx, &text, std::iter::once(time.into()).chain(ids)).await?;
    let (mut fields, mut contents) = (Vec::with_capacity(blocks.len()), HashMap::with_capacity(blocks.len()));
    for block in blocks {
        let mut content = block.written.content.to_value();
        if let Value::Object(fields) = &mut content {
            // The kind is the row's own.
            fields.shift_remove("kind");
        }
        let placeholders = serde_json::to_value(&block.written.placeholders)?;
        let (id, job, expected) = (block.id.into(), block.job.into(), block.expected.into());
        fields.push([id, job, expected, content.clone().into(), placeholders.clone().into()]);
        contents.insert(block.id, (block.job, content, placeholders));
    }
    let mut values: Vec<sea_orm::Value> = vec![time.into()];
    let places = places(&mut values, fields);
    let text = format!(
        "UPDATE blocks SET content = new.column4, placeholders = new.column5, status = 'ready', origin = 'ai', \
         revision = revision + 1, job_id = new.column2, updated_at = $1 FROM (VALUES {places}) AS new \
         WHERE blocks.id = new.column1 AND revision = new.column3 AND NOT locked RETURNING id, revision"
    );
    let (mut revisions, mut stored) = (Vec::new(), HashSet::new());
    for row in rows(&unit.tx, &text, values).await? {
        let (block, number): (Uuid, i64) = (row.try_get("", "id")?, row.try_get("", "revision")?);
        let Some((job, content, placeholders)) = contents.remove(&block) else {
            continue;
        };
        stored.insert(block);
        revisions.push(revision::ActiveModel {
            id: Set(new_id()),
            block_id: Set(block),
            revision: Set(number),
            origin: Set(BlockOrigin::Ai),
            job_id: Set(Some(job)),
            content: Set(content),
            placeholders: Set(placeholders),
            created_at: Set(time),
        });
    }
    if !revisions.is_empty() {
        revision::Entity::insert_many(revisions)
            .exec_without_returning(&unit.tx)
            .await?;
    }
    Ok(stored)
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
pub async fn close_open_blocks(unit: &Unit, pages: &[Uuid], unwritten: BlockStatus) -> Result<()> {
    if pages.is_empty() {
        return Ok(());
    }
    let text = format!(
        "UPDATE blocks SET status = CASE WHEN content IS NULL THEN $1 ELSE 'ready' END, updated_at = $2 \
         WHERE status = 'writing' AND page_id IN ({})",
        marks(3, pages.len())
    );
    let values = [unwritten.as_str().into(), now().into()];
    execute(
        &unit.tx,
        &text,
        values.into_iter().chain(pages.iter().map(|page| (*page).into())),
    )
    .await?;
    Ok(())
}

/// Those of these pages that have a block without content.
pub async fn unfinished(unit: &Unit, pages: &[Uuid]) -> Result<Vec<Uuid>> {
    if pages.is_empty() {
        return Ok(Vec::new());
    }
    let query = block::Entity::find()
        .select_only()
        .column(block::Column::PageId)
        .distinct()
        .filter(block::Column::PageId.is_in(pages.iter().copied()))
        .filter(block::Column::Content.is_null());
    Ok(query.into_tuple().all(&unit.tx).await?)
}

/// The status that follows from what is there and what still runs; jobs that have ended do not count. The caller holds
/// the locks of the sites.
pub async fn settle_blueprints(unit: &Unit, sites: impl IntoIterator<Item = Uuid>) -> Result<()> {
    let sites: BTreeSet<Uuid> = sites.into_iter().collect();
    if sites.is_empty() {
        return Ok(());
    }
    let text = format!(
        "UPDATE blueprints SET version = version + 1, updated_at = $1, status = CASE \
         WHEN EXISTS (SELECT 1 FROM jobs j WHERE j.blueprint_id = blueprints.id AND j.finished_at IS NULL) \
           THEN 'generating' WHEN structure IS NOT NULL THEN 'ready' ELSE 'draft' END WHERE id IN ({})",
        marks(2, sites.len())
    );
    let values = std::iter::once(now().into()).chain(sites.into_iter().map(Into::into));
    execute(&unit.tx, &text, values).await?;
    Ok(())
}
