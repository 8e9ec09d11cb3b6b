//! From events to deltas, on time: what came, what it took, and an end that is honest about itself.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::chunk::Chunk;
use super::client::{Chunks, Client};
use super::{Openai, body};
use crate::ai::pacing;
use crate::ai::partial::MAX_TOTAL;
use crate::ai::{Delta, Deltas, Error, ErrorKind, FinishReason, Request, Usage};

/// After its last word a reply may still say what it took; not for long.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What is known of a reply so far.
struct Progress {
    model: String,
    usage: Option<(u32, u32)>,
    finish: Option<FinishReason>,
    refusal: String,
    /// Characters and bytes of text.
    written: usize,
    bytes: usize,
}

pub(super) fn read(openai: Arc<Openai>, request: Request) -> Deltas {
    Box::pin(async_stream::stream! {
        let settings = &openai.settings;
        let end = Instant::now() + settings.total;
        let mut progress = Progress {
            model: settings.model.clone(),
            usage: None,
            finish: None,
            refusal: String::new(),
            written: 0,
            bytes: 0,
        };
        let first = end.min(Instant::now() + settings.first_token);
        let id = format!("{}.{}", request.job, request.attempt);
        let opening = openai.client.open(body::body(settings, &request), id);
        let mut chunks = match timeout_at(first, opening).await {
            Ok(Ok(chunks)) => chunks,
            Ok(Err(error)) => {
                // Refused before a word was read.
                yield Ok(Delta::Usage(Usage { prompt_tokens: 0, completion_tokens: 0, model: progress.model, is_estimate: false }));
                yield Err(error);
                return;
            }
            Err(_) => {
                yield Err(late("no answer came"));
                return;
            }
        };
        let mut until = first;
        let failure = loop {
            let was_finished = progress.finish.is_some();
            let has_text = match next(&mut chunks, until, &progress).await {
                Ok(Some(chunk)) => match progress.take(chunk, &openai.client) {
                    Ok(text) if text.is_empty() => false,
                    Ok(text) => {
                        yield Ok(Delta::Text(text));
                        true
                    }
                    Err(error) => break Some(error),
                },
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            // Only words are a sign of life: a server may send events without any for ever.
            if progress.finish.is_some() && !was_finished {
                until = end.min(Instant::now() + LAST_WORDS);
            } else if has_text && !was_finished {
                until = end.min(Instant::now() + settings.idle);
            }
        };
        // The connection goes before whoever reads hears of the end.
        drop(chunks);
        yield Ok(Delta::Usage(progress.usage(&request)));
        yield progress.end(failure);
    })
}

/// The next event; an end of the stream after the last word may also be silence.
async fn next(chunks: &mut Chunks, until: Instant, progress: &Progress) -> Result<Option<Chunk>, Error> {
    match timeout_at(until, chunks.next()).await {
        Ok(chunk) => chunk.transpose(),
        Err(_) if progress.finish.is_some() => Ok(None),
        Err(_) => Err(late("the reply fell silent")),
    }
}

fn late(cause: &str) -> Error {
    Error::new(ErrorKind::Timeout, cause)
}

impl Progress {
    fn take(&mut self, mut chunk: Chunk, client: &Client) -> Result<String, Error> {
        if let Some(error) = chunk.error.take().filter(|error| !error.is_null()) {
            return Err(client.fault(&error));
        }
        if let Some(model) = chunk.model() {
            self.model = model;
        }
        self.usage = chunk.usage().or(self.usage);
        self.refusal.push_str(chunk.refusal().unwrap_or_default());
        self.finish = chunk.finish().map(reason).transpose()?.or(self.finish);
        let text = chunk.text();
        self.written += text.chars().count();
        self.bytes += text.len();
        if self.bytes > MAX_TOTAL {
            let cause = format!("the reply is longer than {MAX_TOTAL} bytes; write less");
            return Err(Error::new(ErrorKind::BadOutput, cause));
        }
        Ok(text)
    }

    fn usage(&self, request: &Request) -> Usage {
        let read = request
            .messages
            .iter()
            .map(|message| message.text.chars().count())
            .sum();
        let (prompt_tokens, completion_tokens) = self
            .usage
            .unwrap_or_else(|| (pacing::tokens(read), pacing::tokens(self.written)));
        Usage {
            prompt_tokens,
            completion_tokens,
            model: self.model.clone(),
            is_estimate: self.usage.is_none(),
        }
    }

    /// A failure before the finish reason is one; after it, the reply is whole.
    fn end(self, failure: Option<Error>) -> Result<Delta, Error> {
        match (self.finish, failure) {
            (_, None) if !self.refusal.is_empty() => Err(Error::new(ErrorKind::Refusal, cut(&self.refusal))),
            (Some(reason), _) => Ok(Delta::Finish(reason)),
            (None, Some(error)) => Err(error),
            (None, None) => Err(Error::new(
                ErrorKind::Interrupted,
                "the stream ended without a finish reason",
            )),
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(400).collect()
}

fn reason(word: &str) -> Result<FinishReason, Error> {
    match word.to_lowercase().as_str() {
        "length" | "max_tokens" | "model_length" => Ok(FinishReason::Length),
        "content_filter" | "safety" => Ok(FinishReason::ContentFilter),
        // The server gave up; what it wrote is no whole reply.
        "error" | "abort" | "cancelled" | "canceled" | "insufficient_system_resource" => {
            let cause = format!("the stream ended with the reason {word}");
            Err(Error::new(ErrorKind::Interrupted, cause))
        }
        _ => Ok(FinishReason::Stop),
    }
}
