//! Clients that come and go, that never read, that vanish without a word, and that read a kilobyte a second.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{SinkExt, StreamExt};
use rand::RngExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::checks::written_once;
use crate::client::Client;
use crate::experiments::{Measured, Trial};
use crate::footprint::Footprint;
use crate::load::{follow_all, moves, start_all, writers};
use crate::nodes::Nodes;
use crate::stage::{LONG, Stage};
use crate::support::Backend;
use crate::support::process::{Environment, Server, Socket};
use crate::support::proxy::Proxy;

/// The socket is dropped after any item, and another node goes on from its cursor: a hundred times.
///
/// Seen to fail: with a feed that begins one item too late after a cursor and takes whatever comes for what follows.
pub async fn reconnecting(mut trial: Trial) -> Measured {
    let stage = Stage::with_pages(trial.backend, 40).await;
    stage.model.speed(250);
    let nodes = match trial.backend {
        Backend::Sqlite => 1,
        Backend::Postgres | Backend::Redis => 3,
    };
    let nodes = Nodes::new(join_all((0..nodes).map(|_| stage.node(LONG))).await);
    let at_first = Footprint::of(&stage, &nodes.at(0)).await;
    let wanted = if trial.is_quick { 50 } else { 100 };
    let mut drops = 0;
    let mut clients = Vec::new();
    for mut client in writers(&stage) {
        if drops >= wanted {
            break;
        }
        client.start(&nodes, drops).await;
        while drops < wanted && client.viewer.ended == 0 {
            let left = std::sync::atomic::AtomicUsize::new(trial.chance.random_range(0..5));
            let enough = |_: &_| {
                left.fetch_update(
                    std::sync::atomic::Ordering::Relaxed,
                    std::sync::atomic::Ordering::Relaxed,
                    |n| n.checked_sub(1),
                )
                .is_err()
            };
            let place = trial.chance.random_range(0..nodes.count());
            drops += usize::from(client.watch(&stage, &nodes.at(place), enough).await);
        }
        client.follow(&stage, &nodes, drops, |_| false).await;
        written_once(&stage, &client).await;
        clients.push(client);
    }
    assert!(drops >= wanted, "only {drops} sockets were dropped");
    at_first.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    vec![("drops", drops as f64)]
}

/// Some 60 KB an answer.
const LARGE: &str = "{ __schema { types { name description fields { name description args { name description } } } } }";

/// Asks a lot and never reads. Freed within fifteen seconds; memory bounded; others are served.
///
/// Seen to fail: with `streams.write_ms` of a minute.
pub async fn never_reads(trial: Trial) -> Measured {
    let stage = Stage::with_pages(trial.backend, 4).await;
    stage.model.speed(100);
    let nodes = Nodes::new([stage.node(LONG).await]);
    let at_rest = Footprint::of(&stage, &nodes.at(0)).await;
    let mut clients = writers(&stage);
    start_all(&nodes, &mut clients).await;
    let mut grown = 0;
    let took = follow_all(&stage, &nodes, &mut clients, async {
        let server = nodes.at(0);
        let at_first = Footprint::of(&stage, &server).await;
        let mute = until_nothing_more_is_taken(&server).await;
        let since = Instant::now();
        grown = Footprint::of(&stage, &server)
            .await
            .resident_kb
            .saturating_sub(at_first.resident_kb);
        assert!(grown < 64 * 1024, "{grown} KB for one client that does not read");
        // Fifteen seconds are promised; a busy machine is given ten more.
        let limit = Duration::from_secs(25);
        let took = freed(since, mute, limit).await;
        assert!(took < limit, "it is held for {took:?}");
        took
    })
    .await;
    for client in &clients {
        written_once(&stage, client).await;
    }
    at_rest.is_back(&stage, &nodes.at(0)).await;
    nodes.stop().await;
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    vec![("freed after s", took.as_secs_f64()), ("memory KB", grown as f64)]
}

/// A WebSocket that asks and asks, until the server stops listening to it.
async fn until_nothing_more_is_taken(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 * 1024).expect("a small window");
    let stream = socket.connect(server.address).await.expect("it listens");
    let mut request = format!("ws://{}/graphql", server.address)
        .into_client_request()
        .expect("a request");
    let protocol = "graphql-transport-ws".parse().expect("a header");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .expect("a WebSocket");
    let init = json!({ "type": "connection_init" }).to_string();
    socket.send(Message::text(init)).await.expect("it listens");
    socket
        .next()
        .await
        .expect("an acknowledgement")
        .expect("an acknowledgement");
    for number in 0.. {
        let payload = json!({ "query": LARGE });
        let message = json!({ "id": number.to_string(), "type": "subscribe", "payload": payload });
        let sending = socket.send(Message::text(message.to_string()));
        match tokio::time::timeout(Duration::from_millis(300), sending).await {
            Ok(sent) => sent.expect("it listens"),
            Err(_) => break,
        }
    }
    socket.into_inner()
}

/// Waits until the server ended this connection, without reading what it had sent.
async fn freed(since: Instant, mute: TcpStream, limit: Duration) -> Duration {
    let ours = mute.local_addr().expect("it has an address").port();
    let theirs = mute.peer_addr().expect("it has an address").port();
    while since.elapsed() < limit && crate::footprint::is_established(theirs, ours) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    since.elapsed()
}

/// A client that is gone without a word: nothing arrives, nothing is refused. Let go within 45 seconds.
///
/// Seen to fail: with `streams.silence_ms` of five minutes.
pub async fn half_open(trial: Trial) -> Measured {
    // Quick: the same three times as fast.
    let quick: Environment = &[
        ("SITEWRIGHT_STREAMS__PING_MS", "2000"),
        ("SITEWRIGHT_STREAMS__SILENCE_MS", "5000"),
    ];
    let (environment, silence) = match trial.is_quick {
        true => (quick, Duration::from_secs(5)),
        false => (&[] as Environment, Duration::from_secs(45)),
    };
    let stage = Stage::with_pages(trial.backend, 1).await;
    let server = stage.node(environment).await;
    let at_first = Footprint::of(&stage, &server).await;
    let proxy = Proxy::to(server.address.port()).await;
    let way = SocketAddr::from(([127, 0, 0, 1], proxy.port()));
    let mut socket = Socket::open(way, None).await.expect("it listens");
    let site = stage.world.site(stage.world.blueprint(stage.world.account).await).await;
    let id = sitewright::ids::GlobalId::new(sitewright::ids::IdKind::Blueprint, site.blueprint.id).to_string();
    let watch = "subscription($id: ID!) { blueprintEvents(blueprintId: $id) { __typename } }";
    socket.ask(watch, json!({ "id": id })).await.expect("it listens");
    socket.payload().await.expect("a snapshot");
    assert_eq!(Footprint::of(&stage, &server).await.clients, 1);
    proxy.silence();
    let since = Instant::now();
    // The last sign of life was a moment before. The last word takes two seconds, and a busy machine is given five seconds more.
    while Footprint::of(&stage, &server).await.clients > 0 {
        assert!(
            since.elapsed() < silence + Duration::from_secs(8),
            "it is held for {:?}",
            since.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let took = since.elapsed();
    assert!(
        took > silence - Duration::from_secs(1),
        "it was let go after {took:?} already"
    );
    drop(socket);
    at_first.is_back(&stage, &server).await;
    Nodes::new([server]).stop().await;
    stage.close(&[]).await;
    vec![("freed after s", took.as_secs_f64())]
}

/// One who reads a kilobyte a second sees the same end as the others, or is cut off; the others do not notice.
pub async fn kilobyte_a_second(trial: Trial) -> Measured {
    let mut stage = Stage::with_pages(trial.backend, 4).await;
    stage.model.speed(60);
    let nodes = Nodes::new([stage.node(LONG).await]);
    let server = nodes.at(0);
    let mut clients = writers(&stage);
    let at_first = Footprint::of(&stage, &server).await;
    start_all(&nodes, &mut clients).await;
    let way = trickle(server.address).await;
    let mut slow = Client::new(clients[0].wish);
    (slow.key, slow.job) = (clients[0].key.clone(), clients[0].job);
    let watching = async {
        let mut connections = 0;
        while slow.viewer.ended == 0 && connections <= 20 {
            slow.watch_at(&stage, way, |_| false).await;
            connections += 1;
        }
        connections
    };
    let others = async {
        follow_all(&stage, &nodes, &mut clients, async {}).await;
        Instant::now()
    };
    let since = Instant::now();
    let (connections, others_ended) = tokio::join!(watching, others);
    let slow_took = since.elapsed();
    assert!(slow.viewer.ended == 1, "the slow one never saw the end: {slow:?}");
    let behind = slow_took.saturating_sub(others_ended - since);
    at_first.is_back(&stage, &server).await;
    nodes.stop().await;
    for client in &clients {
        written_once(&stage, client).await;
    }
    assert!(moves(&clients) == 0.0, "others were cut off");
    stage.moves = 20;
    clients.push(slow);
    stage.close(&clients.iter().collect::<Vec<_>>()).await;
    vec![
        ("connections", f64::from(connections)),
        ("behind the others s", behind.as_secs_f64()),
    ]
}

/// A way to a server that carries a kilobyte a second back, and takes no more from the server than that.
async fn trickle(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let own = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.set_recv_buffer_size(2 * 1024).expect("a small window");
                let Ok(server) = socket.connect(server).await else {
                    return;
                };
                let ((mut from, mut to), (mut back, mut home)) = (client.into_split(), server.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut home).await });
                let mut piece = [0; 1024];
                while let Ok(length @ 1..) = back.read(&mut piece).await {
                    if to.write_all(&piece[..length]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_secs(1) * length as u32 / 1024).await;
                }
            });
        }
    });
    own
}
