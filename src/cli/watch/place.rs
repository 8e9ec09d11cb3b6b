//! What is to be followed and where: the id and the address as they were given, checked.

use tokio_tungstenite::tungstenite::http::Uri;

use crate::cli::failure::Failure;
use crate::ids::{GlobalId, IdKind};

/// What a person asked to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Job(String),
    Blueprint(String),
}

impl Subject {
    pub fn read(id: &str) -> Result<Subject, Failure> {
        match GlobalId::parse(id.trim()).map(|id| (id.kind, id.to_string())) {
            Some((IdKind::Job, id)) => Ok(Subject::Job(id)),
            Some((IdKind::Blueprint, id)) => Ok(Subject::Blueprint(id)),
            _ => Err(Failure::bad_input(format!(
                "{id:?} is the id of neither a job (job_ and 32 digits) nor a site (site_ and 32 digits)."
            ))),
        }
    }
}

/// The WebSocket's address for a GraphQL address: `https://host/graphql` is `wss://host/graphql`.
pub fn socket_address(url: &str) -> Result<Uri, Failure> {
    let wrong = || {
        Failure::bad_input(format!(
            "--url is {url:?}: it must be like http://127.0.0.1:8080/graphql."
        ))
    };
    let (scheme, rest) = url.trim().split_once("://").ok_or_else(wrong)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return Err(wrong()),
    };
    // A server's bare address means its only endpoint.
    let path = if rest.trim_end_matches('/').contains('/') {
        rest.to_string()
    } else {
        format!("{}/graphql", rest.trim_end_matches('/'))
    };
    let uri: Uri = format!("{scheme}://{path}").parse().map_err(|_| wrong())?;
    if uri.host().is_none_or(str::is_empty) {
        Err(wrong())
    } else {
        Ok(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_the_sockets() {
        for (given, socket) in [
            ("http://127.0.0.1:8080/graphql", "ws://127.0.0.1:8080/graphql"),
            ("https://sites.example.org/graphql", "wss://sites.example.org/graphql"),
            ("http://localhost:8080", "ws://localhost:8080/graphql"),
            ("HTTPS://example.org/", "wss://example.org/graphql"),
        ] {
            assert_eq!(socket_address(given).unwrap().to_string(), socket);
        }
        for wrong in ["", "localhost:8080", "ftp://x/graphql", "http://", "http:///graphql"] {
            assert!(socket_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_jobs_and_sites_can_be_watched() {
        let digits = "0".repeat(32);
        assert_eq!(
            Subject::read(&format!("job_{digits}")).unwrap(),
            Subject::Job(format!("job_{digits}"))
        );
        assert!(Subject::read(&format!("page_{digits}")).is_err());
        assert!(Subject::read("job_1").is_err());
    }
}
