//! Several writers in order: the first that may be asked is asked, and every call is accounted for.
//!
//! A call stays with the writer that began it. When that one fails, the error says whether another would answer,
//! so that the job's next attempt is worth while; switching inside a call is absent, because what the first one
//! wrote may already be stored.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::breaker::{Breaker, Leave, needs_a_person, speaks_against_the_writer};
use super::call::Meter;
use super::{BreakerSettings, Call, Delta, Deltas, Error, ErrorKind, Fallback, Outcome, Provider, Request};
use crate::config::TokenPrice;

/// Accounts of ended calls that may wait to be written; more are dropped.
const ACCOUNTS: usize = 10_000;

#[derive(Debug)]
pub struct Chain {
    links: Vec<Link>,
    calls: Sender<Call>,
}

/// One of the writers.
#[derive(Debug, Clone)]
pub struct Link {
    name: String,
    provider: Provider,
    /// The model that is asked for.
    model: String,
    price: Option<TokenPrice>,
    /// Writers without a network have none.
    breaker: Option<Breaker>,
}

impl Link {
    pub fn new(name: impl Into<String>, provider: Provider, model: impl Into<String>) -> Self {
        Link {
            name: name.into(),
            provider,
            model: model.into(),
            price: None,
            breaker: None,
        }
    }

    pub fn with_price(self, price: Option<TokenPrice>) -> Self {
        Link { price, ..self }
    }

    pub fn with_breaker(self, settings: BreakerSettings) -> Self {
        Link {
            breaker: Some(Breaker::new(settings)),
            ..self
        }
    }

    fn ask(&self) -> Result<Option<Leave>, Duration> {
        self.breaker.as_ref().map(Breaker::ask).transpose()
    }

    fn may_recover(&self) -> bool {
        self.breaker.as_ref().is_none_or(Breaker::may_recover)
    }

    fn would_answer(&self) -> bool {
        self.breaker.as_ref().is_none_or(Breaker::is_closed)
    }
}

impl Chain {
    /// The writers, of which there is at least one, and where their calls are told.
    pub fn new(first: Link, others: Vec<Link>) -> (Self, Receiver<Call>) {
        let (calls, told) = channel(ACCOUNTS);
        let mut links = vec![first];
        links.extend(others);
        (Chain { links, calls }, told)
    }

    pub(super) fn first(&self) -> &Provider {
        &self.links[0].provider
    }

    pub(super) fn stream(self: &Arc<Self>, request: Request) -> Deltas {
        let (place, leave) = match self.pick() {
            Ok(picked) => picked,
            Err(wait) => {
                let error = Error {
                    retry_after: Some(wait),
                    ..Error::new(
                        ErrorKind::Unavailable,
                        "every provider failed again and again and is left alone",
                    )
                };
                return Box::pin(futures::stream::iter([Err(error)]));
            }
        };
        self.clone().watch(place, leave, request)
    }

    fn watch(self: Arc<Self>, place: usize, leave: Option<Leave>, request: Request) -> Deltas {
        Box::pin(async_stream::stream! {
            let mut leave = leave;
            if place > 0 {
                // The reader may take its time to pass it on; that is none of the call's.
                yield Ok(Delta::Fallback);
            }
            let link = &self.links[place];
            let (model, calls) = (link.model.clone(), self.calls.clone());
            let mut meter = Meter::new(&request, link.name.clone(), model, link.price, calls);
            let mut deltas = link.provider.stream(request);
            while let Some(mut delta) = deltas.next().await {
                if let (Ok(Delta::Text(_)), Some(leave)) = (&delta, &mut leave) {
                    leave.answers();
                }
                if let Err(error) = &mut delta {
                    self.judge(place, leave.take(), error);
                }
                if matches!(delta, Err(_) | Ok(Delta::Finish(_))) && let Some(guess) = meter.guess() {
                    meter.saw(&Ok(Delta::Usage(guess.clone())));
                    yield Ok(Delta::Usage(guess));
                }
                if matches!(delta, Ok(Delta::Finish(_))) && let Some(leave) = leave.take() {
                    leave.succeeded();
                }
                meter.saw(&delta);
                yield delta;
            }
            // Cut on the way, unless it ended above; then these do nothing.
            if let Some(guess) = meter.guess() {
                meter.saw(&Ok(Delta::Usage(guess.clone())));
                yield Ok(Delta::Usage(guess));
            }
            meter.end(Outcome::Failed(ErrorKind::Interrupted));
            if let Some(leave) = leave {
                leave.failed(false);
            }
        })
    }

    /// Tells the breaker, and the job whether another writer would answer it.
    fn judge(&self, place: usize, leave: Option<Leave>, error: &mut Error) {
        let Some(leave) = leave else { return };
        if !speaks_against_the_writer(error.kind) {
            return leave.succeeded();
        }
        let others = self.links.iter().enumerate().filter(|(other, _)| *other != place);
        let has_other = others.clone().any(|(_, link)| link.would_answer());
        let is_lasting = needs_a_person(error.kind);
        // One that is left alone for a while is worth to wait for: the next attempt waits, uncharged, until it is back.
        let may_other = others.clone().any(|(_, link)| link.may_recover());
        if is_lasting && !may_other {
            // Jobs should fail at once and say why, not wait for somebody to notice.
            return leave.succeeded();
        }
        leave.failed(is_lasting);
        error.fallback = match () {
            // This one is asked again.
            () if self.links[place].would_answer() => Fallback::None,
            () if has_other => Fallback::Now,
            // Every one is left alone. Waiting for the others is worth while only where it is no use for this one.
            () if is_lasting => Fallback::Later,
            () => Fallback::None,
        };
        if error.fallback != Fallback::None {
            // The wait that this one asked for is none of the other's.
            error.retry_after = Some(Duration::ZERO);
        }
    }

    fn pick(&self) -> Result<(usize, Option<Leave>), Duration> {
        let mut wait = Duration::MAX;
        for (place, link) in self.links.iter().enumerate() {
            match link.ask() {
                Ok(leave) => {
                    if place > 0 {
                        tracing::info!(
                            provider = link.name,
                            "an earlier provider is left alone; this one is asked"
                        );
                    }
                    return Ok((place, leave));
                }
                Err(longer) => wait = wait.min(longer),
            }
        }
        Err(wait)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::ai::{Brief, Offline, Task};

    #[tokio::test(start_paused = true)]
    async fn the_time_that_it_takes_to_tell_of_a_fallback_is_none_of_the_calls() {
        let writer = |name: &str| {
            let offline = Offline { tokens_per_second: 0 };
            Link::new(name, Provider::Offline(offline), name)
        };
        let settings = BreakerSettings {
            failures: 1,
            pause: Duration::from_secs(60),
            cap: Duration::from_secs(60),
        };
        let first = writer("first").with_breaker(settings);
        first.ask().unwrap().unwrap().failed(true);
        let (chain, mut calls) = Chain::new(first, vec![writer("second")]);
        let request = Request {
            job: Uuid::nil(),
            attempt: 1,
            function: "structure",
            messages: Vec::new(),
            schema: Value::Null.into(),
            brief: Brief::default(),
            task: Task::Structure {
                max_pages: 2,
                instructions: None,
            },
            correction: None,
            max_tokens: None,
        };
        let mut deltas = Arc::new(chain).stream(request);
        assert_eq!(deltas.next().await.unwrap().unwrap(), Delta::Fallback);
        tokio::time::advance(Duration::from_secs(5)).await;
        while deltas.next().await.is_some() {}
        let call = calls.try_recv().unwrap();
        assert_eq!(call.provider, "second");
        assert!(call.total < Duration::from_secs(1), "{call:?}");
    }
}
