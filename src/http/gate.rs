//! The gate: who has to wait, before authentication by address and after it by credential.
//!
//! What is refused here has cost a look into memory. Who decides how much is too much: `crate::limits`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_graphql::ServerError;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use serde::Deserialize;

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
    pub fn may_try(&self, address: ClientAddress, shown: Shown<'_>) -> Result<(), TooMuch> {
        self.limits
            .enter(Key::address(address.0), shown.tried(address))
            .map_err(|wait| TooMuch {
                message: "Too many requests without a good key came from your address. Wait, and send a valid key.",
                wait: wait.0,
            })
    }

    /// Takes note of who turned out to be behind a credential.
    pub fn note(&self, address: ClientAddress, shown: Shown<'_>, found: Found<'_>) {
        let Some((credential, tries)) = shown.tried(address).filter(|_| self.asks_for_keys) else {
            return;
        };
        match found {
            Found::Somebody(caller) => self.limits.note_good(credential, budget(caller)),
            Found::Useless => self.limits.forget(credential),
            Found::Wrong => {
                if let Some(total) = self.limits.note_wrong(tries, credential) {
                    tracing::warn!(address = %address.0, total, "wrong credentials were shown");
                }
            }
            Found::Unclear => {}
        }
    }

    /// Lets an operation run, and gives it its place if it is a subscription.
    pub fn admit(&self, caller: &Caller, prepared: &Prepared) -> Result<Option<Slot>, TooMuch> {
        self.spend(caller, prepared.cost())?;
        if !prepared.is_subscription() {
            return Ok(None);
        }
        let message = "Your account runs as many subscriptions on this server as it may. End one first.";
        let slot = self.limits.subscription(places(caller));
        slot.map(Some).ok_or(TooMuch {
            message,
            wait: A_MOMENT,
        })
    }

    /// A place for a WebSocket among those of the caller's account.
    pub fn socket(&self, caller: &Caller) -> Option<Slot> {
        self.limits.socket_of_account(places(caller))
    }

    /// To be refused costs as well: reading the document did.
    pub fn spend(&self, caller: &Caller, cost: u64) -> Result<(), TooMuch> {
        let budget = budget(caller);
        self.limits.spend(budget, cost).map_err(|Wait(wait)| {
            let longer = self.limits.drain(budget, REFUSED);
            overdrawn(Wait(wait + longer))
        })
    }

    /// Refuses who has spent everything, before anything is read for them.
    pub fn may_ask(&self, caller: &Caller) -> Result<(), TooMuch> {
        match self.limits.spent(budget(caller)) {
            Some(wait) => Err(overdrawn(wait)),
            None => Ok(()),
        }
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

/// Whose budget an operation is charged to: the key's own, that of all watchers of the account, or the account's.
fn budget(caller: &Caller) -> Key {
    match caller.credential {
        Credential::Key(id) => Key::credential(id),
        // Whoever holds one watch token can ask for many.
        Credential::Watch(_) => Key::watchers(caller.account),
        // Everybody who signed in to an account shares its budget: a subject costs nothing to make.
        Credential::Jwt(_) | Credential::Local => Key::account(caller.account),
    }
}

/// Among whose places a connection is counted: a browser with a watch token takes none from the account itself.
fn places(caller: &Caller) -> Key {
    match caller.credential {
        Credential::Watch(_) => Key::watchers(caller.account),
        _ => Key::account(caller.account),
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

/// What a request shows, and where.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    Nothing,
    /// In its Authorization header, or in `connection_init`.
    Header(&'a str),
    /// In its address.
    Link(&'a str),
}

impl<'a> Shown<'a> {
    /// A header goes before an address, as where callers are looked up.
    pub fn of(headers: &'a HeaderMap, watch: Option<&'a str>) -> Self {
        match (headers.contains_key(AUTHORIZATION), watch) {
            (true, _) => Shown::of_header(identity::shown(headers)),
            (false, Some(token)) => Shown::Link(token),
            (false, None) => Shown::Nothing,
        }
    }

    pub fn of_header(text: Option<&'a str>) -> Self {
        text.map_or(Shown::Nothing, Shown::Header)
    }

    fn text(self) -> Option<&'a str> {
        match self {
            Shown::Nothing => None,
            Shown::Header(text) | Shown::Link(text) => Some(text),
        }
    }

    /// The credential, and whose mistake it is if it is wrong.
    fn tried(self, address: ClientAddress) -> Option<(&'a str, Key)> {
        let tries = match self {
            Shown::Link(_) => Key::links(address.0),
            _ => Key::address(address.0),
        };
        self.text().map(|text| (text, tries))
    }
}

/// Who was found behind what was shown.
pub enum Found<'a> {
    Somebody(&'a Caller),
    /// A guess: it has the form of a credential, and is none.
    Wrong,
    /// Nobody guesses like this: it ended, is not meant for this server, or is no credential at all.
    Useless,
    /// That could not be found out.
    Unclear,
}

impl<'a> Found<'a> {
    pub fn of(outcome: &'a Result<Verdict>) -> Self {
        match outcome {
            Ok(Ok(caller)) => Found::Somebody(caller),
            Ok(Err(Denied::Unknown | Denied::BadSignature)) => Found::Wrong,
            Ok(Err(_)) => Found::Useless,
            Err(_) => Found::Unclear,
        }
    }
}

/// What an address may hold for whoever can send no header.
#[derive(Deserialize)]
struct Link {
    watch: Option<String>,
}

/// The watch token in an address, read as it is read where it is used.
fn watch(uri: &Uri) -> Option<String> {
    let Query(link) = Query::<Link>::try_from_uri(uri).ok()?;
    link.watch
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
    let watch = watch(request.uri());
    let shown = Shown::of(headers, watch.as_deref());
    let spent = shown.text().and_then(|shown| web.gate.limits.overdrawn(shown));
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
