//! The handshake: from a GET with `Upgrade: websocket` to a connection that is its own task.
//!
//! axum's own hides the connection behind it, and without it an oversize frame could not be read to its end, which its
//! sender needs in order to see why it was refused.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::connection::Connection;
use super::wire::Wire;
use crate::graphql::Code;
use crate::http::client_address::ClientAddress;
use crate::http::trace::RequestId;
use crate::http::{Web, answer, gate, listen};
use crate::limits::Key;

const SUBPROTOCOL: &str = "graphql-transport-ws";
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// Answers the handshake and lets the connection run.
pub fn accept(
    web: Web,
    id: RequestId,
    from: ClientAddress,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Response {
    let refuse = |status, message: &str| answer::refuse(status, Code::BadRequest, message, &id);
    let key = match key(headers) {
        Ok(key) => key,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, message),
    };
    if headers.get(SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
        let mut response = refuse(StatusCode::UPGRADE_REQUIRED, "Connect with version 13 of WebSocket.");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, VERSION);
        return response;
    }
    if !lists(headers, SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        let message = format!("Connect with the WebSocket subprotocol {SUBPROTOCOL}.");
        return refuse(StatusCode::BAD_REQUEST, &message);
    }
    let Some(upgrade) = upgrade else {
        return refuse(StatusCode::UPGRADE_REQUIRED, "Open a WebSocket over HTTP/1.1.");
    };
    let Some(place) = web.gate.limits.socket_of_address(Key::address(from.0)) else {
        return gate::too_many_sockets().response(&id);
    };
    let header = headers.get(axum::http::header::AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok()).map(str::to_string);
    let open = web.open.clone();
    let patience = web.api.app.config.streams.write();
    open.spawn(async move {
        // On the heap until the connection is a WebSocket, and then gone.
        if let Some(wire) = Box::pin(upgraded(upgrade, patience)).await {
            Connection::new(web, id, from, header, wire).run().await;
        }
        drop(place);
    });
    let Ok(accepted) = HeaderValue::from_str(&derive_accept_key(key)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accepted),
        (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL)),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

async fn upgraded(upgrade: OnUpgrade, patience: Duration) -> Option<Wire> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(cause) => {
            tracing::debug!(%cause, "a connection ended before it was a WebSocket");
            return None;
        }
    };
    let Ok(parts) = downcast::<TokioIo<listen::Wire>>(upgraded) else {
        tracing::error!("a WebSocket came from another listener than ours");
        return None;
    };
    let wire = Wire::new(parts.io.into_inner().into_tcp(), parts.read_buf.to_vec(), patience).await;
    // It is part of the buffer in which the handshake was read: 16 KiB that would live as long as the connection.
    drop(parts.read_buf);
    Some(wire)
}

/// The client's key, if the headers are those of a handshake.
fn key(headers: &HeaderMap) -> Result<&[u8], &'static str> {
    if !lists(headers, CONNECTION, "upgrade") || !lists(headers, UPGRADE, "websocket") {
        return Err("This is no WebSocket handshake: send `Connection: Upgrade` and `Upgrade: websocket`.");
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    key.filter(|key| STANDARD.decode(key).is_ok_and(|key| key.len() == 16))
        .ok_or("This is no WebSocket handshake: `Sec-WebSocket-Key` is 16 bytes in base64.")
}

fn lists(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|list| list.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_without_its_headers_is_none() {
        let headers = |list: &[(&'static str, &'static str)]| {
            let pairs = list.iter().map(|(name, value)| {
                let name = HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            });
            pairs.collect::<HeaderMap>()
        };
        let (upgrade, connection) = (("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade"));
        let good = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        assert!(key(&headers(&[upgrade, connection, good])).is_ok());
        assert!(key(&headers(&[upgrade, good])).is_err());
        assert!(key(&headers(&[connection, good])).is_err());
        for bad in ["", "dGhl", "not base64"] {
            assert!(key(&headers(&[upgrade, connection, ("sec-websocket-key", bad)])).is_err());
        }
    }
}
