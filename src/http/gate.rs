//! The gate: who has to wait, before authentication by address and after it by credential.
//!
//! What is refused here has cost a look into memory. Who decides how much is too much: `crate::limits`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_graphql::ServerError;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::client_address::{ClientAddress, Peer, Proxies};
use super::trace::RequestId;
use super::{Web, answer, identity};
use crate::auth::{Caller, Credential, Denied, Verdict};
use crate::config::{AuthMode, Config, Networks};
use crate::error::Result;
use crate::graphql::{Prepared, Refused, rate_limited};
use crate::limits::{A_MOMENT, Key, Limits, Slot, Wait};

/// What a request costs that is refused before anything is known of it.
const REFUSED: u64 = 10;

pub struct Gate {
    pub limits: Limits,
    proxies: Proxies,
    asks_for_keys: bool,
    has_warned: AtomicBool,
}

/// Why somebody has to wait, in a sentence.
pub struct TooMuch {
    message: &'static str,
    wait: Duration,
}

impl Gate {
    pub fn new(config: &Config) -> Self {
        let server = &config.server;
        // The configuration was checked.
        let trusted = Networks::read(&server.trusted_proxies).unwrap_or_default();
        Gate {
            limits: Limits::new(config),
            proxies: Proxies::new(trusted, server.forwarded_header),
            asks_for_keys: config.auth.mode == AuthMode::Keys,
            has_warned: AtomicBool::new(false),
        }
    }

    /// Whether a credential from this address is looked at now. One that was good lately is.
    pub fn may_try(&self, address: ClientAddress, credential: Option<&str>) -> Result<(), TooMuch> {
        self.limits
            .enter(Key::address(address.0), credential)
            .map_err(|wait| TooMuch {
                message: "Too many requests without a good key came from your address. Wait, and send a valid key.",
                wait: wait.0,
            })
    }

    /// Takes note of who turned out to be behind a credential: somebody, nobody, or that is not known.
    pub fn note(&self, address: ClientAddress, credential: Option<&str>, found: Option<Option<&Caller>>) {
        let Some(credential) = credential.filter(|_| self.asks_for_keys) else {
            return;
        };
        match found {
            Some(Some(caller)) => self.limits.note_good(credential, budget(caller)),
            Some(None) => {
                if let Some(total) = self.limits.note_wrong(Key::address(address.0), credential) {
                    tracing::warn!(address = %address.0, total, "wrong credentials were shown");
                }
            }
            None => {}
        }
    }

    /// Lets an operation run, and gives it its place if it is a subscription.
    pub fn admit(&self, caller: &Caller, prepared: &Prepared) -> Result<Option<Slot>, TooMuch> {
        self.spend(caller, prepared.cost())?;
        if !prepared.is_subscription() {
            return Ok(None);
        }
        let message = "Your account runs as many subscriptions on this server as it may. End one first.";
        let slot = self.limits.subscription(caller.account);
        slot.map(Some).ok_or(TooMuch {
            message,
            wait: A_MOMENT,
        })
    }

    pub fn spend(&self, caller: &Caller, cost: u64) -> Result<(), TooMuch> {
        self.limits.spend(budget(caller), cost).map_err(overdrawn)
    }

    /// The same for a request whose document was refused.
    pub fn spend_on_refusal(&self, caller: &Caller) -> Result<(), TooMuch> {
        self.spend(caller, REFUSED)
    }

    fn warn_of_proxy(&self, peer: Peer, headers: &HeaderMap) {
        let is_unknown = self.asks_for_keys && self.proxies.is_unknown_proxy(peer.0.ip(), headers);
        if is_unknown && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                peer = %peer.0.ip(),
                "a proxy that server.trusted_proxies does not name says for whom it asks: all its clients count as one \
                 address"
            );
        }
    }
}

fn overdrawn(Wait(wait): Wait) -> TooMuch {
    let message = "Your credential has asked for more than its budget. Wait, and ask for less at once.";
    TooMuch { message, wait }
}

/// What one request of a batch costs.
pub fn cost(prepared: &Result<Prepared, Refused>) -> u64 {
    prepared.as_ref().map_or(REFUSED, Prepared::cost)
}

/// Whose budget an operation is charged to: the credential's own, or the account's where there is none.
fn budget(caller: &Caller) -> Key {
    match caller.credential {
        Credential::Key(id) | Credential::Watch(id) => Key::credential(id),
        // Everybody who signed in to an account shares its budget: a subject costs nothing to make.
        Credential::Jwt(_) | Credential::Local => Key::account(caller.account),
    }
}

/// An address has as many WebSockets as it may. What a client sees is a connection that fails, and it tries again later.
pub fn too_many_sockets() -> TooMuch {
    TooMuch {
        message: "Your address has as many WebSockets open as it may. Close one first.",
        wait: A_MOMENT,
    }
}

impl TooMuch {
    pub fn error(&self) -> ServerError {
        rate_limited(self.message, self.wait)
    }

    /// The answer to a request as a whole.
    pub fn response(&self, id: &RequestId) -> Response {
        let mut response = answer::refuse_with(StatusCode::TOO_MANY_REQUESTS, self.error(), id);
        let seconds = HeaderValue::from(Wait(self.wait).seconds());
        response.headers_mut().insert(RETRY_AFTER, seconds);
        response
    }
}

/// Who was found behind what was shown, as far as it was looked at. Who signed in elsewhere and has no account here did not
/// guess.
pub fn found(outcome: &Result<Verdict>) -> Option<Option<&Caller>> {
    match outcome {
        Ok(Ok(caller)) => Some(Some(caller)),
        Ok(Err(Denied::NoAccount | Denied::NoRole)) | Err(_) => None,
        Ok(Err(_)) => Some(None),
    }
}

/// What a request shows: the text of its Authorization header, or a watch token in its address.
fn credential<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let parameters = || uri.query().unwrap_or_default().split('&');
    let watch = || parameters().find_map(|parameter| parameter.strip_prefix("watch="));
    identity::shown(headers).or_else(watch)
}

/// Finds out where a request comes from, and whether it may come in.
pub async fn check(
    State(web): State<Web>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let address = web.gate.proxies.client(peer.0.ip(), headers);
    web.gate.warn_of_proxy(peer, headers);
    let shown = credential(headers, request.uri());
    let spent = shown.and_then(|shown| web.gate.limits.overdrawn(shown));
    let may_enter = match spent {
        Some(wait) => Err(overdrawn(wait)),
        None => web.gate.may_try(address, shown),
    };
    if let Err(too_much) = may_enter {
        let id = request.extensions().get::<RequestId>().cloned();
        return too_much.response(&id.unwrap_or_else(|| RequestId(String::new())));
    }
    request.extensions_mut().insert(address);
    next.run(request).await
}
