//! What people do to a whole site: make it, change it, delete it. Each is one transaction with its event.

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use super::brief::{self, Brief};
use super::problem::Problem;
use crate::db::{Db, now, sql};
use crate::entities::{BlueprintStatus, HostingType, OptionKind, blueprint, builder_option, job};
use crate::error::{Error, Refusal, Result, Why};
use crate::events::{BlueprintBody, Bus, Unit, append};
use crate::ids::new_id;

/// What a person gives to make a site.
#[derive(Debug, Clone)]
pub struct NewBlueprint {
    pub name: String,
    pub description: String,
    pub brief: Brief,
    pub hosting_type: HostingType,
}

/// What a person wants changed; absent fields stay as they are.
#[derive(Debug, Clone, Default)]
pub struct ChangeBlueprint {
    pub name: Option<String>,
    pub description: Option<String>,
    pub brief: Option<Brief>,
    pub hosting_type: Option<HostingType>,
    /// Refuses the change when the site is at another version.
    pub expected_version: Option<i64>,
}

pub async fn create_blueprint(db: &Db, bus: &Bus, account: Uuid, new: NewBlueprint) -> Result<blueprint::Model> {
    let mut problems = Vec::new();
    let name = keep(brief::validate_name(&["name"], &new.name), &mut problems);
    let description = keep(
        brief::validate_description(&["description"], &new.description),
        &mut problems,
    );
    let brief = keep(brief::validate(new.brief), &mut problems);
    let mut unit = Unit::begin(db, bus).await?;
    let mut refusals: Vec<Refusal> = problems.into_iter().map(refusal).collect();
    if let Some(brief) = &brief {
        refusals.extend(unknown_options(&unit.tx, brief).await?);
    }
    let (Some(name), Some(description), Some(brief), true) = (name, description, brief, refusals.is_empty()) else {
        return Err(Error::Refused(refusals));
    };
    let row = blueprint::ActiveModel {
        id: Set(new_id()),
        account_id: Set(account),
        name: Set(name),
        description: Set(description),
        brief: Set(serde_json::to_value(brief)?),
        structure: Set(None),
        status: Set(BlueprintStatus::Draft),
        hosting_type: Set(new.hosting_type),
        version: Set(1),
        event_seq: Set(0),
        created_at: Set(now()),
        updated_at: Set(now()),
    };
    let made = blueprint::Entity::insert(row).exec_with_returning(&unit.tx).await?;
    append::blueprint_events(
        &mut unit,
        made.id,
        vec![(None, BlueprintBody::Changed { deleted: false })],
    )
    .await?;
    unit.commit().await?;
    Ok(blueprint::Model { event_seq: 1, ..made })
}

pub async fn update_blueprint(
    db: &Db,
    bus: &Bus,
    account: Uuid,
    id: Uuid,
    change: ChangeBlueprint,
) -> Result<blueprint::Model> {
    let mut problems = Vec::new();
    let name = change
        .name
        .and_then(|name| keep(brief::validate_name(&["name"], &name), &mut problems));
    let description = change
        .description
        .and_then(|text| keep(brief::validate_description(&["description"], &text), &mut problems));
    let brief = change
        .brief
        .and_then(|brief| keep(brief::validate(brief), &mut problems));
    let mut unit = Unit::begin(db, bus).await?;
    let site = lock(&unit, account, id).await?;
    let mut refusals: Vec<Refusal> = problems.into_iter().map(refusal).collect();
    if let Some(brief) = &brief {
        refusals.extend(unknown_options(&unit.tx, brief).await?);
    }
    refusals.extend(conflict(&site, change.expected_version));
    if !refusals.is_empty() {
        return Err(Error::Refused(refusals));
    }
    let text = "UPDATE blueprints SET name = COALESCE($2, name), description = COALESCE($3, description), \
                brief = COALESCE($4, brief), hosting_type = COALESCE($5, hosting_type), version = version + 1, \
                updated_at = $6 WHERE id = $1";
    let brief: Option<Value> = brief.map(serde_json::to_value).transpose()?;
    let values = [
        id.into(),
        name.into(),
        description.into(),
        brief.into(),
        change.hosting_type.map(|hosting| hosting.as_str().to_string()).into(),
        now().into(),
    ];
    crate::db::execute(&unit.tx, text, values).await?;
    append::blueprint_events(&mut unit, id, vec![(None, BlueprintBody::Changed { deleted: false })]).await?;
    let changed = blueprint::Entity::find_by_id(id).one(&unit.tx).await?;
    unit.commit().await?;
    changed.ok_or_else(|| Error::internal("a locked site vanished"))
}

/// Deletes a site with its pages. Refused while anything of it is being generated.
pub async fn delete_blueprint(
    db: &Db,
    bus: &Bus,
    account: Uuid,
    id: Uuid,
    expected_version: Option<i64>,
) -> Result<()> {
    let mut unit = Unit::begin(db, bus).await?;
    let site = lock(&unit, account, id).await?;
    if let Some(refusal) = conflict(&site, expected_version) {
        return Err(refusal.into());
    }
    // A start that is under way waits for our lock, finds no site and takes itself back.
    let active = job::Entity::find()
        .filter(job::Column::BlueprintId.eq(id))
        .filter(job::Column::FinishedAt.is_null());
    if let Some(job) = active.one(&unit.tx).await? {
        let message = "Something of this site is being generated. Cancel it first, or wait for its end.";
        let job = job.parent_id.unwrap_or(job.id);
        return Err(Refusal::new(&["input", "id"], message, Why::AlreadyRunning { job }).into());
    }
    append::blueprint_events(&mut unit, id, vec![(None, BlueprintBody::Changed { deleted: true })]).await?;
    blueprint::Entity::delete_by_id(id).exec(&unit.tx).await?;
    unit.commit().await
}

/// The row, locked, or NOT_FOUND: also for a site of somebody else.
async fn lock(unit: &Unit, account: Uuid, id: Uuid) -> Result<blueprint::Model> {
    let text = "SELECT * FROM blueprints WHERE id = $1 AND account_id = $2 {lock}";
    let row = unit
        .tx
        .query_one_raw(sql(&unit.tx, text, [id.into(), account.into()]))
        .await?;
    match row {
        Some(row) => Ok(blueprint::Model::from_query_result(&row, "")?),
        None => Err(Refusal::not_found(&["input", "id"], "site").into()),
    }
}

fn conflict(site: &blueprint::Model, expected: Option<i64>) -> Option<Refusal> {
    let current_version = site.version;
    expected.filter(|version| *version != current_version).map(|_| {
        let message = "The site changed since you read it. Read it again and repeat your change.";
        Refusal::new(
            &["input", "expectedVersion"],
            message,
            Why::Conflict { current_version },
        )
    })
}

/// Options that do not exist, are of another kind, or are no longer offered.
async fn unknown_options(connection: &impl ConnectionTrait, brief: &Brief) -> Result<Vec<Refusal>> {
    let mut wanted: Vec<(Vec<String>, OptionKind, Uuid)> = Vec::new();
    let one = |field: &str| vec!["input".to_string(), "brief".to_string(), field.to_string()];
    let many = |field: &str, index: usize| [one(field), vec![index.to_string()]].concat();
    wanted.extend(
        brief
            .business_type_id
            .map(|id| (one("businessTypeId"), OptionKind::BusinessType, id)),
    );
    for (index, id) in brief.audience_profile_ids.iter().enumerate() {
        wanted.push((many("audienceProfileIds", index), OptionKind::AudienceProfile, *id));
    }
    for (index, id) in brief.brand_personality_ids.iter().enumerate() {
        wanted.push((many("brandPersonalityIds", index), OptionKind::BrandPersonality, *id));
    }
    let imagery = brief.hero_imagery_direction_id;
    wanted.extend(imagery.map(|id| (one("heroImageryDirectionId"), OptionKind::HeroImageryDirection, id)));
    let ids: Vec<Uuid> = wanted.iter().map(|(_, _, id)| *id).collect();
    let known = builder_option::Entity::find()
        .filter(builder_option::Column::Id.is_in(ids))
        .all(connection)
        .await?;
    let is_offered = |kind: OptionKind, id: Uuid| {
        known
            .iter()
            .any(|row| row.id == id && row.kind == kind && row.is_active)
    };
    let missing = wanted.into_iter().filter(|(_, kind, id)| !is_offered(*kind, *id));
    Ok(missing
        .map(|(path, _, _)| Refusal {
            path,
            message: "There is no such option. Choose one from builderMetadata.".to_string(),
            why: Why::NotFound,
        })
        .collect())
}

fn keep<T>(checked: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    match checked {
        Ok(value) => Some(value),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}

/// A problem of the content model as an answer to a mutation.
pub fn refusal(problem: Problem) -> Refusal {
    let path = std::iter::once("input".to_string()).chain(problem.path).collect();
    let constraint = problem.constraint.as_str().to_string();
    Refusal {
        path,
        message: problem.message,
        why: Why::Invalid { constraint },
    }
}
