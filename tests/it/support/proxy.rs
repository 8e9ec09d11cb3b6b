//! A TCP proxy in front of a server: passes everything on, falls silent, or loses what the server answers.
//!
//! A silent proxy is a paused server or a network that drops packets: nothing is refused, nothing is answered, and what
//! was sent meanwhile arrives when it speaks again.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Silent,
    /// What clients say arrives, answers are lost and then the connection is.
    Deaf,
}

pub struct Proxy {
    port: u16,
    mode: watch::Sender<Mode>,
}

impl Proxy {
    /// A proxy in front of this port of this machine.
    pub async fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("it has an address").port();
        let (mode, seen) = watch::channel(Mode::Pass);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                        let ((from, to), (back, home)) = (client.into_split(), server.into_split());
                        tokio::spawn(pipe(from, home, seen.clone(), false));
                        pipe(back, to, seen, true).await;
                    }
                });
            }
        });
        Proxy { port: own, mode }
    }

    /// The same address behind the proxy.
    pub fn of_url(&self, url: &str, port: u16) -> String {
        let (old, new) = (format!(":{port}/"), format!(":{}/", self.port));
        assert!(url.contains(&old), "{url} has no port {port}");
        url.replace(&old, &new)
    }

    pub fn silence(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    pub fn lose_answers(&self) {
        self.mode.send_replace(Mode::Deaf);
    }

    pub fn speak(&self) {
        self.mode.send_replace(Mode::Pass);
    }
}

async fn pipe(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>, is_answer: bool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if mode.wait_for(|mode| *mode != Mode::Silent).await.is_err() {
            return;
        }
        if is_answer && *mode.borrow() == Mode::Deaf {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
