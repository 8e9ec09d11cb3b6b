//! A WebSocket client that costs little: it reads frames and looks at nothing that it is not asked to.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Outcome;
use crate::requests::find;

pub struct Socket {
    tcp: TcpStream,
    buffer: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
}

impl Socket {
    pub async fn connect(address: SocketAddr) -> Outcome<Socket> {
        let mut tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let hello = "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
        tcp.write_all(hello.as_bytes()).await?;
        let mut socket = Socket {
            tcp,
            buffer: Vec::new(),
            at: 0,
        };
        loop {
            socket.read().await?;
            if let Some(end) = find(&socket.buffer, b"\r\n\r\n") {
                if !socket.buffer.starts_with(b"HTTP/1.1 101") {
                    return Err(String::from_utf8_lossy(&socket.buffer).into_owned().into());
                }
                socket.at = end + 4;
                return Ok(socket);
            }
        }
    }

    /// The same, introduced as the protocol wants it.
    pub async fn introduced(address: SocketAddr) -> Outcome<Socket> {
        let mut socket = Socket::connect(address).await?;
        socket.say(&serde_json::json!({ "type": "connection_init" })).await?;
        socket.frame().await?;
        Ok(socket)
    }

    async fn read(&mut self) -> Outcome<()> {
        match self.tcp.read_buf(&mut self.buffer).await? {
            0 => Err("the server hung up".into()),
            _ => Ok(()),
        }
    }

    pub async fn say(&mut self, word: &Value) -> Outcome<()> {
        let text = word.to_string();
        // A mask of zeros: the text stays as it is.
        let mut frame = vec![0x81];
        match text.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        Ok(self.tcp.write_all(&frame).await?)
    }

    /// What the next text frame says.
    pub async fn frame(&mut self) -> Outcome<&[u8]> {
        loop {
            if let Some((kind, start, end)) = self.complete() {
                self.at = end;
                match kind {
                    1 => return Ok(&self.buffer[start..end]),
                    8 => return Err("the server closed the socket".into()),
                    _ => continue,
                }
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            self.read().await?;
        }
    }

    /// Kind, start and end of the frame at hand, once all of it is here.
    fn complete(&self) -> Option<(u8, usize, usize)> {
        let rest = &self.buffer[self.at..];
        let (kind, short) = (rest.first()? & 15, usize::from(rest.get(1)? & 127));
        let (head, length) = match short {
            126 => (4, usize::from(u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(rest.get(2..10)?.try_into().ok()?) as usize),
            length => (2, length),
        };
        let start = self.at + head;
        (self.buffer.len() >= start + length).then_some((kind, start, start + length))
    }
}
