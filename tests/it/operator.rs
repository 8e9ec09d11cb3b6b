//! What the operator does: credits for others, prices that change with time, the wizard's lists; seen at once by everybody.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sitewright::ai::scripted::{Behaviour, When};
use sitewright::config::AuthMode;
use sitewright::credits;
use sitewright::entities::{OptionKind, PriceKind, Role};
use sitewright::error::Error;
use sitewright::ids::{GlobalId, IdKind};
use sitewright::options::{self, Change};
use sitewright::{boot, db};

use crate::graphql_served::{Served, serve};
use crate::support::{Backend, PATIENCE, World};

on_both!(
    credits_are_granted_once_a_key_to_any_account,
    a_price_holds_from_its_moment_on_and_jobs_keep_theirs,
    an_option_is_made_moved_and_taken_off,
    sixteen_changes_at_once_leave_one_open_price_and_dense_places,
);

async fn keyed(backend: Backend) -> Served {
    let mut served = serve(backend, |config| config.auth.mode = AuthMode::Keys).await;
    served.key = Some(served.new_key_of(served.world.account, Role::Admin).await);
    served
}

const GRANT: &str = "mutation($input: GrantCreditsInput!) { grantCredits(input: $input) { replayed \
    credits { balance } entry { kind balanceDelta reason } \
    userErrors { code message path ... on ValidationError { constraint } } } }";

async fn credits_are_granted_once_a_key_to_any_account(backend: Backend) {
    let mut served = keyed(backend).await;
    let customer = served.world.new_account("customer", 10).await;
    let id = GlobalId::new(IdKind::Account, customer).to_string();
    let input = |amount: i64, key: &str| json!({ "input": { "accountId": id, "amount": amount, "reason": "Invoice 17", "idempotencyKey": key } });
    let first = served.data(GRANT, input(100, "i17")).await["grantCredits"].take();
    assert_eq!(
        (&first["replayed"], &first["credits"]["balance"]),
        (&json!(false), &json!(110))
    );
    assert_eq!(
        first["entry"],
        json!({ "kind": "GRANT", "balanceDelta": 100, "reason": "Invoice 17" })
    );
    let again = served.data(GRANT, input(100, "i17")).await["grantCredits"].take();
    assert_eq!(
        (&again["replayed"], &again["credits"]["balance"]),
        (&json!(true), &json!(110))
    );
    let nobody = GlobalId::new(IdKind::Account, uuid::Uuid::now_v7()).to_string();
    for (input, code, path) in [
        (input(200, "i17"), "VALIDATION", "idempotencyKey"),
        (input(0, "i18"), "VALIDATION", "amount"),
        (input(2_000_000_000, "i18"), "LIMIT_EXCEEDED", "amount"),
        (input(5, ""), "VALIDATION", "idempotencyKey"),
        (
            json!({ "input": { "accountId": nobody, "amount": 1, "reason": "x", "idempotencyKey": "y" } }),
            "NOT_FOUND",
            "accountId",
        ),
        (
            json!({ "input": { "accountId": "site_1", "amount": 1, "reason": "x", "idempotencyKey": "y" } }),
            "NOT_FOUND",
            "accountId",
        ),
    ] {
        let refused = served.data(GRANT, input).await["grantCredits"].take();
        let error = &refused["userErrors"][0];
        assert_eq!(
            (&error["code"], &error["path"]),
            (&json!(code), &json!(["input", path])),
            "{refused}"
        );
        assert_eq!(refused["credits"], Value::Null);
    }
    // An owner is no operator, and finds nobody else.
    served.key = Some(served.new_key(customer).await);
    for query in [
        "{ accounts { edges { node { id } } } }",
        "{ account(id: \"acc_1\") { id } }",
    ] {
        assert_eq!(
            served.ask(query, json!({})).await["errors"][0]["extensions"]["code"],
            "FORBIDDEN",
            "{query}"
        );
    }
    let answer = served.ask(GRANT, input(100, "mine")).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(served.world.account(customer).await.balance, 110);
    served.settle().await;
}

async fn page_price(world: &World) -> i64 {
    credits::prices(world.app.db.reader()).await.unwrap().page
}

async fn a_price_holds_from_its_moment_on_and_jobs_keep_theirs(backend: Backend) {
    let world = backend.world().await;
    let db = &world.app.db;
    let site = world.planned(world.account).await;
    world.script.once(When::any_page(), Behaviour::Hold { after: 10 });
    let job = world.start_page(world.account, site.pages[0].id).await;
    world.script.reached(&When::any_page(), 10).await;
    let before = db.version().await.unwrap();
    credits::set_price(db, PriceKind::Page, 33, None).await.unwrap();
    let after = db.version().await.unwrap();
    assert!(after > before, "{before} {after}");
    assert_eq!(page_price(&world).await, 33);
    world.script.release();
    assert_eq!(world.finished(job).await.charged, Some(20), "the price of its start");
    // One for later, another for later still, which takes the place of nothing before it.
    let in_hours = |hours| Some(db::now() + TimeDelta::hours(hours));
    credits::set_price(db, PriceKind::Page, 40, in_hours(2)).await.unwrap();
    credits::set_price(db, PriceKind::Page, 50, in_hours(4)).await.unwrap();
    assert_eq!(page_price(&world).await, 33);
    let rows = "SELECT amount, valid_to FROM prices WHERE kind = 'page' ORDER BY valid_from";
    let amounts = async || {
        let rows = db::rows(db.reader(), rows, []).await.unwrap();
        let amounts = rows.iter().map(|row| row.try_get("", "amount").unwrap());
        amounts.collect::<Vec<i64>>()
    };
    assert_eq!(amounts().await, [20, 33, 40, 50]);
    // One before both of them: what was set for later is dropped.
    credits::set_price(db, PriceKind::Page, 45, in_hours(1)).await.unwrap();
    assert_eq!(amounts().await, [20, 33, 45]);
    // When its moment comes, the version says so without any write.
    let version = db.version().await.unwrap();
    world
        .rewrite(
            "UPDATE prices SET valid_to = $1 WHERE amount = 33",
            [(db::now()).into()],
        )
        .await;
    world
        .rewrite(
            "UPDATE prices SET valid_from = $1 WHERE amount = 45",
            [(db::now()).into()],
        )
        .await;
    assert!(db.version().await.unwrap() > version);
    assert_eq!(page_price(&world).await, 45);
    for (amount, from, path) in [
        (-1, None, "amount"),
        (1_000_001, None, "amount"),
        (1, in_hours(-1), "validFrom"),
    ] {
        let refused = credits::set_price(db, PriceKind::Page, amount, from).await;
        assert!(
            matches!(refused, Err(Error::Refused(refusals)) if refusals[0].path == [path]),
            "{path}"
        );
    }
    world.settle().await;
}

async fn names(world: &World) -> Vec<String> {
    let all = options::all(world.app.db.reader()).await.unwrap();
    let all = all
        .into_iter()
        .filter(|option| option.kind == OptionKind::AudienceProfile);
    all.map(|option| option.name).collect()
}

fn new(name: &str) -> Change {
    Change {
        kind: Some(OptionKind::AudienceProfile),
        name: Some(name.to_string()),
        description: Some("People who like it.".to_string()),
        ..Change::default()
    }
}

async fn an_option_is_made_moved_and_taken_off(backend: Backend) {
    let world = backend.world().await;
    let db = &world.app.db;
    let seeded = names(&world).await;
    let made = options::save(db, new(" Cheese lovers ")).await.unwrap();
    assert_eq!(
        (made.name.as_str(), made.is_active, made.position as usize),
        ("Cheese lovers", true, seeded.len())
    );
    let moved = Change {
        id: Some(made.id),
        place: Some(1),
        ..Change::default()
    };
    assert_eq!(options::save(db, moved.clone()).await.unwrap().position, 1);
    let mut expected = seeded.clone();
    expected.insert(1, "Cheese lovers".to_string());
    assert_eq!(names(&world).await, expected);
    let edited = Change {
        place: None,
        description: Some("Of all kinds.".to_string()),
        is_active: Some(false),
        ..moved
    };
    let edited = options::save(db, edited).await.unwrap();
    assert_eq!(
        (edited.position, edited.is_active, edited.name.as_str()),
        (1, false, "Cheese lovers")
    );
    assert_eq!(edited.description, "Of all kinds.");
    for (change, path) in [
        (Change { kind: None, ..new("x") }, "kind"),
        (new(""), "name"),
        (new(&"x".repeat(121)), "name"),
        (
            Change {
                description: None,
                ..new("x")
            },
            "description",
        ),
        (
            Change {
                place: Some(-1),
                ..new("x")
            },
            "order",
        ),
        (
            Change {
                id: Some(uuid::Uuid::now_v7()),
                ..new("x")
            },
            "id",
        ),
        (
            Change {
                id: Some(made.id),
                kind: Some(OptionKind::BusinessType),
                ..new("x")
            },
            "kind",
        ),
    ] {
        let refused = options::save(db, change).await;
        assert!(
            matches!(refused, Err(Error::Refused(refusals)) if refusals[0].path == [path]),
            "{path}"
        );
    }
    assert_eq!(names(&world).await, expected);
    world.settle().await;
}

async fn sixteen_changes_at_once_leave_one_open_price_and_dense_places(backend: Backend) {
    let world = backend.world().await;
    let db = &world.app.db;
    let before = db.version().await.unwrap();
    let prices = (0..16).map(|amount| credits::set_price(db, PriceKind::Block, amount, None));
    let places = (0..16).map(|number| {
        options::save(
            db,
            Change {
                place: Some(0),
                ..new(&format!("New {number}"))
            },
        )
    });
    let (prices, places) = tokio::join!(futures::future::join_all(prices), futures::future::join_all(places));
    // Of prices of one moment the later one may find that it has passed; none fails in another way.
    assert!(
        prices.iter().all(|set| matches!(set, Ok(_) | Err(Error::Refused(_)))),
        "{prices:?}"
    );
    assert!(places.iter().all(Result::is_ok));
    let open = "SELECT COUNT(*) AS n FROM prices WHERE kind = 'block' AND valid_to IS NULL";
    let rows = db::rows(db.reader(), open, []).await.unwrap();
    assert_eq!(rows[0].try_get::<i64>("", "n").unwrap(), 1);
    let all = options::all(db.reader()).await.unwrap();
    let places: Vec<i32> = all
        .iter()
        .filter(|option| option.kind == OptionKind::AudienceProfile)
        .map(|option| option.position)
        .collect();
    assert_eq!(places, (0..i32::try_from(places.len()).unwrap()).collect::<Vec<_>>());
    assert!(db.version().await.unwrap() >= before + 17);
    world.settle().await;
}

const FIRST: &str = "{ builderMetadata { businessTypes { id name } prices { kind amount } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_seen_at_once_by_the_next_question() {
    let served = keyed(Backend::Sqlite).await;
    let all = served.data(FIRST, json!({})).await["builderMetadata"].take();
    let id = &all["businessTypes"][0]["id"];
    let save = "mutation($input: SaveBuilderOptionInput!) { saveBuilderOption(input: $input) { builderOption { name order isActive } userErrors { message } query { builderMetadata { businessTypes { id name } } } } }";
    let renamed = served
        .data(save, json!({ "input": { "id": id, "name": "Renamed" } }))
        .await["saveBuilderOption"]
        .take();
    assert_eq!(renamed["userErrors"], json!([]));
    assert_eq!(
        renamed["query"]["builderMetadata"]["businessTypes"][0]["name"],
        "Renamed"
    );
    let after = served.data(FIRST, json!({})).await["builderMetadata"].take();
    assert_eq!(after["businessTypes"][0]["name"], "Renamed");
    served
        .data(save, json!({ "input": { "id": id, "isActive": false } }))
        .await;
    let after = served.data(FIRST, json!({})).await["builderMetadata"].take();
    assert_eq!(
        after["businessTypes"].as_array().unwrap().len(),
        all["businessTypes"].as_array().unwrap().len() - 1
    );
    let price = "mutation { savePrice(input: { kind: PAGE, amount: 77 }) { price { amount } userErrors { message } } }";
    served.data(price, json!({})).await;
    let after = served.data(FIRST, json!({})).await["builderMetadata"].take();
    assert!(
        after["prices"]
            .as_array()
            .unwrap()
            .contains(&json!({ "kind": "PAGE", "amount": 77 })),
        "{after}"
    );
    served.settle().await;
}

/// Waits until another process knows of a change.
async fn seen_by_another(backend: Backend, poll_ms: u64) {
    let world = backend
        .world_with(|config| config.events.poll_ms = poll_ms)
        .await
        .started()
        .await;
    let other = boot::start(world.another_process().await).await.unwrap();
    if let Some(redis) = &other.app.redis {
        redis.health().wait_for(|up| *up).await.unwrap();
    }
    let known = options::version(&other.app.db);
    let wait = async {
        // A bell that rings before the other one listens is lost, and then the poll has to do; so it is rung again.
        while options::version(&other.app.db) == known {
            credits::set_price(&world.app.db, PriceKind::Page, 21, None)
                .await
                .unwrap();
            options::changed(&world.app.db, &world.app.bus).await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE / 2, wait)
        .await
        .expect("the other process knows");
    other.stop().await;
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_processes_know_of_a_change_within_a_poll() {
    seen_by_another(Backend::Postgres, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_other_processes_know_of_a_change_without_a_poll() {
    seen_by_another(Backend::Redis, 3_600_000).await;
}
