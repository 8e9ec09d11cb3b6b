//! Loading many rows with one statement, within one operation and for one caller.
//!
//! The caller is part of every statement here, so a resolver cannot reach a foreign row by any path. A
//! loader lives as long as one operation (or one event of a subscription): nothing it remembers grows stale.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::runtime::{TokioSpawner, TokioTimer};
use async_graphql::{Error, Result};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::accounts::{Account, ApiKey, AuditEntry};
use super::credits::CreditEntry;
use super::jobs::GenerationJob;
use super::options::BuilderOption;
use super::prompts::PromptVersion;
use super::sites::{Block, PageBlueprint, SiteBlueprint};
use crate::auth::Caller;
use crate::db::Db;
use crate::entities::{
    JobKind, JobState, account, api_key, audit_entry, block, blueprint, builder_option, credit_entry, job, page,
    prompt_template,
};
use crate::usage;

/// The keys, one type a question, so that the same id can be asked for in several ways.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        $($(#[$doc])* #[derive(Copy, Clone, PartialEq, Eq, Hash)] struct $name(Uuid);)+
    };
}

keys! {
    AccountById, ApiKeyById, AuditEntryById, OptionById, EntryById, BlueprintById, PageById, BlockById, JobById,
    PromptVersionById,
    /// The pages of a blueprint, in their order.
    PagesOf,
    /// The blocks of a page, from top to bottom.
    BlocksOf,
    /// The jobs that a job started.
    ChildrenOf,
    /// The job that is at work on a page.
    ActiveOn,
    /// What a job's calls to writers took.
    UsageOf,
}

pub struct Loaders(DataLoader<Rows, HashMapCache>);

struct Rows {
    db: Db,
    caller: Caller,
}

impl Loaders {
    pub fn new(db: Db, caller: Caller, remembers: bool) -> Self {
        let rows = Rows { db, caller };
        let cache = HashMapCache::default();
        let loader = DataLoader::with_cache(rows, TokioSpawner::current(), TokioTimer::default(), cache);
        // No waiting for more keys than those that are asked for in the same turn.
        let loader = loader.delay(Duration::ZERO);
        loader.enable_all_cache(remembers);
        Loaders(loader)
    }

    pub async fn account(&self, id: Uuid) -> Result<Option<Account>> {
        Ok(self.0.load_one(AccountById(id)).await?.map(Account))
    }

    pub async fn api_key(&self, id: Uuid) -> Result<Option<ApiKey>> {
        Ok(self.0.load_one(ApiKeyById(id)).await?.map(ApiKey))
    }

    pub async fn audit_entry(&self, id: Uuid) -> Result<Option<AuditEntry>> {
        Ok(self.0.load_one(AuditEntryById(id)).await?.map(AuditEntry))
    }

    pub async fn option(&self, id: Uuid) -> Result<Option<BuilderOption>> {
        Ok(self.0.load_one(OptionById(id)).await?.map(BuilderOption))
    }

    /// The options that still exist, in the order asked for.
    pub async fn options(&self, ids: Vec<Uuid>) -> Result<Vec<BuilderOption>> {
        let found = self.0.load_many(ids.iter().map(|id| OptionById(*id))).await?;
        let option = |id| found.get(&OptionById(id)).cloned().map(BuilderOption);
        Ok(ids.into_iter().filter_map(option).collect())
    }

    pub async fn credit_entry(&self, id: Uuid) -> Result<Option<CreditEntry>> {
        Ok(self.0.load_one(EntryById(id)).await?.map(CreditEntry))
    }

    pub async fn blueprint(&self, id: Uuid) -> Result<Option<SiteBlueprint>> {
        Ok(self.0.load_one(BlueprintById(id)).await?.map(SiteBlueprint))
    }

    pub async fn page(&self, id: Uuid) -> Result<Option<PageBlueprint>> {
        Ok(self.0.load_one(PageById(id)).await?.map(PageBlueprint))
    }

    pub async fn pages_of(&self, blueprint: Uuid) -> Result<Vec<PageBlueprint>> {
        let pages = self.0.load_one(PagesOf(blueprint)).await?.unwrap_or_default();
        Ok(pages.into_iter().map(PageBlueprint).collect())
    }

    pub async fn block(&self, id: Uuid) -> Result<Option<Block>> {
        self.0
            .load_one(BlockById(id))
            .await?
            .map(|row| Block::from_row(&row))
            .transpose()
    }

    pub async fn blocks_of(&self, page: Uuid) -> Result<Vec<Block>> {
        let blocks = self.0.load_one(BlocksOf(page)).await?.unwrap_or_default();
        blocks.iter().map(|row| Block::from_row(row)).collect()
    }

    /// The blocks of several pages, as rows: page by page, from top to bottom within each.
    pub async fn block_rows(&self, pages: impl Iterator<Item = Uuid>) -> Result<Vec<Arc<block::Model>>> {
        let pages: Vec<BlocksOf> = pages.map(BlocksOf).collect();
        let mut found = self.0.load_many(pages.clone()).await?;
        Ok(pages.iter().filter_map(|page| found.remove(page)).flatten().collect())
    }

    pub async fn job(&self, id: Uuid) -> Result<Option<GenerationJob>> {
        Ok(self.0.load_one(JobById(id)).await?.map(GenerationJob))
    }

    /// The jobs in the order asked for.
    pub async fn jobs(&self, ids: Vec<Uuid>) -> Result<Vec<GenerationJob>> {
        let found = self.0.load_many(ids.iter().map(|id| JobById(*id))).await?;
        let job = |id| found.get(&JobById(id)).cloned().map(GenerationJob);
        Ok(ids.into_iter().filter_map(job).collect())
    }

    pub async fn children_of(&self, job: Uuid) -> Result<Vec<GenerationJob>> {
        let children = self.0.load_one(ChildrenOf(job)).await?.unwrap_or_default();
        Ok(children.into_iter().map(GenerationJob).collect())
    }

    pub async fn prompt_version(&self, id: Uuid) -> Result<Option<PromptVersion>> {
        Ok(self.0.load_one(PromptVersionById(id)).await?.map(PromptVersion))
    }

    /// None when no call has been accounted for.
    pub async fn usage_of(&self, job: Uuid) -> Result<Option<usage::Total>> {
        self.0.load_one(UsageOf(job)).await
    }

    pub async fn active_on(&self, page: Uuid) -> Result<Option<GenerationJob>> {
        Ok(self.0.load_one(ActiveOn(page)).await?.map(GenerationJob))
    }
}

/// A masked error, logged where the statement failed and not again by each field that waited for it.
fn masked(cause: sea_orm::DbErr) -> Error {
    crate::error::Error::from(cause).into()
}

fn ids<K>(keys: &[K], id: impl Fn(&K) -> Uuid) -> Vec<Uuid> {
    keys.iter().map(id).collect()
}

fn by_id<K: Eq + Hash, M>(rows: Vec<M>, key: impl Fn(&M) -> K) -> HashMap<K, Arc<M>> {
    rows.into_iter().map(|row| (key(&row), Arc::new(row))).collect()
}

fn grouped<K: Eq + Hash, M>(rows: Vec<M>, key: impl Fn(&M) -> Option<K>) -> HashMap<K, Vec<Arc<M>>> {
    let mut groups: HashMap<K, Vec<Arc<M>>> = HashMap::new();
    for row in rows {
        if let Some(key) = key(&row) {
            groups.entry(key).or_default().push(Arc::new(row));
        }
    }
    groups
}

/// One statement for all keys: the entity, the key's column, what else must hold, and how rows become answers.
macro_rules! loader {
    ($key:ident => $value:ty, |$rows:ident, $ids:ident| $select:expr, $collect:expr) => {
        impl Loader<$key> for Rows {
            type Value = $value;
            type Error = Error;

            async fn load(&self, keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Error> {
                let ($rows, $ids) = (self, ids(keys, |key| key.0));
                let found = $select.all(self.db.reader()).await.map_err(masked)?;
                Ok($collect(found))
            }
        }
    };
}

loader!(AccountById => Arc<account::Model>, |rows, ids| account::Entity::find()
    .filter(account::Column::Id.is_in(ids))
    .filter(rows.caller.accounts()),
    |found| by_id(found, |row: &account::Model| AccountById(row.id)));

loader!(ApiKeyById => Arc<api_key::Model>, |rows, ids| api_key::Entity::find()
    .filter(api_key::Column::Id.is_in(ids))
    .filter(rows.caller.keys()),
    |found| by_id(found, |row: &api_key::Model| ApiKeyById(row.id)));

loader!(AuditEntryById => Arc<audit_entry::Model>, |rows, ids| audit_entry::Entity::find()
    .filter(audit_entry::Column::Id.is_in(ids))
    .filter(rows.caller.audit_entries()),
    |found| by_id(found, |row: &audit_entry::Model| AuditEntryById(row.id)));

// Options belong to everybody.
loader!(OptionById => Arc<builder_option::Model>, |_rows, ids| builder_option::Entity::find()
    .filter(builder_option::Column::Id.is_in(ids)),
    |found| by_id(found, |row: &builder_option::Model| OptionById(row.id)));

loader!(EntryById => Arc<credit_entry::Model>, |rows, ids| credit_entry::Entity::find()
    .filter(credit_entry::Column::Id.is_in(ids))
    .filter(rows.caller.credit_entries()),
    |found| by_id(found, |row: &credit_entry::Model| EntryById(row.id)));

loader!(BlueprintById => Arc<blueprint::Model>, |rows, ids| blueprint::Entity::find()
    .filter(blueprint::Column::Id.is_in(ids))
    .filter(rows.caller.sites()),
    |found| by_id(found, |row: &blueprint::Model| BlueprintById(row.id)));

loader!(PageById => Arc<page::Model>, |rows, ids| page::Entity::find()
    .filter(page::Column::Id.is_in(ids))
    .filter(rows.caller.pages()),
    |found| by_id(found, |row: &page::Model| PageById(row.id)));

loader!(PagesOf => Vec<Arc<page::Model>>, |rows, ids| page::Entity::find()
    .filter(page::Column::BlueprintId.is_in(ids))
    .filter(rows.caller.pages())
    .order_by_asc(page::Column::Position)
    .order_by_asc(page::Column::Id),
    |found| grouped(found, |row: &page::Model| Some(PagesOf(row.blueprint_id))));

loader!(BlockById => Arc<block::Model>, |rows, ids| block::Entity::find()
    .filter(block::Column::Id.is_in(ids))
    .filter(block::Column::PageId.in_subquery(rows.caller.ids_of_pages())),
    |found| by_id(found, |row: &block::Model| BlockById(row.id)));

loader!(BlocksOf => Vec<Arc<block::Model>>, |rows, ids| block::Entity::find()
    .filter(block::Column::PageId.is_in(ids))
    .filter(block::Column::PageId.in_subquery(rows.caller.ids_of_pages()))
    .order_by_asc(block::Column::Position)
    .order_by_asc(block::Column::Id),
    |found| grouped(found, |row: &block::Model| Some(BlocksOf(row.page_id))));

loader!(JobById => Arc<job::Model>, |rows, ids| job::Entity::find()
    .filter(job::Column::Id.is_in(ids))
    .filter(rows.caller.jobs()),
    |found| by_id(found, |row: &job::Model| JobById(row.id)));

loader!(PromptVersionById => Arc<prompt_template::Model>, |rows, ids| prompt_template::Entity::find()
    .filter(prompt_template::Column::Id.is_in(ids))
    .filter(prompt_template::Column::AccountId.eq(rows.caller.account)),
    |found| by_id(found, |row: &prompt_template::Model| PromptVersionById(row.id)));

loader!(ChildrenOf => Vec<Arc<job::Model>>, |rows, ids| job::Entity::find()
    .filter(job::Column::ParentId.is_in(ids))
    .filter(rows.caller.jobs())
    .order_by_asc(job::Column::Id),
    |found| grouped(found, |row: &job::Model| row.parent_id.map(ChildrenOf)));

impl Loader<UsageOf> for Rows {
    type Value = usage::Total;
    type Error = Error;

    async fn load(&self, keys: &[UsageOf]) -> Result<HashMap<UsageOf, usage::Total>, Error> {
        let jobs = ids(keys, |key| key.0);
        let totals = usage::of_jobs(self.db.reader(), self.caller.account, &jobs).await?;
        Ok(totals.into_iter().map(|(job, total)| (UsageOf(job), total)).collect())
    }
}

loader!(ActiveOn => Arc<job::Model>, |rows, ids| job::Entity::find()
.filter(job::Column::PageId.is_in(ids))
.filter(rows.caller.jobs())
.filter(job::Column::State.is_in([JobState::Queued, JobState::Running]))
.filter(job::Column::Kind.is_in([JobKind::Page, JobKind::Block])),
|found: Vec<job::Model>| -> HashMap<ActiveOn, Arc<job::Model>> {
    found.into_iter().filter_map(|row| row.page_id.map(|page| (ActiveOn(page), Arc::new(row)))).collect()
});
