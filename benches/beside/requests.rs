//! builderMetadata in a closed loop of 32 connections: requests a second and processor time each.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;
use crate::process::Process;

const CONNECTIONS: usize = 32;
const ROUND: Duration = Duration::from_secs(3);
/// Each server in its turn, so often.
const ROUNDS: usize = 3;

/// What a wizard asks for: about 10 KB.
const METADATA: &str = "{ builderMetadata { businessTypes { ...O } audienceProfiles { ...O } brandPersonalities { ...O } \
    heroImageryDirections { ...O } prices { id kind amount } } } fragment O on BuilderOption { id name description order }";

pub async fn run() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let server = Process::sitewright(&folder.path().join("db"), &[])?;
    let cached = request(METADATA);
    let mut buffer = Vec::new();
    let start = ask(&mut TcpStream::connect(server.address).await?, &cached, &mut buffer).await?;
    let answer = std::str::from_utf8(&buffer[start..])?;
    let recorded = folder.path().join("recorded");
    std::fs::write(&recorded, json!([answer]).to_string())?;
    let bare = Process::bare(&recorded)?;
    println!("builderMetadata, {} bytes, {CONNECTIONS} connections:", answer.len());
    let mut best = [0.0f64; 2];
    for _ in 0..ROUNDS {
        for (at, name, process) in [(0, "bare axum", &bare), (1, "cached", &server)] {
            let cached = cached.clone();
            best[at] = best[at].max(measure(name, process, move |_| cached.clone()).await?);
        }
    }
    println!("  ratio to the bare handler: {:.2} (goal 0.50)", best[1] / best[0]);
    // A query that is the caller's own is executed each time; its document is known.
    let own = request("{ viewer { role } }");
    measure("executed, document known", &server, move |_| own.clone()).await?;
    measure("executed, document new", &server, |number| {
        request(&format!("{{ viewer {{ a{number}: role }} }}"))
    })
    .await?;
    Ok(())
}

fn request(query: &str) -> Vec<u8> {
    let body = json!({ "query": query }).to_string();
    let head = "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\naccept: */*\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Requests a second.
async fn measure(
    name: &str,
    process: &Process,
    make: impl Fn(usize) -> Vec<u8> + Clone + Send + 'static,
) -> Outcome<f64> {
    let (busy, began) = (process.cpu()?, Instant::now());
    let loops: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let (address, make) = (process.address, make.clone());
            tokio::spawn(async move {
                let mut tcp = TcpStream::connect(address).await?;
                tcp.set_nodelay(true)?;
                let (mut buffer, mut count) = (Vec::new(), 0);
                while began.elapsed() < ROUND {
                    ask(&mut tcp, &make(connection * 10_000_000 + count), &mut buffer).await?;
                    count += 1;
                }
                Outcome::Ok(count)
            })
        })
        .collect();
    let mut count = 0;
    for each in loops {
        count += each.await??;
    }
    let (busy, rate) = (process.cpu()? - busy, count as f64 / began.elapsed().as_secs_f64());
    println!(
        "  {name}: {rate:.0} requests/s, server CPU {:.1} µs each",
        busy.as_secs_f64() * 1e6 / count as f64
    );
    Ok(rate)
}

/// One request; its answer's body is in the buffer from the place that comes back.
async fn ask(tcp: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> Outcome<usize> {
    tcp.write_all(request).await?;
    buffer.clear();
    let mut body: Option<(usize, usize)> = None;
    while body.is_none_or(|(start, length)| buffer.len() < start + length) {
        if tcp.read_buf(buffer).await? == 0 {
            return Err("the server hung up".into());
        }
        if body.is_none()
            && let Some(end) = find(buffer, b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..end])?;
            if !head.starts_with("HTTP/1.1 200") {
                return Err(head.into());
            }
            let length = head.split("content-length: ").nth(1).ok_or("no length")?;
            let length = length.split('\r').next().unwrap_or_default().parse()?;
            body = Some((end + 4, length));
        }
    }
    body.map(|(start, _)| start).ok_or_else(|| "no body".into())
}

pub fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|at| at == word)
}
