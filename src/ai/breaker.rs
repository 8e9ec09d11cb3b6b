//! A circuit breaker: a writer that fails again and again is left alone for a while.
//!
//! After a row of failures nobody asks it until a pause is over; then one call tries it, and its outcome decides
//! for all. Each process learns for itself: what one finds out costs the others a few failed calls.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::RngExt;
use tokio::time::Instant;

use super::ErrorKind;

#[derive(Debug, Clone, Copy)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 0 never does.
    pub failures: u32,
    /// How long it stays open the first time.
    pub pause: Duration,
    /// Pauses double up to this.
    pub cap: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Breaker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    /// Nobody asks until then; `times` counts the pauses in a row.
    Open {
        until: Instant,
        times: u32,
        is_lasting: bool,
    },
    /// One call tries.
    Trying {
        times: u32,
        is_lasting: bool,
    },
}

/// Leave to make one call; its owner says how it went.
#[derive(Debug)]
pub(super) struct Leave {
    breaker: Breaker,
    is_trial: bool,
}

/// While one call tries, the others look again after so long, or a quarter of the pause.
const WHILE_TRYING: Duration = Duration::from_secs(2);

impl Breaker {
    pub fn new(settings: BreakerSettings) -> Self {
        Breaker(Arc::new(Inner {
            settings,
            state: Mutex::new(State::Closed { failures: 0 }),
        }))
    }

    /// Leave to call, or how long not to.
    pub fn ask(&self) -> Result<Leave, Duration> {
        let mut state = self.0.state.lock();
        let now = Instant::now();
        let is_trial = match *state {
            State::Closed { .. } => false,
            State::Open {
                until,
                times,
                is_lasting,
            } if until <= now => {
                *state = State::Trying { times, is_lasting };
                true
            }
            State::Open { until, .. } => return Err(spread(until - now)),
            // Most trials take a while: those who wait should not be taken up and put back all that time.
            State::Trying { times, .. } => {
                return Err(spread(WHILE_TRYING.max(self.pause(times.saturating_sub(1)) / 4)));
            }
        };
        Ok(Leave {
            breaker: self.clone(),
            is_trial,
        })
    }

    /// Whether a call would be let through now.
    pub fn is_closed(&self) -> bool {
        matches!(*self.0.state.lock(), State::Closed { .. })
    }

    /// Whether a call will be let through by waiting: what it may be open for passes.
    pub fn may_recover(&self) -> bool {
        match *self.0.state.lock() {
            State::Closed { .. } => true,
            State::Open { is_lasting, .. } | State::Trying { is_lasting, .. } => !is_lasting,
        }
    }

    fn pause(&self, times: u32) -> Duration {
        let BreakerSettings { pause, cap, .. } = self.0.settings;
        pause.saturating_mul(1 << times.min(16)).min(cap.max(pause))
    }

    fn open(&self, state: &mut State, times: u32, is_lasting: bool) {
        let pause = self.pause(times);
        *state = State::Open {
            until: Instant::now() + pause,
            times: times + 1,
            is_lasting,
        };
        tracing::warn!(
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(0),
            "a writing service is left alone"
        );
    }
}

/// Those who wait do not come back in the same instant.
fn spread(wait: Duration) -> Duration {
    wait + wait.mul_f64(rand::rng().random_range(0.0..0.25)) + Duration::from_millis(1)
}

impl Leave {
    /// It answers: that is all a trial wants to know.
    pub fn answers(&mut self) {
        if std::mem::take(&mut self.is_trial) {
            *self.breaker.0.state.lock() = State::Closed { failures: 0 };
        }
    }

    pub fn succeeded(mut self) {
        self.is_trial = false;
        let mut state = self.breaker.0.state.lock();
        // A call from before the pause says nothing about now.
        if !matches!(*state, State::Open { .. }) {
            *state = State::Closed { failures: 0 };
        }
    }

    /// `at_once` opens it without counting: this writer will not answer before somebody repairs it.
    pub fn failed(mut self, at_once: bool) {
        let breaker = self.breaker.clone();
        let mut state = breaker.0.state.lock();
        let was_trial = std::mem::take(&mut self.is_trial);
        match *state {
            State::Trying { times, .. } if was_trial => breaker.open(&mut state, times, at_once),
            State::Closed { failures } => {
                let failures = failures + 1;
                let limit = breaker.0.settings.failures;
                if limit > 0 && (at_once || failures >= limit) {
                    breaker.open(&mut state, 0, at_once);
                } else {
                    *state = State::Closed { failures };
                }
            }
            _ => {}
        }
    }
}

impl Drop for Leave {
    /// A trial that was abandoned decided nothing: the next one may try.
    fn drop(&mut self) {
        if self.is_trial {
            let mut state = self.breaker.0.state.lock();
            if let State::Trying { times, is_lasting } = *state {
                *state = State::Open {
                    until: Instant::now(),
                    times,
                    is_lasting,
                };
            }
        }
    }
}

/// Whether a failure speaks against the writer and not against what it was asked.
pub(super) fn speaks_against_the_writer(kind: ErrorKind) -> bool {
    use ErrorKind::*;
    matches!(
        kind,
        RateLimited | Overloaded | Timeout | Network | Interrupted | Auth | Quota | ModelNotFound
    )
}

/// Failures that waiting does not cure.
pub(super) fn needs_a_person(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Auth | ErrorKind::Quota | ErrorKind::ModelNotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings {
            failures: 3,
            pause: Duration::from_secs(10),
            cap: Duration::from_secs(30),
        })
    }

    fn fail(breaker: &Breaker) {
        breaker.ask().expect("leave").failed(false);
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_a_row_of_failures_and_lets_one_call_try_when_the_pause_is_over() {
        let breaker = breaker();
        fail(&breaker);
        fail(&breaker);
        breaker.ask().expect("leave").succeeded();
        for _ in 0..3 {
            fail(&breaker);
        }
        let wait = breaker.ask().expect_err("open");
        assert!((10_000..=12_600).contains(&wait.as_millis()), "{wait:?}");
        tokio::time::advance(Duration::from_secs(10)).await;
        let mut trial = breaker.ask().expect("a trial");
        let wait = breaker.ask().expect_err("one at a time");
        assert!((2_500..=3_200).contains(&wait.as_millis()), "{wait:?}");
        trial.answers();
        breaker.ask().expect("closed").succeeded();
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_cap_and_an_abandoned_trial_decides_nothing() {
        let breaker = breaker();
        for _ in 0..3 {
            fail(&breaker);
        }
        for pause in [10, 20, 30, 30] {
            tokio::time::advance(Duration::from_secs(pause - 1)).await;
            breaker.ask().expect_err("still open");
            tokio::time::advance(Duration::from_secs(1)).await;
            drop(breaker.ask().expect("a trial that is abandoned"));
            fail(&breaker);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_needs_a_person_opens_it_at_once_and_0_never_does() {
        let breaker = breaker();
        breaker.ask().expect("leave").failed(true);
        breaker.ask().expect_err("open");
        let never = Breaker::new(BreakerSettings {
            failures: 0,
            ..breaker.0.settings
        });
        for _ in 0..50 {
            never.ask().expect("leave").failed(true);
        }
    }
}
