//! Which rows a caller reaches: those of the account, and with a watch token those of one job or one site.
//!
//! Every question about rows takes its condition from here, so that a token cannot walk from its job to another by any
//! path. A job's token reaches the job, the jobs that it started and the pages that they write, but not the site's
//! brief; a site's token reaches the site with all its pages and jobs. Accounts, credits and keys are out of reach.

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::caller::{Caller, Credential};
use crate::db::Db;
use crate::entities::{JobKind, Role, account, api_key, audit_entry, blueprint, credit_entry, job, page};
use crate::error::Result;
use crate::ids::IdKind;

/// How far a credential reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything of the account.
    Account,
    Job(Uuid),
    Site(Uuid),
}

impl Caller {
    /// The jobs within reach.
    pub fn jobs(&self) -> Condition {
        let own = jobs_of(self.account);
        match self.scope {
            Scope::Account => own,
            Scope::Job(id) => own.add(job::Column::Id.eq(id).or(job::Column::ParentId.eq(id))),
            Scope::Site(id) => own.add(job::Column::BlueprintId.eq(id)),
        }
    }

    /// The sites within reach.
    pub fn sites(&self) -> Condition {
        let own = Condition::all().add(blueprint::Column::AccountId.eq(self.account));
        match self.scope {
            Scope::Account => own,
            Scope::Job(_) => nothing(),
            Scope::Site(id) => own.add(blueprint::Column::Id.eq(id)),
        }
    }

    /// The pages within reach.
    pub fn pages(&self) -> Condition {
        if !matches!(self.scope, Scope::Job(_)) {
            return Condition::all().add(page::Column::BlueprintId.in_subquery(self.ids_of_sites()));
        }
        let of_jobs = |column: job::Column, jobs: Condition| {
            Query::select()
                .column(column)
                .from(job::Entity)
                .cond_where(jobs.add(column.is_not_null()))
                .to_owned()
        };
        let plans = self
            .jobs()
            .add(job::Column::Kind.is_in([JobKind::Structure, JobKind::Site]));
        Condition::any()
            .add(page::Column::Id.in_subquery(of_jobs(job::Column::PageId, self.jobs())))
            .add(page::Column::BlueprintId.in_subquery(of_jobs(job::Column::BlueprintId, plans)))
    }

    /// The ids of the pages within reach, for rows that hang below one.
    pub fn ids_of_pages(&self) -> SelectStatement {
        Query::select()
            .column(page::Column::Id)
            .from(page::Entity)
            .cond_where(self.pages())
            .to_owned()
    }

    fn ids_of_sites(&self) -> SelectStatement {
        Query::select()
            .column(blueprint::Column::Id)
            .from(blueprint::Entity)
            .cond_where(self.sites())
            .to_owned()
    }

    /// The accounts within reach: at most one.
    pub fn accounts(&self) -> Condition {
        match self.scope {
            Scope::Account => Condition::all().add(account::Column::Id.eq(self.account)),
            _ => nothing(),
        }
    }

    /// The movements of credits within reach.
    pub fn credit_entries(&self) -> Condition {
        match self.scope {
            Scope::Account => Condition::all().add(credit_entry::Column::AccountId.eq(self.account)),
            _ => nothing(),
        }
    }

    /// The API keys within reach: the account's for its OWNER, the caller's own for others.
    pub fn keys(&self) -> Condition {
        let own = Condition::all().add(api_key::Column::AccountId.eq(self.account));
        match (self.scope, &self.credential) {
            (Scope::Account, _) if self.role >= Role::Owner => own,
            (Scope::Account, Credential::Key(id)) => own.add(api_key::Column::Id.eq(*id)),
            _ => nothing(),
        }
    }

    /// The entries of the audit trail within reach: the trail is the OWNER's.
    pub fn audit_entries(&self) -> Condition {
        match self.scope {
            Scope::Account if self.role >= Role::Owner => {
                Condition::all().add(audit_entry::Column::AccountId.eq(self.account))
            }
            _ => nothing(),
        }
    }

    /// Whether a site of the account is within reach.
    pub fn reaches_site(&self, id: Uuid) -> bool {
        match self.scope {
            Scope::Account => true,
            Scope::Job(_) => false,
            Scope::Site(own) => own == id,
        }
    }

    /// Whether ids of this kind can be asked for at all: a watch token finds sites, pages, blocks and jobs by their ids
    /// and nothing else, whatever kinds there will be.
    pub fn may_find(&self, kind: IdKind) -> bool {
        let is_watched = matches!(kind, IdKind::Blueprint | IdKind::Page | IdKind::Block | IdKind::Job);
        self.scope == Scope::Account || is_watched
    }
}

/// The jobs of an account: what every caller reaches whose scope is all of it.
pub fn jobs_of(account: Uuid) -> Condition {
    Condition::all().add(job::Column::AccountId.eq(account))
}

/// Whether a page is within reach.
pub async fn reaches_page(db: &Db, caller: &Caller, id: Uuid) -> Result<bool> {
    let page = page::Entity::find_by_id(id).filter(caller.pages());
    let found = page.select_only().column(page::Column::Id).into_tuple::<Uuid>();
    Ok(found.one(db.reader()).await?.is_some())
}

/// No row is like this.
fn nothing() -> Condition {
    Condition::any().add(ExprTrait::eq(Expr::val(1), 0))
}
