//! Every operation of `examples/operations.graphql`, executed against a running server, and every root field
//! of the schema in at least one of them: an example that does not run, or a field without an example, fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::entities::Role;

use crate::access;
use crate::graphql_served::{self, Served};
use crate::support::Backend;

const OPERATIONS: &str = include_str!("../../examples/operations.graphql");

/// Runs operations by name and remembers which, and which root fields answered.
struct Examples {
    served: Served,
    run: BTreeSet<String>,
    fields: BTreeSet<String>,
}

impl Examples {
    /// The single root field's value of an operation that must succeed.
    async fn run(&mut self, name: &str, variables: Value) -> Value {
        let answer = self.served.data(&only(name), variables).await;
        self.remember(name, &answer)
    }

    /// A mutation's payload, in which nothing was refused.
    async fn change(&mut self, name: &str, input: Value) -> Value {
        let payload = self.run(name, json!({ "input": input })).await;
        assert_eq!(payload["userErrors"], json!([]), "{name}");
        payload
    }

    /// The events of a subscription up to the wanted one.
    async fn watch(&mut self, name: &str, variables: Value, until: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut socket = self.served.socket().await;
        socket.subscribe("1", &only(name), variables).await;
        let mut events = Vec::new();
        loop {
            let mut message = socket.receive().await;
            assert_eq!(message["type"], "next", "{name}: {message}");
            assert_eq!(message["payload"]["errors"], Value::Null, "{name}");
            let event = self.remember(name, &message["payload"]["data"].take());
            let is_last = until(&event);
            events.push(event);
            if is_last {
                return events;
            }
        }
    }

    async fn finish(&mut self, job: &Value) -> Value {
        let events = self
            .watch("JobEvents", json!({ "job": job }), |event| {
                event["__typename"] == "JobFinished"
            })
            .await;
        events.last().unwrap()["job"]["state"].clone()
    }

    fn remember(&mut self, name: &str, data: &Value) -> Value {
        let fields = data.as_object().expect("an answer has data");
        assert_eq!(fields.len(), 1, "{name}: one root field an operation");
        self.run.insert(name.to_string());
        let (field, value) = fields.iter().next().unwrap();
        self.fields.insert(field.clone());
        value.clone()
    }
}

/// The names of the operations in the file, in order.
pub fn names() -> Vec<&'static str> {
    let heads = OPERATIONS.lines().filter(|line| {
        ["query ", "mutation ", "subscription "]
            .iter()
            .any(|kind| line.starts_with(kind))
    });
    heads.map(|line| line.split([' ', '(']).nth(1).unwrap()).collect()
}

/// One operation with the fragments it needs: what a client that copies it would send.
pub fn only(name: &str) -> String {
    let parts: Vec<&str> = OPERATIONS.split("\n\n").collect();
    let head = |part: &str| {
        part.lines()
            .find(|line| !line.starts_with('#'))
            .and_then(|line| line.split([' ', '(']).nth(1))
            .map(str::to_string)
    };
    let mut wanted = vec![name.to_string()];
    let mut document = String::new();
    let mut at = 0;
    while let Some(name) = wanted.get(at).cloned() {
        let part = parts.iter().find(|part| head(part).as_deref() == Some(&name));
        let part = part.unwrap_or_else(|| panic!("examples/operations.graphql has no {name}"));
        document.push_str(part);
        document.push('\n');
        for spread in part
            .lines()
            .filter_map(|line| line.trim().strip_prefix("..."))
            .filter(|spread| !spread.starts_with(' '))
        {
            if !wanted.iter().any(|known| known == spread) {
                wanted.push(spread.to_string());
            }
        }
        at += 1;
    }
    document
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_documented_operation_runs_and_every_root_field_is_documented() {
    let mut served = graphql_served::keyed(Backend::Sqlite).await;
    served.key = Some(access::key(&served, served.world.account, Role::Admin).await);
    let mut examples = Examples {
        served,
        run: BTreeSet::new(),
        fields: BTreeSet::new(),
    };
    let viewer = examples.run("Viewer", json!({})).await;
    let account_cursor = &viewer["account"]["eventCursor"];
    let site = sites(&mut examples).await;
    let jobs = jobs(&mut examples, &site).await;
    watching(&mut examples, &site, account_cursor).await;
    keys_and_nodes(&mut examples, &site, &jobs).await;
    operating(&mut examples).await;
    let prompts = examples.run("Prompts", json!({})).await;
    let own = json!({
        "function": "page",
        "system": prompts[1]["system"],
        "user": "Write {{sections}} of {{page}} for {{brief}}.",
        "expectedVersion": 0,
    });
    let saved = examples.change("SavePromptTemplate", own).await;
    assert_eq!(saved["promptTemplate"]["version"], 1);
    let gone = examples.change("DeleteBlueprint", json!({ "id": site })).await;
    assert_eq!(gone["deletedBlueprintId"], site);
    check_all_ran(&examples).await;
    examples.served.settle().await;
}

async fn sites(examples: &mut Examples) -> Value {
    let metadata = examples.run("BuilderMetadata", json!({})).await;
    let bakery = metadata["businessTypes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|option| option["name"] == "Bakery");
    let mut brief = graphql_served::brief();
    brief["businessTypeId"] = bakery.expect("bakeries are offered")["id"].clone();
    brief["audienceProfileIds"] = json!([metadata["audienceProfiles"][0]["id"]]);
    let made = examples
        .change("CreateBlueprint", json!({ "name": "Rye & Shine", "brief": brief }))
        .await;
    let site = made["blueprint"]["id"].clone();
    let version = made["blueprint"]["version"].clone();
    examples
        .change(
            "UpdateBlueprint",
            json!({ "id": site, "description": "For the spring", "expectedVersion": version }),
        )
        .await;
    let found = examples.run("Blueprints", json!({ "search": "RYE" })).await;
    assert_eq!(found["edges"][0]["node"]["id"], site);
    site
}

/// Plans and writes; gives the ids of the jobs.
async fn jobs(examples: &mut Examples, site: &Value) -> Vec<Value> {
    let quote = examples
        .run(
            "Quote",
            json!({ "input": { "site": { "blueprintId": site, "maxPages": 3 } } }),
        )
        .await;
    assert_eq!((&quote["total"], &quote["covered"]), (&json!(110), &json!(true)));
    let plan = examples
        .change(
            "GenerateStructure",
            json!({ "blueprintId": site, "idempotencyKey": "plan" }),
        )
        .await;
    assert_eq!(examples.finish(&plan["job"]["id"]).await, "SUCCEEDED");
    let planned = examples.run("Blueprint", json!({ "id": site })).await;
    let pages: Vec<Value> = planned["pages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|page| page["id"].clone())
        .collect();
    let one = examples
        .change("GeneratePage", json!({ "pageId": pages[0], "idempotencyKey": "one" }))
        .await;
    assert_eq!(examples.finish(&one["job"]["id"]).await, "SUCCEEDED");
    assert_eq!(examples.run("Page", json!({ "id": pages[0] })).await["status"], "READY");
    let quality = examples.run("Quality", json!({ "id": site })).await;
    assert!(quality["quality"]["score"].as_i64() > Some(0), "{quality}");
    let two = examples
        .change(
            "GeneratePages",
            json!({ "pageIds": [pages[1], pages[2]], "idempotencyKey": "two" }),
        )
        .await;
    for job in two["jobs"].as_array().unwrap() {
        assert_eq!(examples.finish(&job["id"]).await, "SUCCEEDED");
    }
    // A plan that never ends, so that there is something to cancel.
    examples
        .served
        .world
        .script
        .once(When::structure(), Behaviour::Stall { after: 10 });
    let whole = examples
        .change(
            "GenerateSite",
            json!({ "blueprintId": site, "idempotencyKey": "whole", "maxPages": 2 }),
        )
        .await;
    let whole = whole["job"]["id"].clone();
    examples.change("CancelJob", json!({ "jobId": whole })).await;
    assert_eq!(examples.finish(&whole).await, "CANCELLED");
    assert_eq!(examples.run("Job", json!({ "id": whole })).await["charged"], 0);
    let ended = examples
        .run("Jobs", json!({ "filter": { "states": ["SUCCEEDED"] } }))
        .await;
    assert_eq!(ended["edges"].as_array().unwrap().len(), 4);
    vec![plan["job"]["id"].clone(), whole]
}

async fn watching(examples: &mut Examples, site: &Value, account_cursor: &Value) {
    let is_snapshot = |event: &Value| event["__typename"] == "BlueprintSnapshot";
    examples
        .watch("BlueprintEvents", json!({ "blueprint": site }), is_snapshot)
        .await;
    let is_moved = |event: &Value| event["__typename"] == "CreditsMoved";
    examples
        .watch("AccountEvents", json!({ "after": account_cursor }), is_moved)
        .await;
}

async fn keys_and_nodes(examples: &mut Examples, site: &Value, jobs: &[Value]) {
    let made = examples
        .change("CreateApiKey", json!({ "name": "The shop's website" }))
        .await;
    assert!(made["secret"].as_str().unwrap().starts_with("sw_"));
    examples
        .change("RevokeApiKey", json!({ "id": made["apiKey"]["id"] }))
        .await;
    let token = examples
        .change("CreateWatchToken", json!({ "blueprintId": site }))
        .await;
    assert!(token["token"].as_str().unwrap().starts_with("sw_watch_"));
    assert_eq!(
        examples.run("Node", json!({ "id": site })).await["__typename"],
        "SiteBlueprint"
    );
    let several = examples
        .run("Nodes", json!({ "ids": [site, jobs[0], "nothing"] }))
        .await;
    assert_eq!(
        (&several[1]["__typename"], &several[2]),
        (&json!("GenerationJob"), &Value::Null)
    );
}

async fn operating(examples: &mut Examples) {
    let status = examples.run("SystemStatus", json!({})).await;
    assert_eq!(status["health"], "OK", "{status:#}");
    let trail = examples
        .run("AuditTrail", json!({ "filter": { "mutations": ["revokeApiKey"] } }))
        .await;
    assert_eq!(trail["account"]["auditEntries"]["edges"][0]["node"]["result"], "DONE");
    let found = examples.run("Accounts", json!({ "search": "LOC" })).await;
    let account = found["edges"][0]["node"].clone();
    let same = examples.run("Account", json!({ "id": account["id"] })).await;
    assert_eq!(same["credits"], account["credits"]);
    let grant =
        json!({ "accountId": account["id"], "amount": 1000, "reason": "Invoice 17", "idempotencyKey": "invoice-17" });
    let granted = examples.change("GrantCredits", grant).await;
    assert_eq!(granted["entry"]["balanceDelta"], 1000);
    let price = examples
        .change("SavePrice", json!({ "kind": "PAGE", "amount": 25 }))
        .await;
    assert_eq!(price["price"]["validTo"], Value::Null);
    let option = json!({ "kind": "BUSINESS_TYPE", "name": "Cheese shop", "description": "Sells cheese." });
    let made = examples.change("SaveBuilderOption", option).await;
    assert_eq!(made["builderOption"]["isActive"], true);
}

async fn check_all_ran(examples: &Examples) {
    let never: Vec<&str> = names()
        .into_iter()
        .filter(|name| !examples.run.contains(*name))
        .collect();
    assert!(
        never.is_empty(),
        "in the file, but not executed by this test: {never:?}"
    );
    let roots = "{ __schema { queryType { fields { name } } mutationType { fields { name } } subscriptionType { fields { name } } } }";
    let schema = examples.served.data(roots, json!({})).await;
    let mut missing = Vec::new();
    for root in ["queryType", "mutationType", "subscriptionType"] {
        for field in schema["__schema"][root]["fields"].as_array().unwrap() {
            let name = field["name"].as_str().unwrap();
            if !examples.fields.contains(name) {
                missing.push(name.to_string());
            }
        }
    }
    assert!(
        missing.is_empty(),
        "root fields without an operation in examples/operations.graphql: {missing:?}"
    );
}

#[test]
fn the_whole_file_is_one_valid_document() {
    // What a person pastes into GraphiQL: no name twice, no part without a use.
    let names = names();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(unique.len(), names.len(), "a name is used twice");
    let all: String = names.iter().map(|name| only(name)).collect();
    let fragments = OPERATIONS.lines().filter_map(|line| line.strip_prefix("fragment "));
    for fragment in fragments.map(|line| line.split(' ').next().unwrap()) {
        assert!(
            all.contains(&format!("fragment {fragment} ")),
            "the fragment {fragment} is not used"
        );
    }
}
