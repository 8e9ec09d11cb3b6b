//! Two accounts, four roles and a stranger drive every operation of `examples/operations.graphql` against the real
//! program: what each may is what docs/access.md says, and nothing of the one account is in anything that the other, a
//! stranger or the log gets to see.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sitewright::auth::{self, NewKey};
use sitewright::entities::Role;
use sitewright::ids::{GlobalId, IdKind};
use uuid::Uuid;

use super::provider::{AUDIENCE, ISSUER, Provider, SECRET, Signed, claims};
use crate::operations::{names, only};
use crate::support::process::Server;
use crate::support::{Backend, PATIENCE, World};

/// It stands in everything that the first account wrote, and nowhere else.
const CANARY: &str = "Quillon Marmalade 7431";
const DOCUMENT: &str = include_str!("../../../docs/access.md");
const ROLES: [Role; 4] = [Role::Viewer, Role::Editor, Role::Owner, Role::Admin];

/// Operations without an id of somebody: everybody is answered about their own account.
const OWN: &[&str] = &[
    "Viewer",
    "BuilderMetadata",
    "CreateBlueprint",
    "Blueprints",
    "Jobs",
    "AccountEvents",
    "CreateApiKey",
    "Accounts",
    "AuditTrail",
    "Prompts",
    "SavePromptTemplate",
];

/// Operations of the operator, who may use them on every account.
const OPERATOR: &[&str] = &[
    "Account",
    "GrantCredits",
    "SaveBuilderOption",
    "SavePrice",
    "SystemStatus",
];

struct Tenant {
    account: Uuid,
    keys: Vec<String>,
}

/// The first account's things, made anew for each caller where an operation uses them up.
struct Things {
    site: String,
    page: String,
    job: String,
    account: String,
    cursor: Value,
}

fn id(kind: IdKind, uuid: Uuid) -> String {
    GlobalId::new(kind, uuid).to_string()
}

async fn tenant(world: &World, name: &str, mark: &str) -> Tenant {
    let account = world.new_account(name, 100_000).await;
    let mut keys = Vec::new();
    for role in ROLES {
        keys.push(new_key(world, account, role, mark).await.1);
    }
    Tenant { account, keys }
}

async fn new_key(world: &World, account: Uuid, role: Role, mark: &str) -> (String, String) {
    let new = NewKey {
        name: format!("{mark} {}", role.as_str()),
        role,
        expires_at: None,
    };
    let (row, secret) = auth::create(&world.app.db, account, new).await.unwrap();
    (id(IdKind::ApiKey, row.id), secret)
}

/// A planned site of which one page is written, with the canary in every text.
async fn written(world: &World, account: Uuid) -> Things {
    let site = world.planned(account).await;
    let job = world.start_page(account, site.pages[0].id).await;
    world.finished(job).await;
    let marked = |table: &str, column: &str| format!("UPDATE {table} SET {column} = '{CANARY}'");
    for (table, column) in [("pages", "title"), ("pages", "seo_title"), ("blocks", "goal")] {
        world.rewrite(&marked(table, column), []).await;
    }
    world
        .rewrite("UPDATE blueprints SET name = $1, description = $1", [CANARY.into()])
        .await;
    let brief = json!({ "businessName": CANARY, "summary": CANARY, "facts": [CANARY], "language": "en" });
    world.rewrite("UPDATE blueprints SET brief = $1", [brief.into()]).await;
    let account = world.account(account).await;
    Things {
        site: id(IdKind::Blueprint, site.blueprint.id),
        page: id(IdKind::Page, site.pages[0].id),
        job: id(IdKind::Job, job),
        account: id(IdKind::Account, account.id),
        cursor: json!(null),
    }
}

impl Things {
    async fn variables(&self, world: &World, operation: &str) -> Value {
        let owner = GlobalId::parse(&self.account).unwrap().uuid;
        let draft = async || id(IdKind::Blueprint, world.blueprint(owner).await);
        let key = Uuid::now_v7().to_string();
        match operation {
            "CreateBlueprint" => json!({ "input": { "name": "x", "brief": { "businessName": "x", "summary": "x" } } }),
            "UpdateBlueprint" => json!({ "input": { "id": self.site, "description": CANARY } }),
            "DeleteBlueprint" => json!({ "input": { "id": draft().await } }),
            "Blueprint" | "Node" => json!({ "id": self.site }),
            "Nodes" => json!({ "ids": [self.site, self.job] }),
            "Page" => json!({ "id": self.page }),
            "Job" => json!({ "id": self.job }),
            "Account" => json!({ "id": self.account }),
            "Quote" => json!({ "input": { "site": { "blueprintId": self.site } } }),
            "GenerateSite" => {
                json!({ "input": { "blueprintId": draft().await, "idempotencyKey": key, "maxPages": 1 } })
            }
            "GenerateStructure" => json!({ "input": { "blueprintId": draft().await, "idempotencyKey": key } }),
            "GeneratePage" => json!({ "input": { "pageId": self.page, "idempotencyKey": key } }),
            "GeneratePages" => json!({ "input": { "pageIds": [self.page], "idempotencyKey": key } }),
            "CancelJob" => json!({ "input": { "jobId": self.job } }),
            "JobEvents" => json!({ "job": self.job }),
            "BlueprintEvents" => json!({ "blueprint": self.site }),
            "AccountEvents" => json!({ "after": self.cursor }),
            "CreateApiKey" => json!({ "input": { "name": "x", "role": "VIEWER" } }),
            "RevokeApiKey" => json!({ "input": { "id": new_key(world, owner, Role::Viewer, CANARY).await.0 } }),
            "CreateWatchToken" => json!({ "input": { "blueprintId": self.site } }),
            "Quality" => json!({ "id": self.site }),
            "GrantCredits" => {
                json!({ "input": { "accountId": self.account, "amount": 1, "reason": "x", "idempotencyKey": key } })
            }
            "SavePrice" => json!({ "input": { "kind": "PAGE", "amount": 20 } }),
            "SaveBuilderOption" => {
                json!({ "input": { "kind": "BUSINESS_TYPE", "name": key, "description": "x" } })
            }
            "SavePromptTemplate" => json!({ "input": { "function": "page", "restoreVersion": 0 } }),
            "AuditTrail" | "Prompts" | "SystemStatus" => json!({}),
            "Viewer" | "BuilderMetadata" | "Blueprints" | "Jobs" | "Accounts" => json!({}),
            other => panic!("{other} has no variables in tests/it/access/matrix.rs"),
        }
    }
}

/// Sends an operation; of a subscription the first event is enough. The second value is all that was said.
async fn drive(server: &Server, credential: Option<&str>, operation: &str, variables: Value) -> (String, String) {
    let body = json!({ "query": only(operation), "variables": variables });
    let mut request = reqwest::Client::new()
        .post(format!("http://{}/graphql", server.address))
        .json(&body);
    let is_stream = body["query"].as_str().unwrap().contains("subscription ");
    request = request.header(
        "accept",
        if is_stream {
            "text/event-stream"
        } else {
            "application/json"
        },
    );
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    let mut response = request.send().await.unwrap();
    let mut said = String::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            said.push_str(std::str::from_utf8(&chunk).unwrap());
            if is_stream && said.contains("\ndata: {") && said.ends_with("\n\n") {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer");
    let json = said
        .lines()
        .find_map(|line| line.strip_prefix("data: {").map(|rest| format!("{{{rest}")));
    let answer: Value = serde_json::from_str(json.as_deref().unwrap_or(&said)).unwrap_or_else(|_| panic!("{said}"));
    (outcome(&answer), said)
}

/// One word for an answer.
fn outcome(answer: &Value) -> String {
    if let Some(code) = answer["errors"][0]["extensions"]["code"].as_str() {
        return code.to_string();
    }
    let root = answer["data"].as_object().unwrap().values().next().unwrap();
    let is_missing = |error: &Value| error["code"] == "NOT_FOUND";
    let missing = root["userErrors"]
        .as_array()
        .is_some_and(|errors| errors.iter().any(is_missing));
    match root {
        Value::Null => "NOT_FOUND".to_string(),
        Value::Array(all) if all.iter().all(Value::is_null) => "NOT_FOUND".to_string(),
        _ if missing => "NOT_FOUND".to_string(),
        _ => "yes".to_string(),
    }
}

/// Until no job is at work: the next caller is to find the page as the one before did.
async fn quiet(world: &World) {
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
    use sitewright::entities::job;
    let open = async || {
        let jobs = job::Entity::find().filter(job::Column::FinishedAt.is_null());
        jobs.one(world.app.db.reader()).await.unwrap().is_some()
    };
    let wait = async {
        while open().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("jobs end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_what_the_documentation_says_and_nothing_leaks() {
    let mut world = Backend::Sqlite.world().await;
    let (acme, bolt) = (
        tenant(&world, "Acme", CANARY).await,
        tenant(&world, "Bolt", "key").await,
    );
    let mut things = written(&world, acme.account).await;
    world.stop_loops().await;
    let environment = [
        ("SITEWRIGHT_AUTH__MODE", "keys"),
        ("SITEWRIGHT_AUTH__JWT_ISSUER", ISSUER),
        ("SITEWRIGHT_AUTH__JWT_AUDIENCE", AUDIENCE),
        ("SITEWRIGHT_AUTH__JWT_SECRET", SECRET),
    ];
    let server = Server::start(&world, &environment).await;
    let viewer = drive(&server, Some(&acme.keys[2]), "Viewer", json!({})).await.1;
    let viewer: Value = serde_json::from_str(&viewer).unwrap();
    things.cursor = viewer["data"]["viewer"]["account"]["eventCursor"].clone();
    let mut rows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut heard = String::new();
    for (at, operation) in names().into_iter().enumerate() {
        for key in &acme.keys {
            let variables = things.variables(&world, operation).await;
            rows.entry(at)
                .or_default()
                .push(drive(&server, Some(key), operation, variables).await.0);
            quiet(&world).await;
        }
        let (row, mut others) = (rows.get_mut(&at).unwrap(), Vec::new());
        for credential in bolt.keys.iter().map(|key| Some(key.as_str())).chain([None]) {
            let variables = things.variables(&world, operation).await;
            let (outcome, said) = drive(&server, credential, operation, variables).await;
            heard.push_str(&said);
            others.push(outcome);
        }
        // Another account gets what the role does not forbid, as if there were nothing.
        for (role, outcome) in others[..4].iter().enumerate() {
            let expected = match row[role].as_str() {
                "yes" if OWN.contains(&operation) => "yes",
                "yes" if OPERATOR.contains(&operation) => "yes",
                "yes" => "NOT_FOUND",
                refused => refused,
            };
            assert_eq!(outcome, expected, "{operation} of another account as {:?}", ROLES[role]);
        }
        let other = if others[2] == "yes" { "its own" } else { &others[2] };
        row.push(other.to_string());
        row.push(others[4].clone());
    }
    let table = table(&rows);
    println!("{table}");
    check_document(&table);
    if let Some(at) = heard.find(CANARY) {
        let from = (0..=at.saturating_sub(300))
            .rev()
            .find(|at| heard.is_char_boundary(*at));
        panic!(
            "the canary was heard outside its account: {}",
            &heard[from.unwrap_or(0)..at]
        );
    }
    let mut secrets = bad_credentials(&server, &things).await;
    secrets.extend(acme.keys.iter().chain(&bolt.keys).cloned());
    let log = server.process.log();
    assert!(log.contains("a credential was refused"), "{log}");
    assert!(!log.contains(CANARY), "the canary is in the log");
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "a credential is in the log: {secret}");
    }
    server.stop().await;
    world.settle().await;
}

/// Shows credentials that are refused, in every place where one can be shown; gives their texts.
async fn bad_credentials(server: &Server, things: &Things) -> Vec<String> {
    let people = Provider::new();
    let header = json!({ "alg": "HS256" });
    let bad = vec![
        "sw_live_nothing".to_string(),
        format!("sw_live_{}", "a".repeat(43)),
        format!("sw_watch_{}", "b".repeat(43)),
        people.token(header.clone(), &claims("eve", "owner"), Signed::Hmac(SECRET.as_bytes())),
        people.token(header, &claims("ada", "owner"), Signed::Hmac(b"guessed")),
    ];
    let http = reqwest::Client::new();
    for secret in &bad {
        let graphql = format!("http://{}/graphql?query={{__typename}}", server.address);
        let page = format!("http://{}/preview/{}", server.address, things.site);
        for request in [
            http.get(&graphql).bearer_auth(secret),
            http.get(format!("{graphql}&watch={secret}")),
            http.get(&page).bearer_auth(secret),
            http.get(format!("{page}?watch={secret}")),
        ] {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401);
            assert!(!answer.text().await.unwrap().contains(secret.as_str()));
        }
    }
    bad
}

/// The documentation holds the table; with UPDATE_DOCS in the environment it is written there.
fn check_document(table: &str) {
    let (begin, end) = ("<!-- matrix -->\n", "<!-- end -->");
    let (before, rest) = DOCUMENT.split_once(begin).expect("a place for the table");
    let (held, after) = rest.split_once(end).expect("the end of the table");
    if held != table && std::env::var_os("UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md");
        std::fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(held, table, "the table in docs/access.md; UPDATE_DOCS=1 writes it anew");
}

fn table(rows: &BTreeMap<usize, Vec<String>>) -> String {
    let mut table = String::from("| operation | VIEWER | EDITOR | OWNER | ADMIN | another account | a stranger |\n");
    table.push_str("|---|---|---|---|---|---|---|\n");
    for (operation, row) in names().iter().zip(rows.values()) {
        table.push_str(&format!("| {operation} | {} |\n", row.join(" | ")));
    }
    table
}
