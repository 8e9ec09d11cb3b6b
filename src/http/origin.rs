//! Who may reach a server that asks for no key: programs on this machine, pages that it served itself, and those that
//! the configuration lists.
//!
//! Any website a person visits can send requests to 127.0.0.1. Two headers that a page cannot forge give it away:
//! `Origin` names the page's own site, and after a rebinding of its name `Host` is not this machine's. Where a browser
//! sends no `Origin`, `Sec-Fetch-Site` says whether another site asked.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::trace::RequestId;
use super::{Web, answer, cors};
use crate::config::AuthMode;
use crate::graphql::Code;

pub async fn check(State(web): State<Web>, request: Request, next: Next) -> Response {
    if web.api.app.config.auth.mode == AuthMode::Open
        && let Err(message) = judge(request.headers(), request.uri(), |origin| {
            cors::allowed(&web.api.app.config.server).any(|allowed| allowed == origin)
        })
    {
        let id = request.extensions().get::<RequestId>().cloned();
        let id = id.unwrap_or_else(|| RequestId(String::new()));
        return answer::refuse(StatusCode::FORBIDDEN, Code::Forbidden, message, &id);
    }
    next.run(request).await
}

fn judge(headers: &HeaderMap, uri: &Uri, is_allowed: impl Fn(&str) -> bool) -> Result<(), &'static str> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host
        .and_then(|host| host.parse::<Authority>().ok())
        .or(uri.authority().cloned());
    let Some(host) = host.filter(is_this_machine) else {
        return Err(
            "Without keys, this server answers only on this machine: use 127.0.0.1 or localhost in the address, \
             or set auth.mode = \"keys\".",
        );
    };
    let Some(origin) = headers.get(ORIGIN) else {
        return judge_without_origin(headers, uri.path());
    };
    if origin.to_str().is_ok_and(is_allowed) {
        return Ok(());
    }
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let is_own = origin
        .as_ref()
        .and_then(Uri::authority)
        .is_some_and(|origin| origin.as_str().eq_ignore_ascii_case(host.as_str()));
    if is_own {
        return Ok(());
    }
    Err(FOREIGN)
}

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
    use axum::http::HeaderValue;

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
