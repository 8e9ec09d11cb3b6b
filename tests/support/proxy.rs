//! A TCP proxy in front of a server: passes everything on, late if told so, falls silent, cuts, or loses what one side says.
//!
//! A silent proxy is a paused server or a network that drops packets: nothing is refused, nothing is answered, and what
//! was sent meanwhile arrives when it speaks again. A cut one ends its connections and takes no others.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Pass,
    Silent,
    /// What clients say arrives, answers are lost and then the connection is.
    Deaf,
    /// The same from the next `COMMIT` on, which arrives.
    DeafAfterCommit,
    /// What clients say is lost, and they are not told: their connections stay until the proxy speaks again.
    Unheard,
    Cut,
}

#[derive(Debug, Clone, Copy)]
struct Weather {
    mode: Mode,
    /// How late everything arrives, in both directions.
    delay: Duration,
}

pub struct Proxy {
    port: u16,
    weather: watch::Sender<Weather>,
    /// What it was told to lose and did: commits whose answer is lost, pieces of questions, connections.
    lost: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy in front of this port of this machine.
    pub async fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("it has an address").port();
        let (mode, delay) = (Mode::Pass, Duration::ZERO);
        let (weather, seen) = watch::channel(Weather { mode, delay });
        let lost = Arc::new(AtomicUsize::new(0));
        let counted = lost.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if seen.borrow().mode != Mode::Cut {
                    tokio::spawn(connection(client, port, seen.clone(), counted.clone()));
                }
            }
        });
        Proxy {
            port: own,
            weather,
            lost,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many commits it lost the answer to, how many pieces of what clients said, or how many connections it cut.
    pub fn lost(&self) -> usize {
        self.lost.load(Relaxed)
    }

    /// The same address behind the proxy.
    pub fn of_url(&self, url: &str, port: u16) -> String {
        let (old, new) = (format!(":{port}"), format!(":{}", self.port));
        assert!(url.contains(&old), "{url} has no port {port}");
        url.replace(&old, &new)
    }

    pub fn silence(&self) {
        self.set(Mode::Silent);
    }

    pub fn lose_answers(&self) {
        self.set(Mode::Deaf);
    }

    /// The next commit happens, and who asked for it does not hear of it.
    pub fn lose_answers_to_commits(&self) {
        self.set(Mode::DeafAfterCommit);
    }

    pub fn lose_questions(&self) {
        self.set(Mode::Unheard);
    }

    pub fn cut(&self) {
        self.set(Mode::Cut);
    }

    pub fn speak(&self) {
        self.set(Mode::Pass);
    }

    pub fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }

    fn set(&self, mode: Mode) {
        self.weather.send_modify(|weather| weather.mode = mode);
    }
}

/// Both directions of one connection, until either ends or the proxy is cut.
async fn connection(client: TcpStream, port: u16, seen: watch::Receiver<Weather>, lost: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let ((from, to), (back, home)) = (client.into_split(), server.into_split());
    let mut cut = seen.clone();
    let committed = &AtomicBool::new(false);
    let lost = &lost;
    tokio::select! {
        // A direction that ends politely leaves the other one open, as TCP does.
        _ = async {
            tokio::join!(
                pipe(from, home, seen.clone(), false, committed, lost),
                pipe(back, to, seen, true, committed, lost)
            )
        } => {}
        _ = cut.wait_for(|weather| weather.mode == Mode::Cut) => {
            lost.fetch_add(1, Relaxed);
        }
    }
}

async fn pipe(
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    weather: watch::Receiver<Weather>,
    is_answer: bool,
    committed: &AtomicBool,
    lost: &AtomicUsize,
) {
    let (late, due) = mpsc::channel(64);
    tokio::join!(
        take(from, late, weather.clone(), is_answer, committed, lost),
        give(due, to, weather)
    );
}

/// Reads, and says when each piece is due.
async fn take(
    mut from: OwnedReadHalf,
    late: mpsc::Sender<(Instant, Vec<u8>)>,
    mut weather: watch::Receiver<Weather>,
    is_answer: bool,
    committed: &AtomicBool,
    lost: &AtomicUsize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let mode = weather.borrow_and_update().mode;
        if is_answer && (mode == Mode::Deaf || committed.load(Relaxed)) {
            return;
        }
        // Its own message, in every protocol that is spoken here.
        if !is_answer && mode == Mode::DeafAfterCommit && buffer[..length].windows(7).any(|bytes| bytes == b"COMMIT\0")
        {
            committed.store(true, Relaxed);
            lost.fetch_add(1, Relaxed);
        }
        if !is_answer && mode == Mode::Unheard {
            lost.fetch_add(1, Relaxed);
            // The connection lost something: it cannot go on once others do.
            let spoke = weather.wait_for(|weather| weather.mode != Mode::Unheard);
            tokio::select! {
                _ = spoke => return,
                _ = swallow(&mut from) => return,
            }
        }
        let due = Instant::now() + weather.borrow().delay;
        if late.send((due, buffer[..length].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn swallow(from: &mut OwnedReadHalf) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(1..) = from.read(&mut buffer).await {}
}

async fn give(
    mut due: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) {
    while let Some((at, piece)) = due.recv().await {
        tokio::time::sleep_until(at).await;
        let speaks = weather.wait_for(|weather| weather.mode != Mode::Silent).await.is_ok();
        if !speaks || to.write_all(&piece).await.is_err() {
            return;
        }
    }
}
