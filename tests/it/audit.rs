//! The audit trail: every mutation leaves its entry, whoever calls it and whatever comes of it, and entries stay.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sitewright::auth::{self, NewKey};
use sitewright::config::AuthMode;
use sitewright::entities::Role;
use sitewright::ids::{GlobalId, IdKind};
use sitewright::{audit, db};

use crate::graphql_served::{Served, brief, serve};
use crate::support::{Backend, PATIENCE};

on_both!(
    every_mutation_of_the_schema_leaves_an_entry,
    an_entry_commits_with_the_change_or_not_at_all,
    entries_are_completed_once_and_only_old_ones_go,
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

/// The fields of the mutation root.
fn mutations() -> BTreeSet<String> {
    let sdl = sitewright::graphql::sdl();
    let (_, rest) = sdl.split_once("\ntype Mutation {").expect("there are mutations");
    let (body, _) = rest.split_once("\n}").unwrap();
    let fields = body
        .lines()
        .filter(|line| line.starts_with("  ") && line[2..].starts_with(char::is_lowercase));
    fields
        .filter_map(|line| Some(line.trim().split_once('(')?.0.to_string()))
        .collect()
}

/// What the calls of the test need.
struct Fixture {
    account: Value,
    site: Value,
    /// A site without a plan.
    new: Value,
    page: Value,
    job: Value,
    key: Value,
}

/// An input that each mutation takes, and what comes of it: the result and the kinds of what it touched.
fn inputs(fixture: &Fixture) -> BTreeMap<&'static str, (Value, &'static str, &'static [&'static str])> {
    let Fixture {
        account,
        site,
        new,
        page,
        job,
        key,
    } = fixture;
    let start = |field: &str, id: &Value, number: &str| json!({ field: id, "idempotencyKey": number });
    BTreeMap::from([
        (
            "createBlueprint",
            (json!({ "name": "New", "brief": brief() }), "DONE", &["site"][..]),
        ),
        (
            "updateBlueprint",
            (json!({ "id": site, "name": "Other" }), "DONE", &["site"]),
        ),
        ("deleteBlueprint", (json!({ "id": "site_0" }), "REFUSED", &[])),
        (
            "generateStructure",
            (start("blueprintId", new, "a"), "DONE", &["site", "job"]),
        ),
        ("generatePage", (start("pageId", page, "b"), "DONE", &["page", "job"])),
        (
            "generatePages",
            (json!({ "pageIds": [], "idempotencyKey": "c" }), "REFUSED", &[]),
        ),
        ("generateSite", (start("blueprintId", site, ""), "REFUSED", &["site"])),
        ("createWatchToken", (json!({ "jobId": job }), "DONE", &["job"])),
        (
            "savePromptTemplate",
            (
                json!({ "function": "page", "system": "Write.", "user": "Write {{sections}} of {{page}} for {{brief}}." }),
                "DONE",
                &["prm"],
            ),
        ),
        ("cancelJob", (json!({ "jobId": job }), "DONE", &["job"])),
        ("createApiKey", (json!({ "name": "A robot" }), "DONE", &["key"])),
        ("revokeApiKey", (json!({ "id": key }), "DONE", &["key"])),
        (
            "grantCredits",
            (
                json!({ "accountId": account, "amount": 5, "reason": "Sorry", "idempotencyKey": "e" }),
                "DONE",
                &["acc", "ent"],
            ),
        ),
        ("savePrice", (json!({ "kind": "BLOCK", "amount": 6 }), "DONE", &["prc"])),
        (
            "saveBuilderOption",
            (
                json!({ "kind": "BUSINESS_TYPE", "name": "Zoo", "description": "Animals." }),
                "DONE",
                &["opt"],
            ),
        ),
    ])
}

async fn fixture(served: &Served) -> Fixture {
    let site = served.world.planned(served.world.account).await;
    let id = |kind, uuid| json!(GlobalId::new(kind, uuid).to_string());
    let spare = NewKey {
        name: "spare".to_string(),
        role: Role::Viewer,
        expires_at: None,
    };
    let key = auth::create(&served.world.app.db, served.world.account, spare)
        .await
        .unwrap()
        .0;
    let job = served.world.start_page(served.world.account, site.pages[1].id).await;
    served.world.finished(job).await;
    Fixture {
        account: id(IdKind::Account, served.world.account),
        site: id(IdKind::Blueprint, site.blueprint.id),
        new: id(IdKind::Blueprint, served.world.blueprint(served.world.account).await),
        page: id(IdKind::Page, site.pages[0].id),
        job: id(IdKind::Job, job),
        key: id(IdKind::ApiKey, key.id),
    }
}

fn document(name: &str) -> String {
    let input = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    format!("mutation($input: {input}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}")
}

async fn every_mutation_of_the_schema_leaves_an_entry(backend: Backend) {
    let mut served = keyed(backend, Role::Admin).await;
    let fixture = fixture(&served).await;
    let admin = served.key.clone().unwrap();
    let viewer = key(&served, served.world.account, Role::Viewer).await;
    let inputs = inputs(&fixture);
    for name in mutations() {
        let input = inputs.get(name.as_str());
        let (input, result, kinds) = input.unwrap_or_else(|| panic!("give {name} an input in tests/it/audit.rs"));
        served.key = Some(admin.clone());
        let answer = served.ask(&document(&name), json!({ "input": input })).await;
        let codes = answer["data"][&name]["userErrors"].as_array().cloned();
        let codes = codes.unwrap_or_else(|| panic!("{name}: {answer}"));
        let codes: Vec<&Value> = codes.iter().map(|error| &error["code"]).collect();
        let entry = newest(&served).await;
        assert_eq!(
            (&entry["mutation"], &entry["result"]),
            (&json!(name), &json!(result)),
            "{answer}"
        );
        assert_eq!(entry["codes"], json!(codes), "{name}");
        let touched: BTreeSet<&str> = entry["subjectIds"].as_array().unwrap().iter().map(kind_of).collect();
        assert_eq!(touched, kinds.iter().copied().collect(), "{name}: {entry}");
        assert_eq!(
            (
                &entry["actorKind"],
                &entry["actorName"],
                &entry["role"],
                &entry["address"]
            ),
            (
                &json!("KEY"),
                &json!("the admin's key"),
                &json!("ADMIN"),
                &json!("127.0.0.1")
            ),
        );
        assert!(entry["actorId"].as_str().unwrap().starts_with("key_") && entry["requestId"].is_string());
        // Who may not is noted as well; a viewer may hand on what it sees.
        if name == "createWatchToken" {
            continue;
        }
        served.key = Some(viewer.clone());
        let answer = served.ask(&document(&name), json!({ "input": input })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{name}");
        served.key = Some(admin.clone());
        let entry = newest(&served).await;
        assert_eq!(
            (&entry["mutation"], &entry["result"], &entry["codes"], &entry["role"]),
            (&json!(name), &json!("FAILED"), &json!(["FORBIDDEN"]), &json!("VIEWER")),
        );
        assert_eq!(entry["requestId"], answer["errors"][0]["extensions"]["requestId"]);
    }
    let all = trail(&served, json!({ "first": 100 })).await;
    let all = all["edges"].as_array().unwrap().clone();
    assert_eq!(all.len(), mutations().len() * 2 - 1, "one entry a field");
    // Pages of the list, and the filters.
    let filter = json!({ "mutations": ["createBlueprint"], "results": ["DONE"] });
    let some = trail(&served, json!({ "filter": filter })).await;
    assert_eq!(some["edges"].as_array().unwrap().len(), 1);
    let (mut paged, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = trail(&served, json!({ "first": 7, "after": after })).await;
        paged.extend(page["edges"].as_array().unwrap().clone());
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(paged, all);
    let since = all[4]["node"]["at"].clone();
    let late = trail(&served, json!({ "first": 100, "filter": { "since": since } })).await;
    let early = trail(&served, json!({ "first": 100, "filter": { "until": since } })).await;
    let count = |list: &Value| list["edges"].as_array().unwrap().len();
    assert_eq!((count(&late), count(&early)), (5, all.len() - 5));
    // Nothing of the inputs, and no secret.
    let text = Value::from(all).to_string();
    for canary in ["Sorry", "A robot", "Animals", "Zoo", "Rye", "bakery", "sw_live_"] {
        assert!(!text.contains(canary), "{canary}");
    }
    // Nobody below the owner reads it, by whatever path.
    served.key = Some(viewer);
    let answer = served.ask(TRAIL, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let node = "query($id: ID!) { node(id: $id) { id } }";
    let id = json!({ "id": entry_id(&text) });
    assert_eq!(served.data(node, id.clone()).await["node"], Value::Null);
    served.key = Some(admin);
    assert_eq!(served.data(node, id.clone()).await["node"]["id"], id["id"]);
    let stranger = served.world.new_account("stranger", 0).await;
    served.key = Some(key(&served, stranger, Role::Owner).await);
    assert_eq!(served.data(node, id).await["node"], Value::Null);
    settle(served).await;
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

fn kind_of(id: &Value) -> &str {
    id.as_str().unwrap().split('_').next().unwrap()
}

fn entry_id(text: &str) -> &str {
    let at = text.find("aud_").expect("there is an entry");
    &text[at..at + 36]
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
