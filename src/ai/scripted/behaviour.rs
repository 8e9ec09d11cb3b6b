//! What a call may do, and which calls a rule is about.
//!
//! Both are plain values that tests write down; how they are carried out stands in `script`.

use crate::ai::{ErrorKind, FinishReason, Request, Task};
use std::time::Duration;
use uuid::Uuid;

/// What one call does. `after` counts characters of the offline reply that are sent before; a
/// count beyond its end means the whole text, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Sends the offline reply.
    Behave,
    /// Ends with an error.
    Fail {
        kind: ErrorKind,
        retry_after: Option<Duration>,
        after: usize,
    },
    /// Ends in silence, without a finish reason.
    Cut { after: usize },
    /// Never says anything again, until it is dropped.
    Stall { after: usize },
    /// Waits for [`Script::release`](super::Script::release), then goes on as if nothing had been.
    Hold { after: usize },
    /// Ends with this reason although text is missing.
    Finish { reason: FinishReason, after: usize },
    /// Sends prose with markup where JSON was asked for.
    Nonsense,
    /// Sends good JSON that is not what was asked for.
    WrongSchema,
    /// Sends exactly this, then stops as if all were well.
    Say(String),
}

/// What a call is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Structure,
    /// A page or some of its blocks, by the page's slug.
    Page(String),
}

/// Selects calls: those that have everything that is set here. The default selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    pub about: Option<About>,
    /// The call's number, counted from 1 over the script's life.
    pub call: Option<usize>,
    pub job: Option<Uuid>,
    pub attempt: Option<i32>,
    /// Whether the call corrects a reply that was refused.
    pub correction: Option<bool>,
}

/// The subjects a selection covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    Structure,
    AnyPage,
    Page(String),
}

impl When {
    pub fn any() -> Self {
        When::default()
    }

    pub fn structure() -> Self {
        When {
            about: Some(About::Structure),
            ..When::default()
        }
    }

    pub fn any_page() -> Self {
        When {
            about: Some(About::AnyPage),
            ..When::default()
        }
    }

    pub fn page(slug: impl Into<String>) -> Self {
        When {
            about: Some(About::Page(slug.into())),
            ..When::default()
        }
    }

    pub fn of_job(job: Uuid) -> Self {
        When {
            job: Some(job),
            ..When::default()
        }
    }

    pub fn call(self, number: usize) -> Self {
        When {
            call: Some(number),
            ..self
        }
    }

    pub fn job(self, job: Uuid) -> Self {
        When { job: Some(job), ..self }
    }

    pub fn attempt(self, attempt: i32) -> Self {
        When {
            attempt: Some(attempt),
            ..self
        }
    }

    pub fn correction(self, correction: bool) -> Self {
        When {
            correction: Some(correction),
            ..self
        }
    }

    pub fn selects(&self, call: &super::Call) -> bool {
        let about = match (&self.about, &call.subject) {
            (None, _) => true,
            (Some(About::Structure), subject) => *subject == Subject::Structure,
            (Some(About::AnyPage), subject) => matches!(subject, Subject::Page(_)),
            (Some(About::Page(slug)), subject) => {
                matches!(subject, Subject::Page(page) if page == slug)
            }
        };
        about
            && self.call.is_none_or(|number| number == call.number)
            && self.job.is_none_or(|job| job == call.job)
            && self.attempt.is_none_or(|attempt| attempt == call.attempt)
            && self
                .correction
                .is_none_or(|correction| correction == call.correction.is_some())
    }
}

impl Subject {
    pub(super) fn of(request: &Request) -> Self {
        match &request.task {
            Task::Structure { .. } => Subject::Structure,
            Task::Page(page) => Subject::Page(page.slug.clone()),
        }
    }
}

impl Behaviour {
    /// How much text goes out before the misbehaviour; all of it if nothing is said.
    pub(super) fn after(&self) -> usize {
        match self {
            Behaviour::Fail { after, .. }
            | Behaviour::Cut { after }
            | Behaviour::Stall { after }
            | Behaviour::Hold { after }
            | Behaviour::Finish { after, .. } => *after,
            Behaviour::Behave | Behaviour::Nonsense | Behaviour::WrongSchema | Behaviour::Say(_) => usize::MAX,
        }
    }
}
