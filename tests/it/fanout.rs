//! Many watchers of one job whose events are executed once: each has its own place and pace, and sees everything.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sitewright::ids::{Cursor, GlobalId, IdKind};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

use crate::graphql_served::{Served, narrow_listener, open, serve_at};
use crate::support::process::heard;
use crate::support::{Backend, PATIENCE, Viewer};

const EVENTS: &str = "__typename cursor ... on BlockReady { blockId } ... on TextWritten { blockId path offset text }
    ... on JobSnapshot { blocks { id status } open { blockId path text } }";

/// A watcher of one job on a connection of its own, which the kernel buffers little for.
struct Watcher {
    socket: WebSocketStream<TcpStream>,
    viewer: Viewer,
}

impl Watcher {
    async fn open(served: &Served, id: &str, job: Uuid, viewer: Viewer, more: &str) -> Watcher {
        let tcp = TcpSocket::new_v4().unwrap();
        tcp.set_recv_buffer_size(4 * 1024).unwrap();
        let tcp = tcp.connect(served.address.parse().unwrap()).await.unwrap();
        let mut request = format!("ws://{}/graphql", served.address)
            .into_client_request()
            .unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
        let epoch = served.world.app.epoch.clone();
        let after = viewer.cursor.map(|at| Cursor::Job { epoch, id: job, at }.encode());
        let query = format!(
            "subscription($job: ID!, $after: Cursor) {{ jobEvents(jobId: $job, after: $after) {{ {EVENTS} {more} }} }}"
        );
        let variables = json!({ "job": GlobalId::new(IdKind::Job, job).to_string(), "after": after });
        let payload = json!({ "query": query, "variables": variables });
        for word in [
            json!({ "type": "connection_init" }),
            json!({ "id": id, "type": "subscribe", "payload": payload }),
        ] {
            socket.send(Message::text(word.to_string())).await.unwrap();
        }
        Watcher { socket, viewer }
    }

    /// Hears one event more; false when the stream is complete.
    async fn hear(&mut self, served: &Served, id: &str) -> bool {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let message = message
                .expect("the server says something")
                .expect("it is open")
                .unwrap();
            let Message::Text(text) = message else { continue };
            let mut word: Value = serde_json::from_str(&text).unwrap();
            match word["type"].as_str().unwrap() {
                "connection_ack" => {}
                "complete" => return false,
                "next" => {
                    assert_eq!(word["id"], id, "the bytes are shared, the name is not");
                    let payload = word["payload"].take();
                    self.viewer.hear(&served.world.app.db, heard(&payload)).await;
                    return true;
                }
                _ => panic!("{word}"),
            }
        }
    }
}

async fn watchers_of_one_job_each_have_their_own_place(backend: Backend) {
    let served = open(backend).await;
    let site = served.world.planned(served.world.account).await;
    let page = site.pages[0].id;
    served.world.script.speed(800);
    let job = served.world.start_page(served.world.account, page).await;
    let watching = (0..16).map(|number| {
        let served = &served;
        async move {
            let id = format!("watcher \"{number}\"");
            // Entities are loaded for some: those executions wait for the database.
            let more = ["", "", "job { id state progress }", "at"][number % 4];
            let mut viewer = Viewer::default();
            while viewer.ended == 0 {
                let mut watcher = Watcher::open(served, &id, job, viewer, more).await;
                let mut left = 5 + number * 7;
                // Some leave in between and come back to their place.
                while watcher.hear(served, &id).await && (number % 3 != 0 || left > 0) {
                    left = left.saturating_sub(1);
                }
                viewer = watcher.viewer;
            }
            viewer.check(&served.world.app.db, job, Some(page)).await;
            assert!(viewer.pieces > 0);
        }
    });
    futures::future::join_all(watching).await;
    served.settle().await;
}

/// Slower than the writer, but reading: it never loses its connection, and what it missed comes as a snapshot.
async fn a_slow_reader_gets_snapshots_and_ends_with_the_stored_text(backend: Backend) {
    let served = serve_at(narrow_listener(), backend, |config| config.events.ring_items = 30).await;
    let site = served.world.planned(served.world.account).await;
    let page = site.pages[0].id;
    served.world.script.speed(1_000);
    let job = served.world.start_page(served.world.account, page).await;
    // Large frames fill what the kernel buffers.
    let more: String = (0..29).map(|number| format!("a{number}: cursor ")).collect();
    let slow = async {
        let mut watcher = Watcher::open(&served, "slow", job, Viewer::default(), &more).await;
        // Its slowness is the point: some 50 frames a second, of a thousand pieces.
        while watcher.hear(&served, "slow").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        watcher.viewer
    };
    let quick = async {
        let mut watcher = Watcher::open(&served, "quick", job, Viewer::default(), "").await;
        while watcher.hear(&served, "quick").await {}
        watcher.viewer
    };
    let (slow, quick) = tokio::join!(slow, quick);
    for viewer in [&slow, &quick] {
        viewer.check(&served.world.app.db, job, Some(page)).await;
    }
    assert!(
        slow.snapshots > quick.snapshots,
        "{} and {}",
        slow.snapshots,
        quick.snapshots
    );
    assert!(quick.pieces > slow.pieces, "{} and {}", quick.pieces, slow.pieces);
    served.settle().await;
}

on_both!(
    watchers_of_one_job_each_have_their_own_place,
    a_slow_reader_gets_snapshots_and_ends_with_the_stored_text,
);
