//! The WebSocket below the protocol: writes that end when nobody reads, and an end that the peer gets to see.

use std::borrow::Cow;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Holds a mutation with the longest brief: some 280 KB of text, and more where JSON escapes it.
const MESSAGE_LIMIT: usize = 1024 * 1024;
/// What a connection reads at once. Kept as long as it is open, so much smaller than the 128 KiB that are usual: most of
/// what clients say later on fits, and room for a longer message is made when it comes.
const READ_BUFFER: usize = 512;
/// What is collected before it is written.
const WRITE_BUFFER: usize = 32 * 1024;
/// How long the last word may take to leave a peer that is slow. After the ten seconds of streams.write_ms, one that reads
/// nothing is gone within fifteen.
const LAST_WORD: Duration = Duration::from_secs(4);
/// How long, and how much, is read from a peer that was told to go: one that is still sending would not see why.
const LINGER: Duration = Duration::from_secs(2);
const DISCARD_LIMIT: usize = 64 * 1024 * 1024;

/// Why a connection ends.
#[derive(Debug)]
pub enum End {
    /// With this code and this reason.
    Close(u16, Cow<'static, str>),
    /// The peer said goodbye.
    Goodbye,
    /// The peer is gone.
    Gone,
}

impl End {
    pub fn close(code: u16, reason: &'static str) -> Self {
        End::Close(code, Cow::Borrowed(reason))
    }
}

pub struct Wire {
    stream: WebSocketStream<TcpStream>,
    patience: Duration,
}

impl Wire {
    /// `read` is what came behind the handshake; a write that waits longer than `patience` is the end.
    pub async fn new(tcp: TcpStream, read: Vec<u8>, patience: Duration) -> Self {
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        let stream = WebSocketStream::from_partially_read(tcp, read, Role::Server, Some(limits));
        Wire {
            stream: stream.await,
            patience,
        }
    }

    /// The next message. What is no WebSocket is the end, with the code that RFC 6455 has for it.
    pub async fn next(&mut self) -> Result<Message, End> {
        match self.stream.next().await {
            Some(Ok(Message::Close(_))) => Err(End::Goodbye),
            Some(Ok(message)) => Ok(message),
            Some(Err(Error::Capacity(_))) => Err(End::close(1009, "A message has at most 1 MiB")),
            Some(Err(Error::Utf8(_))) => Err(End::close(1007, "A text is not UTF-8")),
            Some(Err(Error::Protocol(cause))) => Err(End::Close(1002, cause.to_string().into())),
            Some(Err(_)) | None => Err(End::Gone),
        }
    }

    /// Puts a message behind those that wait to be written.
    pub async fn feed(&mut self, message: Message) -> Result<(), End> {
        written(timeout(self.patience, self.stream.feed(message)).await)
    }

    /// Writes what waits.
    pub async fn flush(&mut self) -> Result<(), End> {
        written(timeout(self.patience, self.stream.flush()).await)
    }

    pub async fn send(&mut self, message: Message) -> Result<(), End> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Says why, if there is somebody to hear it, and lets go.
    pub async fn end(mut self, end: End) {
        let said = match end {
            End::Close(code, reason) => {
                let frame = CloseFrame {
                    code: code.into(),
                    reason: short(&reason).into(),
                };
                timeout(LAST_WORD, self.stream.close(Some(frame))).await
            }
            // The answer to a goodbye was queued when it was read.
            End::Goodbye => timeout(LAST_WORD, self.stream.flush()).await,
            End::Gone => return,
        };
        let mut tcp = self.stream.into_inner();
        if said.is_err() {
            // What was not read is thrown away: the kernel would keep it for minutes.
            let _ = tcp.set_zero_linger();
            return;
        }
        let _ = tcp.shutdown().await;
        let _ = timeout(LINGER, discard(tcp)).await;
    }
}

fn written(outcome: Result<Result<(), Error>, tokio::time::error::Elapsed>) -> Result<(), End> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::close(4412, "Nothing was read for too long. Come back")),
    }
}

async fn discard(mut tcp: TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    let mut read = 0;
    while let Ok(more @ 1..) = tcp.read(&mut buffer).await {
        read += more;
        if read > DISCARD_LIMIT {
            break;
        }
    }
}

/// A control frame holds 125 bytes, two of them the code.
fn short(reason: &str) -> &str {
    let end = (0..=reason.len().min(123))
        .rev()
        .find(|end| reason.is_char_boundary(*end));
    &reason[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_at_a_letter() {
        assert_eq!(short("Forbidden"), "Forbidden");
        assert_eq!(short(&"ä".repeat(100)).len(), 122);
    }
}
