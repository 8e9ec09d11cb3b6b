//! Nobody reads what is not theirs: credentials of every kind, roles, tenants, watchers, and connections that end with
//! what they were opened with.

mod connections;
mod isolation;
mod jwt;
mod matrix;
mod provider;
mod shape;
mod watchers;

use serde_json::{Value, json};
use sitewright::auth::{self, NewKey};
use sitewright::entities::Role;
use uuid::Uuid;

use crate::graphql_served::{Served, Socket};

/// A key with a role.
pub async fn key(served: &Served, account: Uuid, role: Role) -> String {
    let new = NewKey {
        name: role.as_str().to_string(),
        role,
        expires_at: None,
    };
    auth::create(&served.world.app.db, account, new).await.unwrap().1
}

/// The status and the body of a request with this credential.
pub async fn ask(served: &Served, credential: Option<&str>, query: &str, variables: Value) -> (u16, Value) {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let mut request = served.client.post(served.url("/graphql")).body(body);
    request = request.header("content-type", "application/json");
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A request that must succeed.
pub async fn data(served: &Served, credential: &str, query: &str, variables: Value) -> Value {
    let (status, mut answer) = ask(served, Some(credential), query, variables).await;
    assert_eq!((status, &answer["errors"]), (200, &Value::Null), "{query}");
    answer["data"].take()
}

pub fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

/// A connection that introduces itself with this credential; the caller hears what comes of it.
pub async fn socket(served: &Served, credential: &str) -> Socket {
    socket_at(&served.address, credential).await
}

/// The same with another node.
pub async fn socket_at(address: &str, credential: &str) -> Socket {
    let mut socket = Socket::open(address).await;
    let payload = json!({ "authorization": format!("Bearer {credential}") });
    socket
        .send(json!({ "type": "connection_init", "payload": payload }))
        .await;
    socket
}
