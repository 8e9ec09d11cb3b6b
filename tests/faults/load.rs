//! Many clients at once, and what befalls them meanwhile.

use std::time::Duration;

use futures::future::join_all;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::Semaphore;

use crate::client::{Client, Wish};
use crate::nodes::Nodes;
use crate::stage::Stage;

/// A client for each page.
pub fn writers(stage: &Stage) -> Vec<Client> {
    stage.pages.iter().map(|page| Client::new(Wish::Page(*page))).collect()
}

/// Starts each client's job, a few at a time: a hundred at once would try the patience of a server on a busy machine.
pub async fn start_all(nodes: &Nodes, clients: &mut [Client]) {
    let gate = &Semaphore::new(6);
    let mut starts = Vec::new();
    for (place, client) in clients.iter_mut().enumerate() {
        starts.push(async move {
            let _pass = gate.acquire().await.expect("it stays open");
            client.start(nodes, place).await;
        });
    }
    join_all(starts).await;
}

/// Every client watches to its end, the nth at the nth node first, while trouble comes.
pub async fn follow_all<T>(
    stage: &Stage,
    nodes: &Nodes,
    clients: &mut [Client],
    trouble: impl Future<Output = T>,
) -> T {
    let mut all = Vec::new();
    for (place, client) in clients.iter_mut().enumerate() {
        all.push(client.follow(stage, nodes, place, |_| false));
    }
    tokio::join!(trouble, join_all(all)).0
}

/// Waits until so many replies of the model flow at once.
pub async fn flowing(stage: &Stage, replies: usize) {
    let look = async {
        while stage.model.statistics().running < replies {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), look).await;
    seen.unwrap_or_else(|_| panic!("{replies} replies do not flow: {:?}", stage.model.statistics()));
}

/// A moment of chance.
pub async fn a_moment(chance: &mut StdRng, most_ms: u64) {
    tokio::time::sleep(Duration::from_millis(chance.random_range(0..most_ms))).await;
}

pub fn moves(clients: &[Client]) -> f64 {
    clients.iter().map(|client| client.moves).sum::<usize>() as f64
}

pub fn refusals(clients: &[Client]) -> f64 {
    clients.iter().map(|client| client.refusals).sum::<usize>() as f64
}

pub fn snapshots(clients: &[Client]) -> f64 {
    clients.iter().map(|client| client.viewer.snapshots).sum::<usize>() as f64
}
