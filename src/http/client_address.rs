//! Where a request comes from: the peer of the connection, or whom a trusted proxy asks for.
//!
//! A header can be written by anybody, so it is read from its end: each proxy adds the peer that it saw, and what a proxy
//! that is not ours says is not believed. Only the configured header counts, because a proxy passes the other one on.

use std::net::{IpAddr, SocketAddr};

use axum::extract::connect_info::Connected;
use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use axum::serve::IncomingStream;

use super::listen::Door;
use crate::config::{ForwardedHeader, Networks};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Peer(*stream.remote_addr())
    }
}

/// The client's address, as far as it can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Which proxies are ours, and where they say whom they ask for.
pub struct Proxies {
    trusted: Networks,
    header: HeaderName,
}

impl Proxies {
    pub fn new(trusted: Networks, header: ForwardedHeader) -> Self {
        let header = match header {
            ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
            ForwardedHeader::Forwarded => FORWARDED,
        };
        Proxies { trusted, header }
    }

    /// Follows the proxies back to the first address that is not one of ours.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut address = peer.to_canonical();
        let values: Vec<&str> = headers
            .get_all(&self.header)
            .iter()
            .map(|value| value.to_str().unwrap_or("?"))
            .collect();
        let mut hops = values.iter().rev().flat_map(|value| value.rsplit(','));
        while self.trusted.contain(address) {
            // What cannot be read ends it: the last address that one of ours vouched for is the client's.
            let Some(before) = hops.next().and_then(|hop| self.read(hop)) else {
                break;
            };
            address = before.to_canonical();
        }
        ClientAddress(address)
    }

    /// Whether somebody says for whom they ask, and is not believed.
    pub fn is_unknown_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.header) && !self.trusted.contain(peer)
    }

    fn read(&self, hop: &str) -> Option<IpAddr> {
        if self.header != FORWARDED {
            return address(hop.trim());
        }
        let mut pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
        let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
        address(node.trim().trim_matches('"'))
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(header: ForwardedHeader, peer: &str, values: &[&str]) -> String {
        let proxies = Proxies::new(Networks::read("127.0.0.1, 10.0.0.0/8").unwrap(), header);
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(proxies.header.clone(), value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_what_our_own_proxies_say_is_believed() {
        for (peer, values, expected) in [
            ("203.0.113.9", vec![], "203.0.113.9"),
            ("203.0.113.9", vec!["198.51.100.1"], "203.0.113.9"),
            ("127.0.0.1", vec!["198.51.100.1"], "198.51.100.1"),
            ("::ffff:127.0.0.1", vec!["198.51.100.1:4711"], "198.51.100.1"),
            // A client that writes the header itself gains nothing: its own address stands behind.
            ("127.0.0.1", vec!["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", vec!["1.1.1.1", "198.51.100.1, 10.1.1.1"], "198.51.100.1"),
            ("127.0.0.1", vec!["10.1.1.1, 10.1.1.2"], "10.1.1.1"),
            ("127.0.0.1", vec!["198.51.100.1, unknown"], "127.0.0.1"),
            ("127.0.0.1", vec!["198.51.100.1, unknown, 10.1.1.1"], "10.1.1.1"),
            ("127.0.0.1", vec!["2001:db8::1"], "2001:db8::1"),
            ("127.0.0.1", vec![""], "127.0.0.1"),
        ] {
            let header = ForwardedHeader::XForwardedFor;
            assert_eq!(client(header, peer, &values), expected, "{peer} {values:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_the_configured_one() {
        for (value, expected) in [
            ("for=198.51.100.1;proto=https;by=10.1.1.1", "198.51.100.1"),
            ("For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=1.1.1.1, for=198.51.100.1", "198.51.100.1"),
            ("for=_hidden", "127.0.0.1"),
            ("proto=https", "127.0.0.1"),
        ] {
            assert_eq!(
                client(ForwardedHeader::Forwarded, "127.0.0.1", &[value]),
                expected,
                "{value}"
            );
        }
    }
}
