//! Limits of those who hold watch tokens, and of who shows wrong ones: nothing of it is the owner's trouble.

use serde_json::json;
use sitewright::ids::{GlobalId, IdKind};

use super::{CHEAP, limited, post};
use crate::graphql_served::Served;

/// Two watch tokens of one site.
async fn watch_tokens(served: &Served) -> (String, [String; 2]) {
    let site = served.world.planned(served.world.account).await.blueprint.id;
    let site = GlobalId::new(IdKind::Blueprint, site).to_string();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let make = "mutation($id: ID!) { createWatchToken(input: { blueprintId: $id }) { token } }";
        let make = json!({ "query": make, "variables": { "id": site } });
        let (_, _, answer) = post(served, served.key.as_deref(), make, &[]).await;
        tokens.push(
            answer["data"]["createWatchToken"]["token"]
                .as_str()
                .unwrap()
                .to_string(),
        );
    }
    (site, tokens.try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_watch_tokens_of_an_account_share_one_budget_and_take_no_place_of_its_owner() {
    let served = limited(|config| {
        (config.limits.cost_per_second, config.limits.cost_burst) = (1, 100);
        config.limits.sockets_per_account = 1;
    })
    .await;
    let (site, [one, two]) = watch_tokens(&served).await;
    let mut sockets = Vec::new();
    for (token, lives) in [(&one, true), (&two, false), (served.key.as_ref().unwrap(), true)] {
        let mut socket = served.raw_socket().await;
        let init = json!({ "Authorization": format!("Bearer {token}") });
        socket.send(json!({ "type": "connection_init", "payload": init })).await;
        match lives {
            true => assert_eq!(socket.receive().await["type"], "connection_ack"),
            false => assert_eq!(socket.closed().await, 1013),
        }
        sockets.push(socket);
    }
    let dear = "query($id: ID!) { blueprint(id: $id) { jobs(first: 100) { edges { node { id } } } } }";
    let dear = json!({ "query": dear, "variables": { "id": site } });
    assert_eq!(post(&served, Some(&one), dear, &[]).await.0, 200);
    let cheap = || json!({ "query": CHEAP });
    assert_eq!(post(&served, Some(&two), cheap(), &[]).await.0, 429, "one budget");
    assert_eq!(post(&served, served.key.as_deref(), cheap(), &[]).await.0, 200);
    drop(sockets);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_tokens_in_links_and_what_is_no_guess_keep_no_key_waiting() {
    let served = limited(|config| config.limits.requests_per_second = 0).await;
    let mut statuses = Vec::new();
    for number in 0..15 {
        // As from the pictures of a foreign page, with the name written in another way.
        let link = format!("/graphql?query=%7B__typename%7D&w%61tch=sw_watch_{number:043}");
        let request = served
            .client
            .get(served.url(&link))
            .header("accept", "text/event-stream");
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!((statuses[0], statuses[14]), (401, 429), "{statuses:?}");
    for _ in 0..15 {
        let (status, ..) = post(&served, Some("nonsense"), json!({ "query": CHEAP }), &[]).await;
        assert_eq!(status, 401);
    }
    let new = served.new_key(served.world.account).await;
    assert_eq!(post(&served, Some(&new), json!({ "query": CHEAP }), &[]).await.0, 200);
    served.settle().await;
}
