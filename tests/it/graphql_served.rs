//! A world behind a real HTTP server on a free port, and clients for it.
//!
//! Clients speak the protocols themselves: what is tested is what leaves the process.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sitewright::auth::{self, NewKey};
use sitewright::config::{AuthMode, Config};
use sitewright::entities::Role;
use sitewright::ids::{GlobalId, IdKind};
use sitewright::{error, http};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Backend, World};

/// Longer than anything takes on a slow machine: only a real failure gets here.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Served {
    pub world: World,
    pub address: String,
    pub client: reqwest::Client,
    /// Sent as `Authorization: Bearer …`, if there is one.
    pub key: Option<String>,
    stop: CancellationToken,
    server: JoinHandle<error::Result<()>>,
}

/// A running world behind a server that asks for no key.
pub async fn open(backend: Backend) -> Served {
    serve(backend, |_| {}).await
}

/// The same behind a server that asks for keys; the key is the local account's.
pub async fn keyed(backend: Backend) -> Served {
    let mut served = serve(backend, |config| config.auth.mode = AuthMode::Keys).await;
    served.key = Some(served.new_key(served.world.account).await);
    served
}

/// The same with another configuration.
pub async fn serve(backend: Backend, change: impl FnOnce(&mut Config)) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve_at(listener, backend, change).await
}

/// A listener whose connections have little room in the kernel: they inherit it. Elsewhere it holds megabytes for a client
/// that does not read.
pub fn narrow_listener() -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(16).unwrap()
}

/// The same at a listener of the test's own.
pub async fn serve_at(listener: TcpListener, backend: Backend, change: impl FnOnce(&mut Config)) -> Served {
    let world = backend.world_with(change).await.started().await;
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    let server = tokio::spawn(http::serve(world.app.clone(), listener, stop.clone()));
    let client = reqwest::Client::new();
    Served {
        world,
        address,
        client,
        key: None,
        stop,
        server,
    }
}

impl Served {
    pub async fn new_key(&self, account: Uuid) -> String {
        self.new_key_of(account, Role::Owner).await
    }

    pub async fn new_key_of(&self, account: Uuid, role: Role) -> String {
        let new = NewKey {
            name: "test".to_string(),
            role,
            expires_at: None,
        };
        auth::create(&self.world.app.db, account, new).await.unwrap().1
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The whole answer to a request.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let mut request = self.client.post(self.url("/graphql")).body(body);
        request = request.header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().json().await.unwrap()
    }

    /// The data of a request that must succeed.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.ask(query, variables).await;
        assert_eq!(answer["errors"], Value::Null, "{query}");
        answer["data"].take()
    }

    /// A connection that has introduced itself.
    pub async fn socket(&self) -> Socket {
        let mut socket = self.raw_socket().await;
        let payload = match &self.key {
            Some(key) => json!({ "Authorization": format!("Bearer {key}") }),
            None => json!({}),
        };
        socket
            .send(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.receive().await["type"], "connection_ack");
        socket
    }

    pub async fn raw_socket(&self) -> Socket {
        Socket::open(&self.address).await
    }

    /// Tells the server to stop and waits until it has.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        let server = tokio::time::timeout(PATIENCE, &mut self.server).await;
        server.expect("the server stops").unwrap().unwrap();
    }

    /// The end of every test.
    pub async fn settle(mut self) {
        self.stop().await;
        self.world.settle().await;
    }
}

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// A connection that has said nothing yet.
    pub async fn open(address: &str) -> Socket {
        let mut request = format!("ws://{address}/graphql").into_client_request().unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        Socket(connect_async(request).await.unwrap().0)
    }

    pub async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    /// Whatever the client says, well formed or not.
    pub async fn say(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// The next message of the protocol.
    pub async fn receive(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a message, not {other:?}"),
        }
    }

    /// The code with which the server closes.
    pub async fn closed(&mut self) -> u16 {
        self.closed_because().await.0
    }

    /// The code and the reason with which the server closes.
    pub async fn closed_because(&mut self) -> (u16, String) {
        match self.next().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("expected a close, not {other:?}"),
        }
    }

    /// What the server says before it closes, and the code with which it does.
    pub async fn last_words(&mut self) -> (Vec<Value>, u16) {
        let mut words = Vec::new();
        loop {
            match self.next().await {
                Message::Text(text) => words.push(serde_json::from_str(&text).unwrap()),
                Message::Close(Some(frame)) => return (words, frame.code.into()),
                other => panic!("expected a message or a close, not {other:?}"),
            }
        }
    }

    async fn next(&mut self) -> Message {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await;
            let message = message.expect("the server says something");
            match message.expect("the socket is open").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }
}

/// The row behind a global id.
pub fn uuid(kind: IdKind, id: &Value) -> Uuid {
    GlobalId::parse_as(kind, id.as_str().unwrap()).unwrap()
}

/// The brief of the tests.
pub fn brief() -> Value {
    json!({ "businessName": "Rye & Shine", "summary": "A sourdough bakery in Leith." })
}
