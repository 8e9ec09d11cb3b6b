//! Each mutation of the schema, asked once for real: what the trail says of it, and of one that was refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sitewright::auth::{self, NewKey};
use sitewright::entities::Role;
use sitewright::ids::{GlobalId, IdKind};

use super::{TRAIL, document, key, keyed, newest, settle, trail};
use crate::graphql_served::{Served, brief};
use crate::support::Backend;

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

fn kind_of(id: &Value) -> &str {
    id.as_str().unwrap().split('_').next().unwrap()
}

fn entry_id(text: &str) -> &str {
    let at = text.find("aud_").expect("there is an entry");
    &text[at..at + 36]
}

on_both!(every_mutation_of_the_schema_leaves_an_entry);
