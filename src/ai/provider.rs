//! Who writes, as a closed set, and what comes back while it writes.
//!
//! An enum and not a trait: the writers are known, and a test double is one of them by name.
//! Retrying, deadlines and reading the text are absent; the caller owns them.

use super::pacing::{self, Pieces};
use super::{Chain, Error, Openai, Request, offline};
use crate::config::{Ai, ProviderName};
use futures::Stream;
use std::pin::Pin;
use std::sync::Arc;

/// What a writer sends, in order: perhaps `Fallback`, any number of `Text`, at most one `Usage`, one `Finish`.
///
/// Nothing follows an `Err` or a `Finish`. A stream that ends without either was cut on the way:
/// only the consumer can see that, and treats it as [`ErrorKind::Interrupted`](super::ErrorKind::Interrupted).
/// The work happens inside `poll`, so dropping the stream stops it at once.
pub type Deltas = Pin<Box<dyn Stream<Item = Result<Delta, Error>> + Send>>;

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// The next characters of the reply; never empty, cut between characters.
    Text(String),
    /// Another writer than the first answers, because those before it are left alone.
    Fallback,
    Usage(Usage),
    Finish(FinishReason),
}

/// What the call cost, in the writer's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    /// The model that answered, which need not be the one that was asked for.
    pub model: String,
    /// Whether the tokens are our guess, because the writer did not say.
    pub is_estimate: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The writer said all it wanted to say.
    Stop,
    /// The writer ran into its limit: the text is cut.
    Length,
    /// The writer's own guard cut the text.
    ContentFilter,
}

/// A writer. Cloning is cheap.
#[derive(Debug, Clone)]
pub enum Provider {
    Offline(Offline),
    /// A server that speaks OpenAI's chat completions.
    Openai(Arc<Openai>),
    /// Several of the others, in the order in which they are asked; keeps account of every call.
    Chain(Arc<Chain>),
    /// A double for tests: misbehaves on command.
    #[cfg(feature = "faults")]
    Scripted(super::scripted::Script),
}

/// The built-in writer: deterministic, without network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offline {
    /// How fast it appears to write; 0 is as fast as it can.
    pub tokens_per_second: u32,
}

impl Provider {
    /// The writer of these settings; nothing is sent yet. The error says what is wrong with them.
    pub fn configured(ai: &Ai) -> Result<Self, String> {
        match ai.provider {
            ProviderName::Offline => Ok(Provider::Offline(Offline {
                tokens_per_second: ai.offline_tokens_per_second,
            })),
            ProviderName::Openai => Ok(Provider::Openai(Arc::new(Openai::new(ai)?))),
            #[cfg(feature = "faults")]
            ProviderName::Scripted => Ok(Provider::Scripted(ai.script.parse()?)),
        }
    }

    /// Starts a call. Nothing is computed before the first poll.
    pub fn stream(&self, request: Request) -> Deltas {
        match self {
            Provider::Offline(offline) => offline.stream(request),
            Provider::Openai(openai) => openai.stream(request),
            Provider::Chain(chain) => chain.stream(request),
            #[cfg(feature = "faults")]
            Provider::Scripted(script) => script.stream(request),
        }
    }

    /// What the person who asks should know before the writing starts, such as a language that
    /// this writer does not speak.
    pub fn warnings(&self, language: &str) -> Vec<String> {
        match self {
            Provider::Offline(_) => offline::warnings(language),
            // A model is asked to write in the brief's language.
            Provider::Openai(_) => Vec::new(),
            Provider::Chain(chain) => chain.first().warnings(language),
            #[cfg(feature = "faults")]
            Provider::Scripted(_) => offline::warnings(language),
        }
    }

    /// The name in the configuration and in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Provider::Offline(_) => "offline",
            Provider::Openai(_) => "openai",
            Provider::Chain(chain) => chain.first().name(),
            #[cfg(feature = "faults")]
            Provider::Scripted(_) => "scripted",
        }
    }
}

impl Offline {
    fn stream(self, request: Request) -> Deltas {
        Box::pin(async_stream::stream! {
            let reply = offline::write(&request).to_string();
            let usage = pacing::usage(&request, &reply, "offline");
            let mut pieces = Pieces::new(reply, self.tokens_per_second);
            while let Some(text) = pieces.next().await {
                yield Ok(Delta::Text(text));
            }
            yield Ok(Delta::Usage(usage));
            yield Ok(Delta::Finish(FinishReason::Stop));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::{Brief, Task};
    use futures::StreamExt;
    use serde_json::Value;
    use std::time::Duration;
    use tokio::time::Instant;
    use uuid::Uuid;

    fn request() -> Request {
        Request {
            job: Uuid::nil(),
            attempt: 1,
            function: "structure",
            messages: Vec::new(),
            schema: Value::Null.into(),
            brief: Brief {
                business_name: "Bäckerei Öz 🥐".into(),
                language: "en".into(),
                ..Brief::default()
            },
            task: Task::Structure {
                max_pages: 4,
                instructions: None,
            },
            correction: None,
            max_tokens: None,
        }
    }

    async fn collect(tokens_per_second: u32) -> Vec<Delta> {
        let provider = Provider::Offline(Offline { tokens_per_second });
        provider
            .stream(request())
            .map(|delta| delta.expect("offline never fails"))
            .collect()
            .await
    }

    fn text(deltas: &[Delta]) -> String {
        deltas
            .iter()
            .filter_map(|delta| {
                if let Delta::Text(text) = delta {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_reply_is_the_same_at_every_speed_and_ends_with_usage_and_stop() {
        let expected = offline::write(&request()).to_string();
        for rate in [0, 7, 150, 100_000] {
            let deltas = collect(rate).await;
            assert_eq!(text(&deltas), expected);
            let [.., Delta::Usage(usage), Delta::Finish(FinishReason::Stop)] = deltas.as_slice() else {
                panic!("wrong end: {:?}", deltas.last());
            };
            assert_eq!(usage.model, "offline");
            assert_eq!(usage.completion_tokens as usize, expected.chars().count().div_ceil(4));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_paced_reply_keeps_to_the_clock_even_when_its_reader_dawdles() {
        let start = Instant::now();
        let mut stream = Provider::Offline(Offline { tokens_per_second: 100 }).stream(request());
        let mut pieces = 0u32;
        while let Some(Ok(delta)) = stream.next().await {
            if matches!(delta, Delta::Text(_)) {
                // Each piece costs its reader half of a period: a relative sleep would add them up.
                tokio::time::sleep(Duration::from_millis(5)).await;
                pieces += 1;
            }
        }
        let due = Duration::from_millis(10) * (pieces - 1);
        let late = start.elapsed().checked_sub(due).expect("not before its time");
        assert!(
            late <= Duration::from_millis(7),
            "late by {late:?} after {pieces} pieces"
        );
    }

    #[tokio::test]
    async fn at_full_speed_other_tasks_get_their_turn() {
        let mut stream = Provider::Offline(Offline { tokens_per_second: 0 }).stream(request());
        let mut polls = 0;
        // `unconstrained` switches the runtime's own budget off, so only our yielding remains.
        let pending = tokio::task::unconstrained(futures::future::poll_fn(|context| {
            loop {
                match stream.as_mut().poll_next(context) {
                    std::task::Poll::Pending => return std::task::Poll::Ready(true),
                    std::task::Poll::Ready(None) => return std::task::Poll::Ready(false),
                    std::task::Poll::Ready(Some(_)) => polls += 1,
                }
            }
        }))
        .await;
        assert!(pending, "{polls} items without a pause");
        assert!(polls <= 16);
    }
}
