//! The account of one call: what it took, how long, and how it ended. Kept as the call goes, handed over when it
//! ends, also when it is abandoned.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant as Clock;
use uuid::Uuid;

use super::pacing::tokens;
use super::{Delta, Error, ErrorKind, FinishReason, Request, Usage};
use crate::config::TokenPrice;
use crate::db::now;
use crate::error::Instant;
use crate::ids::new_id;

/// A call that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its row's, so that an account that is written twice is one.
    pub id: Uuid,
    pub job: Uuid,
    pub attempt: i32,
    /// What was to be written: `structure`, `page` or `block`.
    pub function: &'static str,
    /// The writer's name in the configuration.
    pub provider: String,
    pub model: String,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    /// Whether the tokens are our guess.
    pub is_estimate: bool,
    /// None when no text came.
    pub first_token: Option<Duration>,
    pub total: Duration,
    pub outcome: Outcome,
    /// What it probably cost, in millionths of a US dollar; none without a price.
    pub cost_micros: Option<i64>,
    pub ended_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Finished(FinishReason),
    Failed(ErrorKind),
    /// Its reader went away: the job was cancelled, or had read enough.
    Aborted,
}

impl Outcome {
    /// A stable word, for records.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Finished(FinishReason::Stop) => "finished",
            Outcome::Finished(FinishReason::Length) => "length",
            Outcome::Finished(FinishReason::ContentFilter) => "content_filter",
            Outcome::Failed(kind) => kind.as_str(),
            Outcome::Aborted => "aborted",
        }
    }
}

/// Watches a call. However it ends, its account goes out once.
pub(super) struct Meter {
    /// Present until the account went out.
    call: Option<Call>,
    price: Option<TokenPrice>,
    began: Clock,
    /// Characters that were read and written, for calls that do not say what they took.
    read: usize,
    written: usize,
    is_told: bool,
    calls: Sender<Call>,
}

impl Meter {
    pub fn new(
        request: &Request,
        provider: String,
        model: String,
        price: Option<TokenPrice>,
        calls: Sender<Call>,
    ) -> Self {
        let call = Call {
            id: new_id(),
            job: request.job,
            attempt: request.attempt,
            function: request.function,
            provider,
            model,
            prompt_tokens: 0,
            completion_tokens: 0,
            is_estimate: true,
            first_token: None,
            total: Duration::ZERO,
            outcome: Outcome::Aborted,
            cost_micros: None,
            ended_at: now(),
        };
        let messages = request.messages.iter();
        Meter {
            call: Some(call),
            price,
            began: Clock::now(),
            read: messages.map(|message| message.text.chars().count()).sum(),
            written: 0,
            is_told: false,
            calls,
        }
    }

    pub fn saw(&mut self, delta: &Result<Delta, Error>) {
        let began = self.began;
        let Some(call) = &mut self.call else { return };
        match delta {
            Ok(Delta::Text(text)) => {
                call.first_token.get_or_insert_with(|| began.elapsed());
                self.written += text.chars().count();
            }
            Ok(Delta::Usage(usage)) => {
                call.prompt_tokens = usage.prompt_tokens;
                call.completion_tokens = usage.completion_tokens;
                call.is_estimate = usage.is_estimate;
                call.model.clone_from(&usage.model);
                self.is_told = true;
            }
            Ok(Delta::Fallback) => {}
            Ok(Delta::Finish(reason)) => self.end(Outcome::Finished(*reason)),
            Err(error) => self.end(Outcome::Failed(error.kind)),
        }
    }

    /// What the call took as far as we can guess, unless the writer said it.
    pub fn guess(&self) -> Option<Usage> {
        let call = self.call.as_ref().filter(|_| !self.is_told)?;
        Some(Usage {
            prompt_tokens: tokens(self.read),
            completion_tokens: tokens(self.written),
            model: call.model.clone(),
            is_estimate: true,
        })
    }

    pub fn end(&mut self, outcome: Outcome) {
        let guess = self.guess();
        let Some(mut call) = self.call.take() else { return };
        if let Some(guess) = guess {
            (call.prompt_tokens, call.completion_tokens) = (guess.prompt_tokens, guess.completion_tokens);
        }
        call.total = self.began.elapsed();
        call.ended_at = now();
        call.outcome = outcome;
        call.cost_micros = self
            .price
            .map(|price| cost(price, call.prompt_tokens, call.completion_tokens));
        // Nobody listens while a process ends, and in tests of a writer alone.
        if let Err(TrySendError::Full(call)) = self.calls.try_send(call) {
            tracing::error!(job.id = %call.job, "the account of a call is lost: too many wait for the database");
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.end(Outcome::Aborted);
    }
}

/// A dollar for a million tokens is a millionth of a dollar for one.
fn cost(price: TokenPrice, prompt: u32, completion: u32) -> i64 {
    (f64::from(prompt) * price.prompt + f64::from(completion) * price.completion).round() as i64
}
