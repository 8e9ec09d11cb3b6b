//! What a job costs in the end: one pure function, so that it can be read and tested on one screen.

use crate::entities::{JobKind, JobState};

/// How a job ended, as far as its price is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    pub kind: JobKind,
    pub state: JobState,
    pub price: i64,
    /// Blocks that the job closed.
    pub written: i64,
    /// Blocks that it set out to write.
    pub planned: i64,
}

/// How much of the price is kept; the rest goes back.
///
/// Success costs the price. Failed and quarantined jobs cost nothing. A cancelled page costs what was
/// written of it, rounded down; every other cancelled job costs nothing.
pub fn captured(ending: Ending) -> i64 {
    match (ending.state, ending.kind) {
        (JobState::Succeeded, _) => ending.price,
        (JobState::Cancelled, JobKind::Page) => {
            let planned = ending.planned.max(1);
            ending.price * ending.written.clamp(0, planned) / planned
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(kind: JobKind, state: JobState, written: i64, planned: i64) -> Ending {
        Ending {
            kind,
            state,
            price: 20,
            written,
            planned,
        }
    }

    #[test]
    fn success_costs_the_price_and_failure_nothing() {
        for kind in JobKind::ALL {
            assert_eq!(captured(ending(*kind, JobState::Succeeded, 0, 5)), 20);
            assert_eq!(captured(ending(*kind, JobState::Failed, 5, 5)), 0);
            assert_eq!(captured(ending(*kind, JobState::Quarantined, 5, 5)), 0);
        }
    }

    #[test]
    fn a_cancelled_page_costs_what_was_written_of_it() {
        let cancelled = |written, planned| captured(ending(JobKind::Page, JobState::Cancelled, written, planned));
        assert_eq!(
            [cancelled(0, 6), cancelled(1, 6), cancelled(5, 6), cancelled(6, 6)],
            [0, 3, 16, 20]
        );
        assert_eq!([cancelled(9, 6), cancelled(0, 0), cancelled(1, 0)], [20, 0, 20]);
        assert_eq!(captured(ending(JobKind::Structure, JobState::Cancelled, 3, 6)), 0);
    }
}
