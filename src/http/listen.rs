//! The listener: it sends small messages at once and drops whoever does not read.
//!
//! hyper waits for a reader for ever, and a stream of events never ends: without a limit here a client that stops
//! reading would keep its connection, its buffers and its watch on a job until the process ends.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Sleep;

/// Connections that may wait to be accepted; a system that is told to keeps fewer (`net.core.somaxconn`).
///
/// Who finds no room hears nothing and tries again after a second, then after three, then seven. After a restart everybody
/// comes back at once, and the 128 that are usual are soon full.
const BACKLOG: u32 = 1024;

/// Listens where nobody else does.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // What connections of a process before left behind does not keep the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

pub struct Door {
    listener: TcpListener,
    patience: Duration,
}

impl Door {
    /// `patience` is how long a client may leave everything unread while there is something to write.
    pub fn new(listener: TcpListener, patience: Duration) -> Self {
        Door { listener, patience }
    }
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (tcp, peer) = Listener::accept(&mut self.listener).await;
        // An event is small and must not wait for the next one.
        if let Err(cause) = tcp.set_nodelay(true) {
            tracing::debug!(%cause, "a connection delays small messages");
        }
        let wire = Wire {
            tcp,
            patience: self.patience,
            blocked: None,
        };
        (wire, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection whose writes fail once the peer has read nothing for too long.
pub struct Wire {
    tcp: TcpStream,
    patience: Duration,
    /// Runs while a write waits.
    blocked: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// The bare connection, for a protocol that watches its writes itself.
    pub fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.blocked = None;
            return written;
        }
        let patience = self.patience;
        let blocked = self
            .blocked
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(blocked.as_mut().poll(cx));
        // What was not read is thrown away with the connection: the kernel would keep it for minutes.
        let _ = self.tcp.set_zero_linger();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
