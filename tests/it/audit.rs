//! The audit trail: every mutation leaves its entry, whoever calls it and whatever comes of it, and entries stay.

mod mutations;

use serde_json::{Value, json};
use sitewright::auth::{self, NewKey};
use sitewright::config::AuthMode;
use sitewright::entities::{ActorKind, PriceKind, Role};
use sitewright::ids::{GlobalId, IdKind};
use sitewright::{audit, credits, db, generation};

use crate::graphql_served::{Served, brief, serve};
use crate::support::{Backend, PATIENCE};

on_both!(
    an_entry_commits_with_the_change_or_not_at_all,
    a_start_commits_with_its_whole_entry,
    acts_that_are_concluded_together_keep_what_each_has_and_lacks,
    entries_are_completed_once_and_only_old_ones_go,
    a_start_that_cannot_be_paid_for_was_refused,
    what_an_operator_does_stands_in_both_trails,
    a_change_stays_done_whatever_its_caller_reads_of_it,
);

/// A server with keys, asked with one of this role.
async fn keyed(backend: Backend, role: Role) -> Served {
    let mut served = serve(backend, |config| config.auth.mode = AuthMode::Keys).await;
    served.key = Some(key(&served, served.world.account, role).await);
    served
}

async fn key(served: &Served, account: uuid::Uuid, role: Role) -> String {
    let new = NewKey {
        name: format!("the {}'s key", role.as_str()),
        role,
        expires_at: None,
    };
    auth::create(&served.world.app.db, account, new).await.unwrap().1
}

const TRAIL: &str = "query($first: Int, $after: String, $filter: AuditEntryFilter) { viewer { account { id \
     auditEntries(first: $first, after: $after, filter: $filter) { pageInfo { hasNextPage endCursor } edges { node { \
     id at actorKind actorId actorName role mutation subjectIds result codes requestId address } } } } } }";

async fn trail(served: &Served, variables: Value) -> Value {
    served.data(TRAIL, variables).await["viewer"]["account"]["auditEntries"].take()
}

async fn newest(served: &Served) -> Value {
    trail(served, json!({ "first": 1 })).await["edges"][0]["node"].take()
}

fn document(name: &str) -> String {
    let input = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    format!("mutation($input: {input}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}")
}

/// Waits for what still runs.
async fn settle(served: Served) {
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    use sitewright::entities::job;
    let open = job::Entity::find().filter(job::Column::FinishedAt.is_null());
    for job in open.all(served.world.app.db.reader()).await.unwrap() {
        tokio::time::timeout(PATIENCE, served.world.finished(job.id))
            .await
            .unwrap();
    }
    served.settle().await;
}

async fn an_entry_commits_with_the_change_or_not_at_all(backend: Backend) {
    let world = backend.world().await;
    let (db, account) = (world.app.db.clone(), world.account);
    let unfinished = async || {
        let text = "SELECT COUNT(*) AS n FROM audit_entries WHERE result = 'unfinished'";
        let rows = db::rows(world.app.db.reader(), text, []).await.unwrap();
        rows[0].try_get::<i64>("", "n").unwrap()
    };
    // What is dropped in the middle, as by a client that goes away, after its change was committed.
    let committed = async {
        let tx = db.write().await.unwrap();
        tx.commit().await.unwrap();
        std::future::pending::<sitewright::error::Result<()>>().await
    };
    let act = audit::command(&db, account, "died", committed);
    let seen = async {
        while unfinished().await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = act => panic!("it never ends"),
        () = seen => {}
    }
    assert_eq!(unfinished().await, 1);
    // And before: nothing was changed, and there is nothing to tell of.
    let rolled_back = async {
        let tx = db.write().await.unwrap();
        tx.rollback().await.unwrap();
        std::future::pending::<sitewright::error::Result<()>>().await
    };
    let act = audit::command(&db, account, "died sooner", rolled_back);
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(300), act)
            .await
            .is_err()
    );
    assert_eq!(unfinished().await, 1);
    world.settle().await;
}

async fn a_start_commits_with_its_whole_entry(backend: Backend) {
    let world = backend.world().await;
    let page = world.planned(world.account).await.pages[0].id;
    let (db, app) = (world.app.db.clone(), world.app.clone());
    let entry = async || {
        let text = "SELECT result, subjects FROM audit_entries WHERE mutation = 'died'";
        let row = db::rows(db.reader(), text, []).await.unwrap().pop()?;
        let text = |name| row.try_get::<String>("", name).unwrap();
        Some((text("result"), text("subjects")))
    };
    // Its process dies as soon as it has committed, before anything more could be written.
    let (told, hear) = tokio::sync::oneshot::channel();
    let start = async {
        let started = generation::start_page(&app, world.account, page, "once", None).await?;
        told.send(started.jobs[0].id).unwrap();
        std::future::pending::<sitewright::error::Result<()>>().await
    };
    let job = tokio::select! {
        _ = audit::command(&db, world.account, "died", start) => panic!("it never ends"),
        job = hear => job.unwrap(),
    };
    let (result, subjects) = entry().await.unwrap();
    assert_eq!(result, "done");
    assert!(
        subjects.contains(&GlobalId::new(IdKind::Job, job).to_string()),
        "{subjects}"
    );
    world.finished(job).await;
    world.settle().await;
}

/// Somebody without a key, whose row comes first and is full of nulls, and somebody with one.
async fn acts_that_are_concluded_together_keep_what_each_has_and_lacks(backend: Backend) {
    let world = backend.world().await;
    let (db, account) = (world.app.db.clone(), world.account);
    let new = NewKey {
        name: "till".to_string(),
        role: Role::Owner,
        expires_at: None,
    };
    let key = auth::create(&db, account, new).await.unwrap().0;
    let with_key = audit::Actor {
        kind: ActorKind::Key,
        id: Some(key.id.to_string()),
        key: Some(key.id),
        role: Role::Owner,
        request_id: Some("request".to_string()),
        address: Some("192.0.2.7".to_string()),
        ..audit::Actor::command(account)
    };
    let act = |actor: audit::Actor, name: &str| audit::Act {
        actor,
        name: name.to_string(),
        subjects: vec![GlobalId::new(IdKind::Account, account)],
    };
    let made = [sitewright::ids::new_id(), sitewright::ids::new_id()].map(|id| GlobalId::new(IdKind::Job, id));
    let (give, given) = tokio::sync::oneshot::channel();
    let (tell, told) = tokio::sync::oneshot::channel();
    let first = async {
        let own = audit::present_entries().unwrap();
        let others = given.await.unwrap();
        let tx = db.write().await.unwrap();
        let acts = [(&own, vec![made[0]]), (&others, vec![made[1]])];
        audit::conclude(&tx, acts).await.unwrap();
        tx.commit().await.unwrap();
        audit::note_done();
        audit::note_concluded();
        tell.send(()).unwrap();
    };
    let second = async {
        give.send(audit::present_entries().unwrap()).ok().unwrap();
        told.await.unwrap();
        audit::note_done();
        audit::note_concluded();
    };
    let outcome = |_: &()| audit::Outcome::failed("was not concluded");
    tokio::join!(
        audit::recorded(&db, act(audit::Actor::command(account), "first"), first, outcome),
        audit::recorded(&db, act(with_key, "second"), second, outcome),
    );
    let text = "SELECT actor, actor_id, actor_name, role, subjects, result, request_id, address FROM audit_entries \
                WHERE mutation IN ('first', 'second') ORDER BY mutation";
    let rows = db::rows(db.reader(), text, []).await.unwrap();
    let entries: Vec<Vec<Option<String>>> = rows
        .iter()
        .map(|row| (0..8).map(|at| row.try_get_by_index(at).unwrap()).collect())
        .collect();
    let some = |text: &str| Some(text.to_string());
    let subjects = made.map(|made| some(&format!("{} {made}", GlobalId::new(IdKind::Account, account))));
    let [first, second] = subjects;
    assert_eq!(
        entries,
        [
            vec![
                some("command"),
                None,
                None,
                some("admin"),
                first,
                some("done"),
                None,
                None
            ],
            vec![
                some("key"),
                some(&key.id.to_string()),
                some("till"),
                some("owner"),
                second,
                some("done"),
                some("request"),
                some("192.0.2.7"),
            ],
        ]
    );
    world.settle().await;
}

async fn a_start_that_cannot_be_paid_for_was_refused(backend: Backend) {
    let served = keyed(backend, Role::Owner).await;
    let page = served.world.planned(served.world.account).await.pages[0].id;
    credits::set_price(&served.world.app.db, PriceKind::Page, 1_000_000, None)
        .await
        .unwrap();
    let page = GlobalId::new(IdKind::Page, page).to_string();
    let input = json!({ "pageId": page, "idempotencyKey": "dear" });
    let answer = served.data(&document("generatePage"), json!({ "input": input })).await;
    assert_eq!(answer["generatePage"]["userErrors"][0]["code"], "INSUFFICIENT_CREDITS");
    let entry = newest(&served).await;
    assert_eq!(
        (&entry["result"], &entry["codes"]),
        (&json!("REFUSED"), &json!(["INSUFFICIENT_CREDITS"]))
    );
    assert_eq!(entry["subjectIds"], json!([page]), "no job came of it");
    settle(served).await;
}

async fn entries_are_completed_once_and_only_old_ones_go(backend: Backend) {
    let world = backend.world().await;
    let db = world.app.db.clone();
    for name in ["one", "two"] {
        audit::command(&db, world.account, name, async { Ok(()) })
            .await
            .unwrap();
    }
    for text in [
        "UPDATE audit_entries SET result = 'failed'",
        "UPDATE audit_entries SET mutation = 'other'",
        "DELETE FROM audit_entries",
    ] {
        let tx = db.write().await.unwrap();
        let outcome = db::execute(&tx, text, []).await;
        assert!(
            outcome.is_err_and(|cause| cause.to_string().contains("append-only")),
            "{text}"
        );
        tx.rollback().await.unwrap();
    }
    let old = "INSERT INTO audit_entries (id, account_id, at, actor, role, mutation, subjects, result, codes) \
               VALUES ($1, $2, $3, 'local', 'owner', 'old', '', 'done', '')";
    let at = db::now() - chrono::TimeDelta::days(11);
    world
        .rewrite(old, [uuid::Uuid::now_v7().into(), world.account.into(), at.into()])
        .await;
    assert_eq!(audit::forget(&db, chrono::TimeDelta::days(12)).await.unwrap(), 0);
    assert_eq!(audit::forget(&db, chrono::TimeDelta::days(10)).await.unwrap(), 1);
    let rows = db::rows(db.reader(), "SELECT mutation FROM audit_entries ORDER BY id", [])
        .await
        .unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.try_get("", "mutation").unwrap()).collect();
    assert_eq!(names, ["one", "two"]);
    world.settle().await;
}

async fn what_an_operator_does_stands_in_both_trails(backend: Backend) {
    let mut served = keyed(backend, Role::Admin).await;
    let customer = served.world.new_account("customer", 0).await;
    let id = GlobalId::new(IdKind::Account, customer).to_string();
    let input = json!({ "accountId": id, "amount": 100, "reason": "Paid", "idempotencyKey": "p1" });
    served.data(&document("grantCredits"), json!({ "input": input })).await;
    let own = newest(&served).await;
    assert_eq!(
        (&own["mutation"], &own["address"]),
        (&json!("grantCredits"), &json!("127.0.0.1"))
    );
    served.key = Some(key(&served, customer, Role::Owner).await);
    let theirs = newest(&served).await;
    assert_eq!(
        (
            &theirs["mutation"],
            &theirs["role"],
            &theirs["result"],
            &theirs["address"]
        ),
        (&json!("grantCredits"), &json!("ADMIN"), &json!("DONE"), &Value::Null)
    );
    assert_eq!(theirs["subjectIds"][0], json!(id));
    // Who is no operator writes into nobody else's trail.
    let local = GlobalId::new(IdKind::Account, served.world.account).to_string();
    let input = json!({ "accountId": local, "amount": 100, "reason": "Mine", "idempotencyKey": "p2" });
    served.ask(&document("grantCredits"), json!({ "input": input })).await;
    assert_eq!(newest(&served).await["codes"], json!(["FORBIDDEN"]));
    let count = "SELECT COUNT(*) AS n FROM audit_entries WHERE account_id = $1";
    let rows = db::rows(served.world.app.db.reader(), count, [served.world.account.into()])
        .await
        .unwrap();
    assert_eq!(rows[0].try_get::<i64>("", "n").unwrap(), 1);
    served.settle().await;
}

async fn a_change_stays_done_whatever_its_caller_reads_of_it(backend: Backend) {
    let served = keyed(backend, Role::Owner).await;
    let made = "mutation($input: CreateBlueprintInput!, $ids: [ID!]!) { createBlueprint(input: $input) { \
                blueprint { id } query { nodes(ids: $ids) { id } } } }";
    let ids = vec!["site_0"; 101];
    let input = json!({ "name": "New", "brief": brief() });
    let answer = served.ask(made, json!({ "input": input, "ids": ids })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
    let entry = newest(&served).await;
    assert_eq!(entry["result"], "DONE", "{entry}");
    served.settle().await;
}
