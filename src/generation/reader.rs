//! Reading a writer's stream: text in, finished elements out, and an end that is honest about itself.

use std::pin::Pin;

use futures::StreamExt;
use futures::stream::{self, Peekable};
use tokio::time::Instant;

use crate::ai::partial::{Event, Scanner};
use crate::ai::{Delta, Deltas, Error, ErrorKind, FinishReason};
use crate::jobs::{Failure, Halt, Step, Work};

/// What watchers are told when the first writer is not asked.
const FALLBACK: &str = "The writing service that is asked first is left alone after failures; another one writes.";

/// A stream that is being read under a job.
pub struct Reader {
    deltas: Peekable<Deltas>,
    /// Another writer than the first answers, and watchers do not know it yet.
    is_fallback: bool,
    scanner: Scanner,
    events: Vec<Event>,
    finish: Option<FinishReason>,
    /// How long the reply is waited for, beside what a call may take.
    until: Option<Instant>,
}

impl Reader {
    /// `watched` names the list whose elements are wanted one by one.
    pub fn new(deltas: Deltas, watched: &'static str) -> Self {
        Reader {
            deltas: deltas.peekable(),
            is_fallback: false,
            scanner: Scanner::new(watched),
            events: Vec::new(),
            finish: None,
            until: None,
        }
    }

    /// The same, but a reply that is not whole at this moment has come too late.
    pub fn until(self, moment: Option<Instant>) -> Self {
        Reader { until: moment, ..self }
    }

    /// Asks the writer while `step`, which tells that it is asked, is being stored. The call is given up as soon as the job
    /// is to stop, and with it when its fence says that it is another's.
    pub async fn ask(&mut self, work: &mut Work, step: Step) -> Result<(), Halt> {
        let stopping = work.stopping();
        let told = work.checkpoint(step);
        tokio::pin!(stopping, told);
        let (mut has_answer, mut is_stopped) = (false, false);
        loop {
            tokio::select! {
                biased;
                told = &mut told => return told,
                () = &mut stopping, if !is_stopped => {
                    // What becomes of the step has to be known all the same.
                    self.deltas = stream::empty().boxed().peekable();
                    is_stopped = true;
                }
                () = self.answered(), if !has_answer && !is_stopped => has_answer = true,
            }
        }
    }

    /// Resolves when the writer has said something.
    async fn answered(&mut self) {
        while let Some(Ok(Delta::Fallback)) = Pin::new(&mut self.deltas).peek().await {
            // Said before the call begins.
            self.deltas.next().await;
            self.is_fallback = true;
        }
    }

    /// The next events, or none at the end of the stream. Dropping the future loses nothing.
    pub async fn next(&mut self, work: &mut Work) -> Result<Option<Vec<Event>>, Halt> {
        loop {
            if std::mem::take(&mut self.is_fallback) {
                work.note(FALLBACK).await?;
            }
            let delta = tokio::select! {
                biased;
                () = work.stopped() => return Err(Halt::Stopped),
                () = past(self.until) => {
                    return Err(Error::new(ErrorKind::Timeout, "it was not worth waiting for any longer").into());
                }
                delta = self.deltas.next() => delta,
            };
            match delta {
                None => return Ok(None),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(Delta::Fallback)) => self.is_fallback = true,
                Some(Ok(Delta::Usage(usage))) => {
                    work.used(usage.prompt_tokens, usage.completion_tokens, &usage.model);
                }
                Some(Ok(Delta::Finish(reason))) => self.finish = Some(reason),
                Some(Ok(Delta::Text(text))) => {
                    let fed = self.scanner.feed(text, &mut self.events);
                    if !self.events.is_empty() {
                        // An error is repeated by the next call, after what came before it was used.
                        return Ok(Some(std::mem::take(&mut self.events)));
                    }
                    fed.map_err(Error::from)?;
                }
            }
        }
    }

    /// The whole reply, once the stream said that it was complete.
    pub fn finish(self) -> Result<serde_json::Value, Halt> {
        match self.finish {
            Some(FinishReason::Stop) => Ok(self.scanner.finish().map_err(Error::from)?),
            Some(FinishReason::Length) => Err(too_long().into()),
            Some(FinishReason::ContentFilter) => {
                Err(Error::new(ErrorKind::ContentFilter, "the provider filtered the reply").into())
            }
            None => Err(Error::new(ErrorKind::Interrupted, "the stream ended without a finish reason").into()),
        }
    }
}

async fn past(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

fn too_long() -> Failure {
    Failure {
        code: "LENGTH",
        message: "The writing service reached its length limit. Start again, or plan fewer sections.".to_string(),
        cause: "finish_reason length".to_string(),
        retryable: true,
        retry_after: None,
        correction: Some("It was cut at the length limit: write shorter texts.".to_string()),
    }
}

/// A reply that was read but breaks the rules; the writer is told which.
pub fn bad_output(problems: &[impl std::fmt::Display]) -> Halt {
    let cause = problems
        .iter()
        .map(|problem| problem.to_string())
        .collect::<Vec<_>>()
        .join(" ");
    Error::new(ErrorKind::BadOutput, cause).into()
}
