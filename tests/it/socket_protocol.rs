//! `graphql-transport-ws` word for word: who may say what and when, and the close code for everything else.

use serde_json::{Value, json};
use sitewright::config::AuthMode;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::graphql_served::{Served, open, serve};
use crate::support::Backend;

const WATCH: &str = "subscription { accountEvents { at } }";
const ASK: &str = "{ __typename }";

async fn short(change: impl FnOnce(&mut sitewright::config::Streams)) -> Served {
    serve(Backend::Sqlite, |config| change(&mut config.streams)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_introduce_itself_is_closed_with_4408() {
    let served = short(|streams| streams.init_ms = 200).await;
    let mut mute = served.raw_socket().await;
    // What is not an introduction does not buy time.
    mute.send(json!({ "type": "ping" })).await;
    assert_eq!(mute.receive().await, json!({ "type": "pong" }));
    assert_eq!(mute.closed().await, 4408);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_introduction_is_closed_with_4429() {
    let served = open(Backend::Sqlite).await;
    let mut socket = served.socket().await;
    socket.send(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.closed().await, 4429);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_in_use_is_closed_with_4409_and_a_free_one_is_used_again() {
    let served = open(Backend::Sqlite).await;
    let mut socket = served.socket().await;
    for _ in 0..2 {
        socket.subscribe("a", ASK, json!({})).await;
        assert_eq!(socket.receive().await["type"], "next");
        assert_eq!(socket.receive().await, json!({ "id": "a", "type": "complete" }));
    }
    socket.subscribe("a", WATCH, json!({})).await;
    socket.send(json!({ "id": "a", "type": "complete" })).await;
    socket.subscribe("a", WATCH, json!({})).await;
    socket.subscribe("b", ASK, json!({})).await;
    assert_eq!(socket.receive().await["id"], "b");
    assert_eq!(socket.receive().await, json!({ "id": "b", "type": "complete" }));
    socket.subscribe("a", WATCH, json!({})).await;
    let (code, reason) = socket.closed_because().await;
    assert_eq!((code, reason.as_str()), (4409, "Subscriber for a already exists"));
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_invalid_gets_an_error_and_the_socket_lives() {
    let served = open(Backend::Sqlite).await;
    let mut socket = served.socket().await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query A { __typename } query B { __typename }",
            "OPERATION_RESOLUTION_FAILURE",
        ),
    ] {
        socket.subscribe("a", query, json!({})).await;
        let message = socket.receive().await;
        assert_eq!(message["type"], "error", "{query}: {message}");
        assert_eq!(message["payload"][0]["extensions"]["code"], code, "{query}");
        assert!(message["payload"][0]["extensions"]["requestId"].is_string());
    }
    socket.subscribe("a", ASK, json!({})).await;
    assert_eq!(socket.receive().await["payload"]["data"]["__typename"], "Query");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_malformed_message_is_closed_with_4400_and_a_sentence() {
    let served = open(Backend::Sqlite).await;
    let texts = [
        "",
        "nonsense",
        "[]",
        "{}",
        r#"{"type":"next","id":"a"}"#,
        r#"{"type":"connection_terminate"}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","id":"a"}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{ a }"}}"#,
        r#"{"type":"subscribe","id":1,"payload":{"query":"{ a }"}}"#,
        r#"{"type":"subscribe","id":"a","payload":{"query":1}}"#,
        r#"{"type":"subscribe","id":"a","payload":{"query":"{ a }","variables":[]}}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"ping","payload":"x"}"#,
    ];
    let deep = "[".repeat(50_000);
    for text in texts.iter().copied().chain([deep.as_str()]) {
        let mut socket = served.socket().await;
        socket.say(Message::text(text)).await;
        let (code, reason) = socket.closed_because().await;
        assert_eq!(code, 4400, "{text:.60}");
        assert!(reason.starts_with("Invalid message: "), "{reason}");
    }
    let mut socket = served.socket().await;
    socket.say(Message::binary(br#"{"type":"ping"}"#.to_vec())).await;
    assert_eq!(socket.closed().await, 4400);
    // The server is as it was.
    assert_eq!(served.data(ASK, json!({})).await["__typename"], "Query");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_websocket_is_closed_with_the_code_of_the_standard() {
    let served = open(Backend::Sqlite).await;
    let mut socket = served.socket().await;
    let not_utf8 = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    socket.say(Message::Frame(not_utf8)).await;
    assert_eq!(socket.closed().await, 1007);
    let mut socket = served.socket().await;
    let reserved = Frame::message(vec![1], OpCode::Data(Data::Reserved(3)), true);
    socket.say(Message::Frame(reserved)).await;
    assert_eq!(socket.closed().await, 1002);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_closed_with_1009_and_its_sender_gets_to_see_it() {
    let served = open(Backend::Sqlite).await;
    // All of it is sent before anything is read, as a browser does.
    for megabytes in [2, 48] {
        let mut socket = served.socket().await;
        let text = "x".repeat(megabytes * 1024 * 1024);
        socket.say(Message::text(text)).await;
        let (code, reason) = socket.closed_because().await;
        assert_eq!((code, reason.as_str()), (1009, "A message has at most 1 MiB"));
    }
    // In pieces, each of which is small enough.
    let mut socket = served.socket().await;
    let piece = vec![b'x'; 600 * 1024];
    socket
        .say(Message::Frame(Frame::message(
            piece.clone(),
            OpCode::Data(Data::Text),
            false,
        )))
        .await;
    socket
        .say(Message::Frame(Frame::message(
            piece,
            OpCode::Data(Data::Continue),
            true,
        )))
        .await;
    assert_eq!(socket.closed().await, 1009);
    // The longest that is allowed.
    let mut socket = served.socket().await;
    let filler = "x".repeat(1024 * 1024 - 100);
    socket
        .subscribe("a", ASK, json!({ "unused": filler[..filler.len() - 100] }))
        .await;
    assert_ne!(socket.receive().await["type"], Value::Null);
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_socket_runs_so_many_operations_and_no_more() {
    let served = short(|streams| streams.operations = 3).await;
    let mut socket = served.socket().await;
    for id in ["1", "2", "3", "4"] {
        socket.subscribe(id, WATCH, json!({})).await;
    }
    let message = socket.receive().await;
    assert_eq!((&message["id"], &message["type"]), (&json!("4"), &json!("error")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "BAD_REQUEST");
    socket.send(json!({ "id": "1", "type": "complete" })).await;
    socket.subscribe("4", ASK, json!({})).await;
    assert_eq!(socket.receive().await["payload"]["data"]["__typename"], "Query");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operations_of_a_socket_hold_is_bounded() {
    let served = open(Backend::Sqlite).await;
    let mut socket = served.socket().await;
    let large = "x".repeat(700 * 1024);
    let watch = "subscription($a: Cursor) { accountEvents(after: $a) { at } }";
    for id in ["1", "2", "3"] {
        socket.subscribe(id, watch, json!({ "a": null, "unused": large })).await;
    }
    let refused = loop {
        // A stricter door may refuse the variable that is not declared; what it refuses it does not keep.
        let message = socket.receive().await;
        if message["id"] == "3" {
            break message;
        }
    };
    assert_eq!(refused["type"], "error", "{refused}");
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answers_pings_stays_and_one_that_is_silent_is_closed() {
    let served = short(|streams| (streams.ping_ms, streams.silence_ms) = (50, 400)).await;
    let mut silent = served.socket().await;
    let mut alive = served.socket().await;
    alive.subscribe("a", WATCH, json!({})).await;
    let began = std::time::Instant::now();
    // Reading answers pings, and this one reads for several times as long as silence may last.
    let listening = tokio::time::timeout(std::time::Duration::from_millis(1_500), alive.receive());
    assert!(listening.await.is_err(), "there was nothing to hear");
    alive.subscribe("b", ASK, json!({})).await;
    assert_eq!(alive.receive().await["id"], "b");
    // The other has not read, so it has not answered.
    assert_eq!(silent.closed().await, 1001);
    assert!(began.elapsed() >= std::time::Duration::from_millis(400));
    served.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sockets_are_sent_away_one_after_the_other() {
    let mut served = short(|streams| streams.leave_ms = 60_000).await;
    let mut sockets = Vec::new();
    for _ in 0..60 {
        sockets.push(served.socket().await);
    }
    let began = std::time::Instant::now();
    let ends = sockets.into_iter().map(|mut socket| {
        tokio::spawn(async move {
            assert_eq!(socket.closed().await, 1012);
            began.elapsed().as_millis()
        })
    });
    let ends: Vec<_> = ends.collect();
    served.stop().await;
    let mut times = Vec::new();
    for end in ends {
        times.push(end.await.unwrap());
    }
    times.sort_unstable();
    // 60 sockets leave within 600 ms; sixty numbers below 600 whose middle half is this narrow are no accident.
    assert!(times[45] - times[15] >= 60, "they left together: {times:?}");
    served.world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_none_is_answered_in_words() {
    let served = serve(Backend::Sqlite, |config| config.auth.mode = AuthMode::Keys).await;
    let ask = |headers: &[(&'static str, &'static str)]| {
        let mut request = served.client.get(served.url("/graphql")).header("upgrade", "websocket");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send()
    };
    let key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let (connection, version) = (("connection", "upgrade"), ("sec-websocket-version", "13"));
    let old = ("sec-websocket-version", "8");
    let other = ("sec-websocket-protocol", "graphql-ws");
    for (headers, status) in [
        (vec![], 400),
        (vec![connection, version], 400),
        (vec![connection, key, old], 426),
        (vec![connection, key, version], 400),
        (vec![connection, key, version, other], 400),
    ] {
        let answer = ask(&headers).await.unwrap();
        assert_eq!(answer.status(), status, "{headers:?}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{headers:?}");
    }
    served.settle().await;
}
