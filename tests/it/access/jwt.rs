//! Tokens of the operator's identity provider: which are taken, whom they name, and how often the provider is asked.

use std::sync::Arc;

use serde_json::{Value, json};
use sitewright::auth;
use sitewright::config::{Auth, AuthMode};

use super::provider::{AUDIENCE, ISSUER, Provider, SECRET, Signed, claims, in_seconds};
use super::{ask, code, data, socket};
use crate::graphql_served::{Served, serve};
use crate::support::Backend;

const WHO: &str = "{ viewer { role apiKey { id } account { id name } } }";

async fn trusting(backend: Backend, change: impl FnOnce(&mut Auth)) -> Served {
    let served = serve(backend, |config| {
        config.auth.mode = AuthMode::Keys;
        // Forged signatures are guesses, and some tests here show many.
        config.limits.failures = 0;
        config.auth.jwt_issuer = ISSUER.to_string();
        config.auth.jwt_audience = AUDIENCE.to_string();
        change(&mut config.auth);
    });
    let served = served.await;
    let (db, account) = (&served.world.app.db, served.world.account);
    auth::link(db, ISSUER, "ada", account).await.unwrap();
    served
}

/// A server that reads the provider's keys from a file, which lives as long as the folder.
async fn with_file(backend: Backend, provider: &Provider) -> (Served, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, provider.set("ec").to_string()).unwrap();
    let file = file.display().to_string();
    (trusting(backend, |auth| auth.jwt_jwks_file = file).await, folder)
}

async fn a_token_of_each_algorithm_names_an_account_and_a_role(backend: Backend) {
    let provider = Provider::new();
    let (served, _folder) = with_file(backend, &provider).await;
    let ec = |claims: &Value| provider.token(json!({ "alg": "ES256", "kid": "ec" }), claims, Signed::Ec);
    for (token, role) in [
        (provider.good("ada", "editor"), "EDITOR"),
        (ec(&claims("ada", "OWNER")), "OWNER"),
        (provider.good("ada", "admin"), "OWNER"),
        (provider.good("ada", "gardener"), "VIEWER"),
    ] {
        let viewer = data(&served, &token, WHO, json!({})).await["viewer"].take();
        assert_eq!((&viewer["role"], &viewer["apiKey"]), (&json!(role), &Value::Null));
        assert_eq!(viewer["account"]["name"], "local");
        let mut socket = socket(&served, &token).await;
        assert_eq!(socket.receive().await["type"], "connection_ack");
        socket.subscribe("1", WHO, json!({})).await;
        assert_eq!(socket.receive().await["payload"]["data"]["viewer"]["role"], role);
    }
    served.settle().await;
    let served = trusting(backend, |auth| auth.jwt_secret = SECRET.to_string()).await;
    let token = provider.token(
        json!({ "alg": "HS256" }),
        &claims("ada", "viewer"),
        Signed::Hmac(SECRET.as_bytes()),
    );
    assert_eq!(data(&served, &token, WHO, json!({})).await["viewer"]["role"], "VIEWER");
    let other = provider.token(
        json!({ "alg": "HS256" }),
        &claims("ada", "viewer"),
        Signed::Hmac(b"another secret"),
    );
    assert_eq!(ask(&served, Some(&other), WHO, json!({})).await.0, 401);
    served.settle().await;
}

async fn a_bad_token_is_refused_with_a_sentence(backend: Backend) {
    let provider = Provider::new();
    let (served, _folder) = with_file(backend, &provider).await;
    let rs = json!({ "alg": "RS256", "kid": "rsa" });
    let with = |change: Value| {
        let mut all = claims("ada", "owner");
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        provider.token(rs.clone(), &all, Signed::Rsa)
    };
    let good = claims("ada", "owner");
    let forms = provider.public_forms();
    let header = |header: Value, signed| provider.token(header, &good, signed);
    let mut forged: Vec<String> = provider.good("ada", "viewer").split('.').map(str::to_string).collect();
    forged[1] = with(json!({})).split('.').nth(1).unwrap().to_string();
    let mut bad = vec![
        ("an algorithm of none", header(json!({ "alg": "none" }), Signed::Not)),
        (
            "none with a key id",
            header(json!({ "alg": "none", "kid": "rsa" }), Signed::Not),
        ),
        ("None", header(json!({ "alg": "None", "kid": "rsa" }), Signed::Not)),
        ("no signature", header(rs.clone(), Signed::Not)),
        ("other claims than those signed", forged.join(".")),
        (
            "the other key's id",
            header(json!({ "alg": "ES256", "kid": "rsa" }), Signed::Ec),
        ),
        (
            "another algorithm of the family",
            header(json!({ "alg": "RS512", "kid": "rsa" }), Signed::Rsa),
        ),
        (
            "an unknown key",
            header(json!({ "alg": "RS256", "kid": "new" }), Signed::Rsa),
        ),
        (
            "no key id, with two keys",
            header(json!({ "alg": "RS256" }), Signed::Rsa),
        ),
        (
            "a demand",
            header(json!({ "alg": "RS256", "kid": "rsa", "crit": ["b64"] }), Signed::Rsa),
        ),
        ("another audience", with(json!({ "aud": "other" }))),
        ("no audience", with(json!({ "aud": null }))),
        ("another issuer", with(json!({ "iss": "https://evil.example" }))),
        ("no issuer", with(json!({ "iss": null }))),
        ("expired", with(json!({ "exp": in_seconds(-60) }))),
        ("no end", with(json!({ "exp": null }))),
        ("not yet valid", with(json!({ "nbf": in_seconds(600) }))),
        ("nobody", with(json!({ "sub": null }))),
        ("a stranger", with(json!({ "sub": "eve" }))),
        ("no JSON", "e30.e30.e30".to_string()),
        ("too long", format!("{}.{}.x", "a".repeat(9_000), "b")),
    ];
    for form in &forms {
        let hs = |kid| json!({ "alg": "HS256", "kid": kid });
        bad.push(("signed with the public key", header(hs("rsa"), Signed::Hmac(form))));
    }
    for (what, token) in bad {
        let (status, answer) = ask(&served, Some(&token), WHO, json!({})).await;
        assert_eq!((status, code(&answer)), (401, "UNAUTHENTICATED"), "{what}: {answer}");
        let sentence = answer["errors"][0]["message"].as_str().unwrap();
        assert!(
            sentence.ends_with('.') && !sentence.contains(&token),
            "{what}: {sentence}"
        );
        assert_eq!(socket(&served, &token).await.closed().await, 4403, "{what}");
    }
    served.settle().await;
}

async fn a_person_gets_one_account_of_their_own_on_first_sight(backend: Backend) {
    let provider = Provider::new();
    let served = trusting(backend, |auth| {
        auth.jwt_secret = SECRET.to_string();
        auth.jwt_create_accounts = true;
        auth.jwt_default_role = String::new();
    });
    let served = served.await;
    let sign = |claims: &Value| provider.token(json!({ "alg": "HS256" }), claims, Signed::Hmac(SECRET.as_bytes()));
    // A name that is taken must not lead to that account.
    let token = sign(&claims("local", "owner"));
    let ids = futures::future::join_all((0..8).map(async |_| data(&served, &token, WHO, json!({})).await)).await;
    let account = &ids[0]["viewer"]["account"];
    assert_ne!(account["name"], "local");
    assert!(
        ids.iter().all(|who| who["viewer"]["account"]["id"] == account["id"]),
        "{ids:?}"
    );
    // One whose name is free, who opens several tabs at once.
    let token = sign(&claims("bob", "owner"));
    let tabs = futures::future::join_all((0..8).map(async |_| data(&served, &token, WHO, json!({})).await)).await;
    let bob = &tabs[0]["viewer"]["account"];
    assert_eq!(bob["name"], "bob");
    assert!(
        tabs.iter().all(|who| who["viewer"]["account"]["id"] == bob["id"]),
        "{tabs:?}"
    );
    let (status, answer) = ask(&served, Some(&sign(&claims("ada", "gardener"))), WHO, json!({})).await;
    assert_eq!((status, code(&answer)), (401, "UNAUTHENTICATED"));
    assert!(
        answer["errors"][0]["message"].as_str().unwrap().contains("no role"),
        "{answer}"
    );
    served.settle().await;
}

on_both!(
    a_token_of_each_algorithm_names_an_account_and_a_role,
    a_bad_token_is_refused_with_a_sentence,
    a_person_gets_one_account_of_their_own_on_first_sight,
);

async fn asking(provider: &Arc<Provider>, refresh_ms: u64) -> Served {
    let url = provider.serve().await;
    trusting(Backend::Sqlite, |auth| {
        auth.jwt_jwks_url = url;
        auth.jwt_refresh_ms = refresh_ms;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invented_key_ids_do_not_make_the_server_ask_the_provider() {
    let provider = Provider::new();
    provider.publish(&provider.set("ec"));
    let served = asking(&provider, 600_000).await;
    // Whoever answers has read the set.
    data(&served, &provider.good("ada", "viewer"), WHO, json!({})).await;
    assert_eq!(provider.asked(), 1, "once at the start");
    let invented = |n: usize| {
        let header = json!({ "alg": "RS256", "kid": format!("invented-{n}") });
        provider.token(header, &claims("ada", "owner"), Signed::Rsa)
    };
    let tokens: Vec<String> = (0..40).map(invented).collect();
    let asked = tokens
        .iter()
        .map(async |token| ask(&served, Some(token), WHO, json!({})).await.0);
    let asked = futures::future::join_all(asked).await;
    assert!(asked.iter().all(|status| *status == 401));
    // Known keys are never asked for.
    data(&served, &provider.good("ada", "viewer"), WHO, json!({})).await;
    assert_eq!(provider.asked(), 1, "the set was read a moment ago");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_comes_late_goes_away_or_changes_its_keys_is_followed() {
    let provider = Provider::new();
    provider.publish(&json!({ "keys": [] }));
    let served = asking(&provider, 20).await;
    // Sooner or later: the set is read again every so often.
    let until = async |token: &str, wanted: u16| {
        while ask(&served, Some(token), WHO, json!({})).await.0 != wanted {}
    };
    let token = provider.good("ada", "viewer");
    assert_eq!(ask(&served, Some(&token), WHO, json!({})).await.0, 401);
    provider.publish(&provider.set("one"));
    let patience = crate::support::PATIENCE;
    tokio::time::timeout(patience, until(&token, 200))
        .await
        .expect("the first keys are found");
    let ec = |kid: &str| {
        provider.token(
            json!({ "alg": "ES256", "kid": kid }),
            &claims("ada", "viewer"),
            Signed::Ec,
        )
    };
    let old = ec("one");
    provider.rotate();
    provider.publish(&provider.set("two"));
    tokio::time::timeout(patience, until(&ec("two"), 200))
        .await
        .expect("the new key is found");
    tokio::time::timeout(patience, until(&old, 401))
        .await
        .expect("the old key is no more");
    // Nonsense leaves what there was.
    provider.publish(&json!("nonsense"));
    let before = provider.asked();
    while provider.asked() < before + 3 {
        assert_eq!(ask(&served, Some(&token), WHO, json!({})).await.0, 200);
    }
    served.settle().await;
}
