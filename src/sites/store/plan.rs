//! Laying a plan over the rows of a site, under the blueprint's lock.

use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::db::{execute, now};
use crate::entities::{BlockOrigin, BlockStatus, PageStatus, block, page};
use crate::error::Result;
use crate::events::Unit;
use crate::ids::new_id;
use crate::sites::merge::{Merge, MergedPage};
use crate::sites::structure::{PlannedPage, SiteStructure};

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
