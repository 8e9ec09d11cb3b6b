//! `sitewright ready`: the health check of a container, in an image that has no other program to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::failure::Failure;
use crate::config::Config;

/// A little more than the server takes to find that its database is away.
const PATIENCE: Duration = Duration::from_secs(3);
/// Far more than the answer needs.
const LIMIT: u64 = 4 * 1024;

pub async fn run(config: &Config) -> Result<(), Failure> {
    let address = here(config.server.listen);
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await;
    let answer = answer.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|cause| Failure::broken(format!("No server answers on {address} ({cause}).")))?;
    // The head's first line holds the status; the body says what stands in the way.
    match answer.split_once("\r\n\r\n") {
        Some((head, _)) if head.split(' ').nth(1) == Some("200") => Ok(()),
        Some((_, body)) => Err(Failure::broken(format!("The server on {address} is not ready: {body}"))),
        None => Err(Failure::broken(format!(
            "What answers on {address} is not this server."
        ))),
    }
}

/// Where the server of this configuration is spoken to from this machine.
pub fn graphql(config: &Config) -> String {
    format!("http://{}/graphql", here(config.server.listen))
}

/// A server that listens everywhere also listens here.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LIMIT).read_to_string(&mut answer).await?;
    Ok(answer)
}
