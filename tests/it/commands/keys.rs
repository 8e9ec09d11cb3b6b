//! `sitewright key`: made, listed and ended from the command line.

use sea_orm::QueryOrder;
use serde_json::json;
use sitewright::audit;
use sitewright::auth;
use sitewright::entities::{AuditResult, Role, audit_entry};

use super::on;
use crate::support::Backend;
use crate::support::process::{Server, Socket};

async fn a_key_is_printed_alone_and_opens_a_server_that_asks_for_it(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let made = on(&world, &["key", "create", "--name", "laptop"]).await;
    let secret = made.stdout.trim_end().to_string();
    assert!(made.status.success() && secret.starts_with("sw_live_"), "{made:?}");
    assert_eq!(made.stdout, format!("{secret}\n"));
    assert!(!made.stderr.contains(&secret));
    let granted = on(&world, &["credits", "grant", "7", "--payment", "p1"]).await;
    assert!(granted.status.success(), "{granted:?}");
    let trail = audit::of_account(world.account).order_by_asc(audit_entry::Column::Id);
    let trail = trail.all(world.app.db.reader()).await.unwrap();
    let told: Vec<_> = trail
        .iter()
        .map(|entry| (entry.mutation.as_str(), entry.result))
        .collect();
    let (key, grant) = ("key create", "credits grant");
    assert_eq!(told, [(key, AuditResult::Done), (grant, AuditResult::Done)]);
    assert!(trail[0].subjects.contains("key_") && !format!("{trail:?}").contains(&secret));
    let server = Server::start(&world, &[("SITEWRIGHT_AUTH__MODE", "keys")]).await;
    let ask = |key: Option<&str>| {
        let request = reqwest::Client::new().post(format!("http://{}/graphql", server.address));
        let request = request.json(&json!({ "query": "{ viewer { __typename } }" }));
        match key {
            Some(key) => request.bearer_auth(key).send(),
            None => request.send(),
        }
    };
    assert_eq!(ask(None).await.unwrap().status(), 401);
    assert_eq!(ask(Some("sw_live_nonsense")).await.unwrap().status(), 401);
    let answer = ask(Some(&secret)).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("\"viewer\":{"));
    assert!(!server.process.log().contains(&secret), "keys are never logged");
    server.stop().await;
    world.settle().await;
}

async fn a_key_is_listed_and_ended_from_the_command_line(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let secret = on(&world, &["key", "create", "--name", "lost laptop"]).await.stdout;
    let secret = secret.trim_end();
    let listed = on(&world, &["key", "list"]).await;
    let columns: Vec<&str> = listed.stdout.trim_end().split('\t').collect();
    let [id, prefix, "OWNER", "good", "never used", "lost laptop"] = columns[..] else {
        panic!("{listed:?}")
    };
    assert!(secret.starts_with(prefix.trim_end_matches('…')) && !listed.stdout.contains(secret));
    let server = Server::start(&world, &[("SITEWRIGHT_AUTH__MODE", "keys")]).await;
    let mut socket = Socket::open(server.address, Some(secret)).await.unwrap();
    let clock = "subscription { accountEvents { __typename } }";
    socket.ask(clock, json!({})).await.unwrap();
    for _ in 0..2 {
        let ended = on(&world, &["key", "revoke", id]).await;
        assert!(
            ended.status.success() && ended.stdout.contains("\trevoked "),
            "{ended:?}"
        );
    }
    assert!(socket.payload().await.is_none(), "what was open with it ends");
    for (other, sentence) in [("nonsense", "no key's id"), (id, "There is no")] {
        let account = ["account", "create", "Elsewhere"];
        on(&world, &account).await;
        let refused = on(&world, &["key", "revoke", other, "--account", "Elsewhere"]).await;
        assert!(
            !refused.status.success() && refused.stderr.contains(sentence),
            "{refused:?}"
        );
    }
    server.stop().await;
    world.settle().await;
}

async fn an_account_has_so_many_keys_and_no_more(backend: Backend) {
    let world = backend.world_with(|_| {}).await;
    let new = || auth::NewKey {
        name: "a script".to_string(),
        role: Role::Viewer,
        expires_at: None,
    };
    let all = (0..auth::LIVE_MAX + 5).map(|_| auth::create(&world.app.db, world.account, new()));
    let made: Vec<_> = futures::future::join_all(all)
        .await
        .into_iter()
        .filter_map(Result::ok)
        .collect();
    assert_eq!(made.len() as u64, auth::LIVE_MAX, "also when they are made at once");
    let refused = on(&world, &["key", "create"]).await;
    assert!(refused.stderr.contains("Revoke those"), "{refused:?}");
    auth::revoke(&world.app.db, world.account, made[0].0.id).await.unwrap();
    assert!(on(&world, &["key", "create"]).await.status.success());
    world.settle().await;
}

on_both!(
    a_key_is_printed_alone_and_opens_a_server_that_asks_for_it,
    a_key_is_listed_and_ended_from_the_command_line,
    an_account_has_so_many_keys_and_no_more,
);
