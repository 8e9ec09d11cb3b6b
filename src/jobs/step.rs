//! What one checkpoint reports, and the events that it becomes.

use uuid::Uuid;

use crate::entities::{JobPhase, job};
use crate::events::JobEvent;

/// What one checkpoint reports.
#[derive(Debug, Clone)]
pub struct Step {
    pub phase: JobPhase,
    pub progress: f64,
    /// How many blocks the job is to write, known at its first claim.
    pub planned: Option<i32>,
    /// The block that this checkpoint writes.
    pub closed: Option<Uuid>,
    /// The job wrote it before: it counts once.
    pub is_again: bool,
    /// The block whose text comes next, with its kind.
    pub opened: Option<(Uuid, String)>,
    /// What watchers should know beside it, a sentence.
    pub note: Option<String>,
}

impl Step {
    pub fn new(phase: JobPhase, progress: f64) -> Self {
        Step {
            phase,
            progress,
            planned: None,
            closed: None,
            is_again: false,
            opened: None,
            note: None,
        }
    }
}

/// Whether a step is more than a change of phase: only then are earlier crashes forgiven, or a job that
/// always dies at the same place would start from a clean sheet each time.
pub(super) fn is_progress(step: &Step, before: &job::Model) -> bool {
    closes(step) > 0 || step.progress > before.progress
}

/// How many blocks of the job a step adds to those that it has written.
pub(super) fn closes(step: &Step) -> i32 {
    i32::from(step.closed.is_some() && !step.is_again)
}

/// Whether the stream of the site tells of it as well: of progress only with a change of phase.
pub(super) fn is_for_site(event: &JobEvent, phase_changed: bool) -> bool {
    phase_changed || !matches!(event, JobEvent::Phase { note: None, .. })
}

/// The durable events of a step, in the order of the stream.
pub(super) fn events_of(step: &Step, before: &job::Model, with_block: bool) -> Vec<JobEvent> {
    let mut events = Vec::with_capacity(3);
    if let Some(block_id) = step.closed.filter(|_| with_block) {
        events.push(JobEvent::BlockClosed { block_id });
    }
    if before.phase != Some(step.phase) || step.progress > before.progress || step.note.is_some() {
        let progress = step.progress.max(before.progress);
        events.push(JobEvent::Phase {
            phase: step.phase,
            progress,
            note: step.note.clone(),
        });
    }
    if let Some((block_id, kind)) = &step.opened {
        events.push(JobEvent::BlockOpened {
            block_id: *block_id,
            block_kind: kind.clone(),
        });
    }
    events
}
