//! Every place of the schema that takes an id, asked as the wrong tenant, as every role, and as a stranger.
//!
//! A foreign id is answered exactly like a missing one. A place without an entry here fails the test, and so does an
//! entry with which the owner would not find anything.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use sitewright::auth;
use sitewright::entities::{Role, api_key, credit_entry, job};
use sitewright::ids::{GlobalId, IdKind};
use uuid::Uuid;

use super::shape::Shape;
use super::{ask, key, socket};
use crate::graphql_served::{Served, keyed};
use crate::support::Backend;

/// A place that takes an id, what the id may name, and an operation that asks with it.
struct Entry(&'static str, &'static [IdKind], &'static str);

use IdKind::{Account, ApiKey, AuditEntry, Block, Blueprint, CreditEntry, Credits, Job, Page, Prompt, PromptVersion};

/// Kinds that `node` answers for, each of which the tenants have.
const NODES: &[IdKind] = &[
    Account,
    ApiKey,
    AuditEntry,
    Block,
    Blueprint,
    CreditEntry,
    Credits,
    Job,
    Page,
    Prompt,
    PromptVersion,
];

#[rustfmt::skip]
const ENTRIES: &[Entry] = &[
    Entry("Account.creditEntries filter.jobId", &[Job],
        "query($id: ID!) { viewer { account { creditEntries(filter: { jobId: $id }) { edges { node { id job { id } } } pageInfo { hasNextPage } } } } }"),
    Entry("Mutation.cancelJob input.jobId", &[Job],
        "mutation($id: ID!) { cancelJob(input: { jobId: $id }) { job { id state } userErrors { code message path } } }"),
    Entry("Mutation.createWatchToken input.blueprintId", &[Blueprint],
        "mutation($id: ID!) { createWatchToken(input: { blueprintId: $id }) { token userErrors { code message path } } }"),
    Entry("Mutation.createWatchToken input.jobId", &[Job],
        "mutation($id: ID!) { createWatchToken(input: { jobId: $id }) { token userErrors { code message path } } }"),
    Entry("Mutation.generatePage input.pageId", &[Page],
        "mutation($id: ID!, $key: String!) { generatePage(input: { pageId: $id, idempotencyKey: $key }) { job { id } replayed userErrors { code message path } } }"),
    Entry("Mutation.generatePages input.pageIds", &[Page],
        "mutation($id: ID!, $key: String!) { generatePages(input: { pageIds: [$id], idempotencyKey: $key }) { jobs { id } replayed userErrors { code message path } } }"),
    Entry("Mutation.generateSite input.blueprintId", &[Blueprint],
        "mutation($id: ID!, $key: String!) { generateSite(input: { blueprintId: $id, idempotencyKey: $key }) { job { id } replayed userErrors { code message path } } }"),
    Entry("Mutation.generateStructure input.blueprintId", &[Blueprint],
        "mutation($id: ID!, $key: String!) { generateStructure(input: { blueprintId: $id, idempotencyKey: $key }) { job { id } replayed userErrors { code message path } } }"),
    Entry("Mutation.grantCredits input.accountId", &[Account],
        "mutation($id: ID!, $key: String!) { grantCredits(input: { accountId: $id, amount: 1, reason: \"x\", idempotencyKey: $key }) { credits { id } userErrors { code message path } } }"),
    Entry("Mutation.revokeApiKey input.id", &[ApiKey],
        "mutation($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } userErrors { code message path } } }"),
    Entry("Mutation.updateBlueprint input.id", &[Blueprint],
        "mutation($id: ID!) { updateBlueprint(input: { id: $id, description: \"x\" }) { blueprint { id } userErrors { code message path } } }"),
    Entry("Query.account id", &[Account], "query($id: ID!) { account(id: $id) { id name } }"),
    Entry("Query.blueprint id", &[Blueprint], "query($id: ID!) { blueprint(id: $id) { id name } }"),
    Entry("Query.job id", &[Job], "query($id: ID!) { job(id: $id) { id state } }"),
    Entry("Query.jobs filter.blueprintId", &[Blueprint],
        "query($id: ID!) { jobs(filter: { blueprintId: $id }) { edges { node { id } } pageInfo { hasNextPage } } }"),
    Entry("Query.node id", NODES, "query($id: ID!) { node(id: $id) { __typename id } }"),
    Entry("Query.nodes ids", NODES, "query($id: ID!) { nodes(ids: [$id]) { __typename id } }"),
    Entry("Query.page id", &[Page], "query($id: ID!) { page(id: $id) { id title } }"),
    Entry("Query.quote input.page.pageId", &[Page], "query($id: ID!) { quote(input: { page: { pageId: $id } }) { total } }"),
    Entry("Query.quote input.pages.pageIds", &[Page], "query($id: ID!) { quote(input: { pages: { pageIds: [$id] } }) { total } }"),
    Entry("Query.quote input.site.blueprintId", &[Blueprint], "query($id: ID!) { quote(input: { site: { blueprintId: $id } }) { total } }"),
    Entry("Query.quote input.structure.blueprintId", &[Blueprint], "query($id: ID!) { quote(input: { structure: { blueprintId: $id } }) { total } }"),
    Entry("SiteBlueprint.jobs filter.blueprintId", &[Blueprint],
        "query($id: ID!) { blueprints { edges { node { jobs(filter: { blueprintId: $id }) { edges { node { id } } } } } } }"),
    Entry("Subscription.blueprintEvents blueprintId", &[Blueprint], "subscription($id: ID!) { blueprintEvents(blueprintId: $id) { __typename } }"),
    Entry("Subscription.jobEvents jobId", &[Job], "subscription($id: ID!) { jobEvents(jobId: $id) { __typename } }"),
    // Last, because it is gone afterwards.
    Entry("Mutation.deleteBlueprint input.id", &[Blueprint],
        "mutation($id: ID!) { deleteBlueprint(input: { id: $id }) { deletedBlueprintId userErrors { code message path } } }"),
];

/// Kinds of things that belong to everybody, or that `node` does not answer for.
const NO_NODES: &[IdKind] = &[IdKind::BuilderOption, IdKind::Price, IdKind::Revision];

/// Ids of options, which belong to everybody: no account has a foreign one.
const SHARED: &[&str] = &[
    "Mutation.saveBuilderOption input.id",
    "brief.audienceProfileIds",
    "brief.brandPersonalityIds",
    "brief.businessTypeId",
    "brief.heroImageryDirectionId",
];

const ROLES: [Role; 4] = [Role::Viewer, Role::Editor, Role::Owner, Role::Admin];

/// An account with a site and one of each thing that has an id, and a key of each role.
struct Tenant {
    ids: Vec<(IdKind, Uuid)>,
    keys: [String; 4],
    page: String,
}

impl Tenant {
    async fn new(served: &Served, name: &str) -> Tenant {
        let (world, db) = (&served.world, &served.world.app.db);
        let account = world.new_account(name, 10_000).await;
        let site = world.planned(account).await;
        let job = world.start_page(account, site.pages[0].id).await;
        world.finished(job).await;
        let entry = credit_entry::Entity::find().filter(credit_entry::Column::AccountId.eq(account));
        let spare = key(served, account, Role::Viewer).await;
        let spare = api_key::Entity::find().filter(api_key::Column::Prefix.eq(&spare[..14]));
        let keys: [String; 4] = {
            let made = futures::future::join_all(ROLES.map(|role| key(served, account, role))).await;
            made.try_into().unwrap()
        };
        let [prompt, version, audited] = prompt_of(served, &keys[2]).await;
        let ids = vec![
            (Prompt, prompt),
            (PromptVersion, version),
            (AuditEntry, audited),
            (Account, account),
            (Credits, account),
            (CreditEntry, entry.one(db.reader()).await.unwrap().unwrap().id),
            (ApiKey, spare.one(db.reader()).await.unwrap().unwrap().id),
            (Blueprint, site.blueprint.id),
            (Page, site.pages[0].id),
            (Block, world.blocks(site.pages[0].id).await[0].id),
            (Job, job),
        ];
        Tenant {
            ids,
            keys,
            page: site.pages[1].slug.clone(),
        }
    }

    fn account(&self) -> Uuid {
        self.ids.iter().find(|(kind, _)| *kind == Account).unwrap().1
    }

    fn id(&self, kind: IdKind) -> String {
        let (_, uuid) = self.ids.iter().find(|(known, _)| *known == kind).unwrap();
        GlobalId::new(kind, *uuid).to_string()
    }
}

/// A prompt of the owner's own, its version, and the entry that saving it left in the trail.
async fn prompt_of(served: &Served, owner: &str) -> [Uuid; 3] {
    let save = "mutation { savePromptTemplate(input: { function: \"page\", system: \"Write.\", \
        user: \"Write {{sections}} of {{page}} for {{brief}}.\" }) \
        { promptTemplate { id } promptVersionEdge { node { id } } userErrors { message } } }";
    let (_, saved) = ask(served, Some(owner), save, json!({})).await;
    let trail = "{ viewer { account { auditEntries(first: 1) { edges { node { id } } } } } }";
    let (_, trail) = ask(served, Some(owner), trail, json!({})).await;
    let id = |kind, value: &Value| {
        let id = value.as_str().and_then(|text| GlobalId::parse_as(kind, text));
        id.unwrap_or_else(|| panic!("no {kind:?}: {saved} {trail}"))
    };
    let payload = &saved["data"]["savePromptTemplate"];
    [
        id(Prompt, &payload["promptTemplate"]["id"]),
        id(PromptVersion, &payload["promptVersionEdge"]["node"]["id"]),
        id(
            AuditEntry,
            &trail["data"]["viewer"]["account"]["auditEntries"]["edges"][0]["node"]["id"],
        ),
    ]
}

/// The answer without what differs by itself: the id that was asked for and the request's own.
async fn answer(served: &Served, credential: Option<&str>, operation: &str, id: &str) -> String {
    let variables = json!({ "id": id, "key": Uuid::now_v7().to_string() });
    let (status, mut answer) = match (operation.starts_with("subscription"), credential) {
        (true, Some(credential)) => {
            let mut socket = socket(served, credential).await;
            assert_eq!(socket.receive().await["type"], "connection_ack");
            socket.subscribe("1", operation, variables).await;
            (0, socket.receive().await)
        }
        _ => ask(served, credential, operation, variables).await,
    };
    strip(&mut answer);
    format!("{status} {answer}").replace(id, "ID")
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("requestId");
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

async fn a_foreign_id_is_answered_like_a_missing_one_everywhere(backend: Backend) {
    let served = keyed(backend).await;
    let shape = Shape::of(&served).await;
    check_entries(&shape);
    let (mine, theirs) = (Tenant::new(&served, "mine").await, Tenant::new(&served, "theirs").await);
    println!("| place | id of | least role | own id | lower roles | another account | a stranger |");
    println!("|---|---|---|---|---|---|---|");
    for Entry(at, kinds, operation) in ENTRIES {
        let (ty, field) = at.split(' ').next().unwrap().split_once('.').unwrap();
        let least = shape.least(ty, field);
        for kind in *kinds {
            let (own, missing) = (mine.id(*kind), GlobalId::new(*kind, Uuid::now_v7()).to_string());
            let what = format!("{at} with an id of {kind:?}");
            // The wrong tenant, in every role, and a stranger.
            for (at_role, key) in theirs.keys.iter().enumerate() {
                let foreign = answer(&served, Some(key), operation, &own).await;
                let none = answer(&served, Some(key), operation, &missing).await;
                assert_eq!(foreign.contains("FORBIDDEN"), at_role < least, "{what}: {foreign}");
                // The operator sees every account.
                let is_operators = ["Query.account id", "Mutation.grantCredits input.accountId"].contains(at);
                if !(is_operators && at_role == 3) {
                    assert_eq!(foreign, none, "{what}");
                }
            }
            let stranger = answer(&served, None, operation, &own).await;
            assert!(stranger.contains("UNAUTHENTICATED"), "{what}: {stranger}");
            assert_eq!(stranger, answer(&served, None, operation, &missing).await, "{what}");
            // The owner in the roles that do not suffice, and in the least that does.
            for key in &mine.keys[..least] {
                let refused = answer(&served, Some(key), operation, &own).await;
                assert!(refused.contains("FORBIDDEN"), "{what}: {refused}");
            }
            // A key and an entry of the trail are seen by an OWNER only.
            let looks = if [ApiKey, AuditEntry].contains(kind) {
                least.max(2)
            } else {
                least
            };
            let found = answer(&served, Some(&mine.keys[looks]), operation, &own).await;
            let none = answer(&served, Some(&mine.keys[looks]), operation, &missing).await;
            assert_ne!(
                found, none,
                "{what}: the owner finds nothing, so the entry shows nothing"
            );
            assert!(
                !found.contains("NOT_FOUND") && !found.contains("FORBIDDEN"),
                "{what}: {found}"
            );
            let least = ROLES[least].as_str().to_uppercase();
            println!("| `{at}` | {kind:?} | {least} | found | FORBIDDEN | as missing | UNAUTHENTICATED |");
        }
    }
    previews(&served, &mine, &theirs).await;
    // What the owner started is waited for.
    let open = job::Entity::find().filter(job::Column::FinishedAt.is_null());
    for job in open.all(served.world.app.db.reader()).await.unwrap() {
        served.world.finished(job.id).await;
    }
    served.settle().await;
}

/// Every place has an entry, and every entry a place.
fn check_entries(shape: &Shape) {
    let places: BTreeSet<String> = shape.ids().into_iter().collect();
    let shared = |place: &&String| SHARED.iter().any(|shared| place.ends_with(shared));
    let places: BTreeSet<&str> = places
        .iter()
        .filter(|place| !shared(place))
        .map(String::as_str)
        .collect();
    let entries: BTreeSet<&str> = ENTRIES.iter().map(|Entry(at, ..)| *at).collect();
    let missing: Vec<_> = places.difference(&entries).collect();
    assert!(
        missing.is_empty(),
        "places that take an id and have no entry in tests/it/access/isolation.rs: {missing:#?}"
    );
    let kinds = IdKind::ALL
        .iter()
        .filter(|kind| !NODES.contains(kind) && !NO_NODES.contains(kind));
    let kinds: Vec<_> = kinds.collect();
    assert!(
        kinds.is_empty(),
        "kinds of ids that no tenant of tests/it/access/isolation.rs has: {kinds:?}"
    );
    let gone: Vec<_> = entries.difference(&places).collect();
    assert!(gone.is_empty(), "entries of places that do not exist: {gone:#?}");
}

async fn previews(served: &Served, mine: &Tenant, theirs: &Tenant) {
    let get = async |path: String, key: Option<&str>, id: &str| {
        let mut request = served.client.get(served.url(&path));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        strip(&mut body);
        (status, body.to_string().replace(id, "ID"))
    };
    // What was deleted is missing to its owner too: here is another site.
    let site = served.world.planned(mine.account()).await.blueprint.id;
    let own = GlobalId::new(Blueprint, site).to_string();
    let missing = GlobalId::new(Blueprint, Uuid::now_v7()).to_string();
    for slug in [String::new(), format!("/{}", mine.page)] {
        let at = |id: &str| format!("/preview/{id}{slug}");
        for key in &theirs.keys {
            let foreign = get(at(&own), Some(key), &own).await;
            assert_eq!(foreign, get(at(&missing), Some(key), &missing).await);
            assert_eq!(foreign.0, 404);
        }
        assert_eq!(get(at(&own), None, &own).await, get(at(&missing), None, &missing).await);
        assert_eq!(get(at(&own), None, &own).await.0, 401);
        for key in &mine.keys {
            assert_eq!(get(at(&own), Some(key), &own).await.0, 200);
        }
        println!("| `/preview/{{id}}{slug}` | Blueprint | VIEWER | found | - | as missing | UNAUTHENTICATED |");
    }
}

on_both!(a_foreign_id_is_answered_like_a_missing_one_everywhere);

/// A key by its id is for the OWNER, and for whoever shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_sees_no_key_but_their_own() {
    let served = keyed(Backend::Sqlite).await;
    let account = served.world.account;
    let viewer = key(&served, account, Role::Viewer).await;
    let keys = auth::of_account(account)
        .all(served.world.app.db.reader())
        .await
        .unwrap();
    let node = "query($id: ID!) { node(id: $id) { id } viewer { apiKey { id role } } }";
    let mut seen = 0;
    for row in &keys {
        let id = GlobalId::new(ApiKey, row.id).to_string();
        let found = super::data(&served, &viewer, node, json!({ "id": id })).await;
        assert_eq!(found["viewer"]["apiKey"]["role"], "VIEWER");
        seen += usize::from(!found["node"].is_null());
        assert_eq!(found["node"].is_null(), row.role != Role::Viewer);
    }
    assert_eq!((keys.len(), seen), (2, 1));
    served.settle().await;
}
