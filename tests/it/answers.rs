//! Answers that are kept as bytes: a kept one equals a made one, a change of the data is seen everywhere, and nobody is
//! told what belongs to another.

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use sitewright::db::raise_version;
use sitewright::entities::builder_option;

use crate::graphql_served::{Served, keyed, open};
use crate::support::{Backend, PATIENCE};

const METADATA: &str = "query Wizard($short: Boolean!) { builderMetadata { businessTypes { id name
    description @skip(if: $short) } prices { kind amount } } }";

/// The headers and the body as they came.
async fn raw(served: &Served, query: &str, variables: Value, encoding: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let mut request = served.client.post(served.url("/graphql")).body(body);
    request = request
        .header("content-type", "application/json")
        .header("accept-encoding", encoding);
    if let Some(key) = &served.key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.unwrap();
    (response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

async fn a_kept_answer_equals_one_that_was_made(backend: Backend) {
    let served = open(backend).await;
    for query in [METADATA, "{ __schema { types { name fields { name } } } }"] {
        let variables = match query {
            METADATA => json!({ "short": false }),
            _ => json!({}),
        };
        let (first, made) = raw(&served, query, variables.clone(), "identity").await;
        let (second, kept) = raw(&served, query, variables.clone(), "identity").await;
        assert_eq!(made, kept);
        // The schema names a field like that, which is not the request's own.
        assert!(!kept.windows(12).any(|word| word == b"\"requestId\":"));
        assert_ne!(first["x-request-id"], second["x-request-id"]);
        let names = |headers: &reqwest::header::HeaderMap| {
            let all = headers
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"));
            all.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&first), names(&second));
        for encoding in ["gzip", "gzip, deflate, br", "gzip;q=0.5"] {
            let (headers, packed) = raw(&served, query, variables.clone(), encoding).await;
            assert_eq!(
                (&headers["content-encoding"], &headers["vary"]),
                (&"gzip".parse().unwrap(), &headers["vary"])
            );
            assert!(
                headers
                    .get_all("vary")
                    .iter()
                    .any(|vary| vary.to_str().unwrap().contains("accept-encoding"))
            );
            let mut text = Vec::new();
            GzDecoder::new(packed.as_slice()).read_to_end(&mut text).unwrap();
            assert_eq!(text, made, "{encoding}");
        }
        for encoding in ["identity", "gzip;q=0", "identity, gzip;q=0.1"] {
            let (headers, plain) = raw(&served, query, variables.clone(), encoding).await;
            assert_eq!((headers.get("content-encoding"), &plain), (None, &made), "{encoding}");
        }
    }
    let (_, short) = raw(&served, METADATA, json!({ "short": true }), "identity").await;
    let (_, long) = raw(&served, METADATA, json!({ "short": false }), "identity").await;
    assert!(short.len() < long.len(), "other variables, another answer");
    served.settle().await;
}

/// Gives the first option of the wizard another name, and says so if asked to.
async fn rename(served: &Served, name: &str, says_so: bool) {
    let tx = served.world.app.db.write().await.unwrap();
    if says_so {
        raise_version(&tx).await.unwrap();
    }
    let row = builder_option::Entity::find().one(&tx).await.unwrap().unwrap();
    let mut row = row.into_active_model();
    row.name = Set(name.to_string());
    row.update(&tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_change_is_seen_once_it_is_said_and_not_before(backend: Backend) {
    let served = open(backend).await;
    let all = "{ builderMetadata { businessTypes { name } audienceProfiles { name } brandPersonalities { name }
        heroImageryDirections { name } } }";
    let before = served.data(all, json!({})).await;
    rename(&served, "Renamed", false).await;
    assert_eq!(served.data(all, json!({})).await, before, "it is kept, not read again");
    rename(&served, "Renamed twice", true).await;
    let seen = async {
        while !served.data(all, json!({})).await.to_string().contains("Renamed twice") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.expect("the change is seen");
    served.settle().await;
}

async fn what_belongs_to_an_account_is_never_kept(backend: Backend) {
    let mut served = keyed(backend).await;
    let both = "{ builderMetadata { prices { amount } } viewer { account { id } } }";
    let own = served.data(both, json!({})).await;
    assert_eq!(served.data(both, json!({})).await, own);
    let stranger = served.world.new_account("stranger", 1_000).await;
    served.key = Some(served.new_key(stranger).await);
    let theirs = served.data(both, json!({})).await;
    assert_ne!(theirs["viewer"]["account"]["id"], own["viewer"]["account"]["id"]);
    served.key = Some("sw_live_nonsense".to_string());
    let refused = served.ask("{ builderMetadata { prices { amount } } }", json!({})).await;
    assert_eq!(
        refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
        "a kept answer needs a key too"
    );
    served.settle().await;
}

on_both!(
    a_kept_answer_equals_one_that_was_made,
    a_change_is_seen_once_it_is_said_and_not_before,
    what_belongs_to_an_account_is_never_kept,
);
