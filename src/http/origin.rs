//! Which pages may reach the server: its own and those that the configuration lists. A server that asks for no key
//! answers only this machine besides.
//!
//! Where keys are asked for, a page of another site has none and its browser hides the answers from it (`cors`); only
//! WebSockets are refused here, because no browser asks before it opens one.
//!
//! Any website a person visits can send requests to 127.0.0.1. Two headers that a page cannot forge give it away:
//! `Origin` names the page's own site, and after a rebinding of its name `Host` is not this machine's. Where a browser
//! sends no `Origin`, `Sec-Fetch-Site` says whether another site asked.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN, UPGRADE};
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::trace::RequestId;
use super::{Web, answer, cors};
use crate::config::AuthMode;
use crate::graphql::Code;

pub async fn check(State(web): State<Web>, request: Request, next: Next) -> Response {
    let config = &web.api.app.config;
    let is_allowed = |origin: &str| cors::allowed(&config.server).any(|allowed| allowed == origin);
    let verdict = match config.auth.mode {
        AuthMode::Open => judge(request.headers(), request.uri(), is_allowed),
        AuthMode::Keys => judge_upgrade(request.headers(), request.uri(), |origin| {
            is_allowed("*") || is_allowed(origin)
        }),
    };
    if let Err(message) = verdict {
        let id = request.extensions().get::<RequestId>().cloned();
        let id = id.unwrap_or_else(|| RequestId(String::new()));
        return answer::refuse(StatusCode::FORBIDDEN, Code::Forbidden, message, &id);
    }
    next.run(request).await
}

fn judge(headers: &HeaderMap, uri: &Uri, is_allowed: impl Fn(&str) -> bool) -> Result<(), &'static str> {
    let Some(host) = host_of(headers, uri).filter(is_this_machine) else {
        return Err(
            "Without keys, this server answers only on this machine: use 127.0.0.1 or localhost in the address, \
             or set auth.mode = \"keys\".",
        );
    };
    let Some(origin) = headers.get(ORIGIN) else {
        return judge_without_origin(headers, uri.path());
    };
    match is_known(origin, &host, is_allowed) {
        true => Ok(()),
        false => Err(FOREIGN),
    }
}

/// Whether an origin is this server's own, or one that the configuration lists.
fn is_known(origin: &HeaderValue, host: &Authority, is_allowed: impl Fn(&str) -> bool) -> bool {
    if origin.to_str().is_ok_and(is_allowed) {
        return true;
    }
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let origin = origin.as_ref().and_then(Uri::authority);
    origin.is_some_and(|origin| origin.as_str().eq_ignore_ascii_case(host.as_str()))
}

/// Programs send no `Origin`, and browsers always do.
fn judge_upgrade(headers: &HeaderMap, uri: &Uri, is_allowed: impl Fn(&str) -> bool) -> Result<(), &'static str> {
    let Some(origin) = headers.get(ORIGIN).filter(|_| headers.contains_key(UPGRADE)) else {
        return Ok(());
    };
    match host_of(headers, uri).is_some_and(|host| is_known(origin, &host, is_allowed)) {
        true => Ok(()),
        false => Err(FOREIGN_SOCKET),
    }
}

fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| host.parse::<Authority>().ok())
        .or(uri.authority().cloned())
}

const FOREIGN_SOCKET: &str =
    "This server opens no WebSocket for pages of this origin. Add the origin to server.cors_origins.";

const FOREIGN: &str =
    "Without keys, this server does not answer pages of other sites. Set auth.mode = \"keys\" and send a key.";

/// An image or a script of another site's page comes without `Origin`, and could make this server work. Links to what
/// is there to be looked at are followed.
fn judge_without_origin(headers: &HeaderMap, path: &str) -> Result<(), &'static str> {
    let is = |name: &str, values: &[&str]| {
        let value = headers.get(name).map(|value| value.as_bytes());
        value.is_some_and(|value| values.iter().any(|other| value.eq_ignore_ascii_case(other.as_bytes())))
    };
    let is_page = path == "/graphiql" || path.starts_with("/preview/");
    let is_link = is_page && is("sec-fetch-mode", &["navigate"]);
    if is("sec-fetch-site", &["cross-site", "same-site"]) && !is_link {
        return Err(FOREIGN);
    }
    Ok(())
}

fn is_this_machine(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        judge(&headers, &Uri::from_static("/graphql"), |origin| {
            origin == "https://app.example"
        })
        .is_ok()
    }

    #[test]
    fn this_machine_and_its_own_pages_are_answered() {
        assert!(verdict("127.0.0.1:8080", None));
        assert!(verdict("localhost:8080", Some("http://localhost:8080")));
        assert!(verdict("[::1]:8080", Some("http://[::1]:8080")));
        assert!(
            verdict("localhost:8080", Some("https://app.example")),
            "a page of the list"
        );
        assert!(!verdict("evil.example", Some("https://app.example")), "a rebound name");
    }

    #[test]
    fn with_keys_a_foreign_page_opens_no_socket() {
        let verdict = |host: &str, origin: Option<&str>, upgrade: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            if upgrade {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            }
            let uri = Uri::from_static("/graphql");
            judge_upgrade(&headers, &uri, |origin| origin == "https://app.example").is_ok()
        };
        assert!(verdict("api.example", None, true), "a program");
        assert!(
            verdict("api.example", Some("https://api.example"), true),
            "its own page"
        );
        assert!(
            verdict("api.example", Some("https://app.example"), true),
            "a listed page"
        );
        for origin in [
            "https://evil.example",
            "null",
            "https://api.example.evil.example",
            "https://app.example:444",
        ] {
            assert!(!verdict("api.example", Some(origin), true), "{origin}");
        }
        assert!(
            verdict("api.example", Some("https://evil.example"), false),
            "left to cors"
        );
    }

    #[test]
    fn another_sites_page_may_link_here_but_not_load_from_here() {
        let verdict = |site: &str, mode: &str, path: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:8080"));
            headers.insert("sec-fetch-site", site.parse().unwrap());
            headers.insert("sec-fetch-mode", mode.parse().unwrap());
            judge(&headers, &Uri::from_static(path), |_| false).is_ok()
        };
        for site in ["cross-site", "same-site"] {
            assert!(!verdict(site, "no-cors", "/graphql?query=x"), "{site}");
            assert!(!verdict(site, "navigate", "/graphql?query=x"), "{site}");
            assert!(!verdict(site, "no-cors", "/preview/site_1"), "{site}");
            assert!(verdict(site, "navigate", "/preview/site_1"), "{site}");
            assert!(verdict(site, "navigate", "/graphiql"), "{site}");
        }
        assert!(verdict("same-origin", "cors", "/graphql") && verdict("none", "navigate", "/graphql"));
    }

    #[test]
    fn rebound_names_and_foreign_pages_are_not() {
        assert!(!verdict("evil.example:8080", None));
        assert!(!verdict("127.0.0.1.evil.example", None));
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:3000",
            "http://localhost",
        ] {
            assert!(!verdict("localhost:8080", Some(origin)), "{origin}");
        }
    }
}
