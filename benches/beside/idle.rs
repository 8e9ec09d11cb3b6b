//! What an open socket with one subscription costs while nothing happens: 5,000 of them watch jobs that wait.

use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::process::Process;
use crate::sockets::Socket;
use crate::watching::{WATCH, World};

const SOCKETS: usize = 5_000;

pub async fn run() -> Outcome<()> {
    println!("Idle sockets, {SOCKETS} of them:");
    let world = World::new(1, &[("SITEWRIGHT_JOBS__CONCURRENCY", "0")]).await?;
    let job = world.start(0).await?;
    let payload = json!({ "query": WATCH, "variables": { "job": job } });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
    let first = watching(&world.server, &subscribe).await?;
    let (before, mut held) = (world.server.resident()?, vec![first]);
    for _ in 0..SOCKETS {
        held.push(watching(&world.server, &subscribe).await?);
    }
    report("with one subscription each", &world.server, before).await?;
    let recorded = world.record(&["nothing"])?;
    let bare = Process::bare(&recorded)?;
    let mut others = vec![Socket::connect(bare.address).await?];
    let before = bare.resident()?;
    for _ in 0..SOCKETS {
        others.push(Socket::connect(bare.address).await?);
    }
    report("bare axum", &bare, before).await
}

async fn watching(server: &Process, subscribe: &serde_json::Value) -> Outcome<Socket> {
    let mut socket = Socket::introduced(server.address).await?;
    socket.say(subscribe).await?;
    // The first event: it is attached, and what follows is silence.
    socket.frame().await?;
    Ok(socket)
}

async fn report(name: &str, server: &Process, before: u64) -> Outcome<()> {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let grown = server.resident()?.saturating_sub(before);
    println!("  {name}: {:.1} KiB resident each", grown as f64 / SOCKETS as f64);
    Ok(())
}
