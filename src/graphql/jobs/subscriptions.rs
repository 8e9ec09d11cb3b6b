//! Watching: a job with its text, a site, an account. Each stream resumes from a cursor and ends by itself.
//!
//! Whose stream it is, is asked once, before the first event. Nothing here holds a transaction open.

use std::collections::HashMap;

use async_graphql::{Context, ID, Result, Subscription};
use futures::{Stream, StreamExt};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::account_events::{AccountEvent, account_event};
use super::blueprint_events::{BlueprintEvent, blueprint_event};
use super::job_events::{JobEvent, job_event};
use crate::app::App;
use crate::auth::{Caller, Scope, jobs_of};
use crate::db::Db;
use crate::entities::{blueprint, job};
use crate::events::After;
use crate::graphql::context::Reach;
use crate::graphql::error::Code;
use crate::graphql::execute::ResumeAt;
use crate::graphql::fanout::{Given, Handover};
use crate::graphql::node;
use crate::graphql::operation::Stamped;
use crate::graphql::scalars::Cursor;
use crate::ids::{Cursor as Place, IdKind};
use crate::jobs::Lookup;

/// What can be watched: over a WebSocket, as an event stream or as multipart HTTP. Every event carries its place in
/// `extensions.cursor`, whether or not the `cursor` field is selected: subscribe again with it as `after`, and nothing is
/// missed.
#[derive(Default)]
pub struct Subscription;

/// What can be watched: over a WebSocket, as an event stream or as multipart HTTP. Every event carries its place in
/// `extensions.cursor`, whether or not the `cursor` field is selected: subscribe again with it as `after`, and nothing is
/// missed.
#[Subscription]
impl Subscription {
    /// Watches one job, its text included. Without `after` it begins with the first event or with a JobSnapshot. Ends after
    /// JobFinished. A job that does not exist or is not yours is a top-level error NOT_FOUND.
    async fn job_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's global id.")] job_id: ID,
        #[graphql(desc = "Everything up to this cursor is known: continue behind it.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<Stamped<JobEvent>>>> {
        let app = ctx.app().clone();
        if let Some(given) = ctx.data_opt::<Given>() {
            // Whose they are was asked when each of the watchers came.
            let (epoch, job) = (app.epoch.clone(), given.job);
            return Ok(given.items().map(move |item| job_event(item?, job, &epoch)).boxed());
        }
        let id = own_job(&app, ctx.caller(), &job_id).await?;
        let after = place(seen(ctx, after), |place| match place {
            Place::Job { epoch, id: of, at } if epoch == app.epoch && of == id => Some(at),
            _ => None,
        })?;
        let (epoch, feed) = (app.epoch.clone(), app.feeds.job(id, after));
        match ctx.data_opt::<Handover>() {
            Some(handover) => {
                handover.put(id, feed.boxed());
                Ok(futures::stream::empty().boxed())
            }
            None => Ok(feed.map(move |item| job_event(item?, id, &epoch)).boxed()),
        }
    }

    /// Watches one site: all its jobs and what people change, but not the text in between. Without `after` it begins with
    /// the first event or with a BlueprintSnapshot. Ends when the site is deleted. A site that does not exist or is not
    /// yours is a top-level error NOT_FOUND.
    async fn blueprint_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The site's global id.")] blueprint_id: ID,
        #[graphql(desc = "Everything up to this cursor is known: continue behind it.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<Stamped<BlueprintEvent>>>> {
        let app = ctx.app().clone();
        let id = own_blueprint(&app, ctx.caller(), &blueprint_id).await?;
        let after = place(seen(ctx, after), |place| match place {
            Place::Blueprint { epoch, id: of, seq } if epoch == app.epoch && of == id => Some(seq),
            _ => None,
        })?;
        let epoch = app.epoch.clone();
        Ok(app
            .feeds
            .blueprint(id, after)
            .map(move |item| blueprint_event(item?, id, &epoch)))
    }

    /// Watches the account: movements of credits, and jobs that change their state. Without `after` it begins now. Does not
    /// end.
    async fn account_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Everything up to this cursor is known: continue behind it.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<Stamped<AccountEvent>>>> {
        let (app, account) = (ctx.app().clone(), ctx.caller().account);
        let after = place(seen(ctx, after), |place| match place {
            Place::Account { epoch, id: of, seq } if epoch == app.epoch && of == account => Some(seq),
            _ => None,
        })?;
        let epoch = app.epoch.clone();
        Ok(app
            .feeds
            .account(account, after)
            .map(move |item| Ok(account_event(item?, account, &epoch))))
    }
}

/// What the client has seen: the transport may know better than the document, which a browser sends again as it was.
fn seen(ctx: &Context<'_>, after: Option<Cursor>) -> Option<Cursor> {
    let resumed = ctx.data_opt::<ResumeAt>();
    resumed.map(|ResumeAt(cursor)| Cursor(cursor.clone())).or(after)
}

/// Where to begin. A cursor of another stream or of a time that is gone cannot be continued: a snapshot is sent.
fn place<P>(after: Option<Cursor>, own: impl Fn(Place) -> Option<P>) -> Result<After<P>> {
    let Some(Cursor(text)) = after else {
        return Ok(After::Start);
    };
    let Some(place) = Place::decode(&text) else {
        let message = "`after` is not a cursor. Pass the cursor of an event or an `eventCursor`, or leave it out.";
        return Err(Code::BadUserInput.error(message));
    };
    Ok(own(place).map_or(After::Snapshot, After::At))
}

async fn own_job(app: &App, caller: &Caller, id: &ID) -> Result<Uuid> {
    let Some(id) = node::of_kind(IdKind::Job, id) else {
        return Err(not_found("job"));
    };
    let db = &app.db;
    let found = match caller.scope {
        // Whoever reaches the whole account is told the same: a crowd of watchers is answered at once.
        Scope::Account => app.engine.gather.look_up::<Jobs>(db, caller.account, id).await?,
        _ => among(db, caller.jobs(), &[id]).await?.remove(&id),
    };
    found.map(|()| id).ok_or_else(|| not_found("job"))
}

/// The jobs of an account.
struct Jobs;

impl Lookup for Jobs {
    type Key = Uuid;
    type Found = ();

    async fn find(db: &Db, account: Uuid, ids: &[Uuid]) -> crate::error::Result<HashMap<Uuid, ()>> {
        among(db, jobs_of(account), ids).await
    }
}

/// Those of these jobs that are within reach.
async fn among(db: &Db, reach: Condition, ids: &[Uuid]) -> crate::error::Result<HashMap<Uuid, ()>> {
    let jobs = job::Entity::find().filter(reach);
    let jobs = jobs.filter(job::Column::Id.is_in(ids.iter().copied()));
    let found = jobs.select_only().column(job::Column::Id).into_tuple::<Uuid>();
    let found = found.all(db.reader()).await?;
    Ok(found.into_iter().map(|id| (id, ())).collect())
}

async fn own_blueprint(app: &App, caller: &Caller, id: &ID) -> Result<Uuid> {
    let Some(id) = node::of_kind(IdKind::Blueprint, id) else {
        return Err(not_found("site"));
    };
    let mine = blueprint::Entity::find_by_id(id).filter(caller.sites());
    let found = mine.select_only().column(blueprint::Column::Id).into_tuple::<Uuid>();
    let found = found.one(app.db.reader()).await.map_err(crate::error::Error::from)?;
    found.ok_or_else(|| not_found("site"))
}

fn not_found(what: &str) -> async_graphql::Error {
    Code::NotFound.error(format!("There is no such {what}. Check the id, or reload the list."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_cursor_asks_for_a_snapshot_and_nonsense_is_refused() {
        let own = |place| match place {
            Place::Account { epoch, seq, .. } if epoch == "now" => Some(seq),
            _ => None,
        };
        let cursor = |epoch: &str| {
            Place::Account {
                epoch: epoch.to_string(),
                id: Uuid::nil(),
                seq: 3,
            }
            .encode()
        };
        assert_eq!(place(None, own).unwrap(), After::Start);
        assert_eq!(place(Some(Cursor(cursor("now"))), own).unwrap(), After::At(3));
        assert_eq!(place(Some(Cursor(cursor("then"))), own).unwrap(), After::Snapshot);
        let other = Place::Blueprint {
            epoch: "now".to_string(),
            id: Uuid::nil(),
            seq: 3,
        }
        .encode();
        assert_eq!(place(Some(Cursor(other)), own).unwrap(), After::Snapshot);
        assert!(place(Some(Cursor("nonsense".to_string())), own).is_err());
    }
}
