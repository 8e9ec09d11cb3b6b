//! What may happen to a job and what must come of it: the engine's table of transitions in a few lines.
//!
//! No time and no other job: whoever uses the model says when something happens.

use proptest::prelude::*;
use sitewright::entities::JobState;

pub const PLANNED: i32 = 4;
const PRICE: i64 = 20;

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Claim(usize),
    /// The holder stores something: a block, or only a new phase.
    Checkpoint {
        closes: bool,
    },
    /// The holder fails in a way that may pass.
    Stumble,
    GiveUp,
    Finish(Last),
    /// The holder's process is told to go away.
    GiveBack,
    /// A process takes over whatever is held.
    Rescue(usize),
    Cancel,
    /// Time runs out, and a process notices.
    Expire(usize),
    Beat(usize),
    /// A holder that lost the job tries to write.
    Ghost(Try),
}

/// What an end brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    Nothing,
    /// A block that closed and is stored with the end.
    Block,
    /// One that a person keeps.
    KeptBlock,
}

pub const LASTS: [Last; 3] = [Last::Nothing, Last::Block, Last::KeptBlock];

#[derive(Debug, Clone, Copy)]
pub enum Try {
    Checkpoint,
    Stumble,
    Finish,
}

/// The corners of the machine, which chance would meet seldom.
pub fn corners() -> Vec<Vec<Op>> {
    use Op::*;
    let closes = Checkpoint { closes: true };
    let lost = |what| vec![Claim(0), Rescue(1), Claim(1), Ghost(what), Finish(Last::Block)];
    let flagged = |then: Op| vec![Claim(0), Cancel, then];
    vec![
        lost(Try::Checkpoint),
        lost(Try::Stumble),
        lost(Try::Finish),
        flagged(Finish(Last::Nothing)),
        flagged(Finish(Last::Block)),
        flagged(Finish(Last::KeptBlock)),
        vec![Claim(0), closes, Finish(Last::Block)],
        vec![Claim(0), closes, Finish(Last::KeptBlock)],
        flagged(Stumble),
        flagged(GiveUp),
        flagged(GiveBack),
        flagged(Rescue(1)),
        flagged(Expire(1)),
        flagged(Beat(0)),
        flagged(closes),
        [Claim(0), Stumble].repeat(5),
        [Claim(0), GiveBack].repeat(5),
        [Claim(0), Rescue(1)].repeat(3),
        [Claim(0), closes, Rescue(1)].repeat(6),
        vec![Claim(0), closes, closes, Cancel, Finish(Last::Nothing)],
    ]
}

pub fn any_op() -> impl Strategy<Value = Op> {
    // Ends are rare, or no sequence would come to its attempts' end.
    prop_oneof![
        20 => (0..2_usize).prop_map(Op::Claim),
        10 => any::<bool>().prop_map(|closes| Op::Checkpoint { closes }),
        10 => Just(Op::Stumble),
        1 => Just(Op::GiveUp),
        1 => prop::sample::select(LASTS.to_vec()).prop_map(Op::Finish),
        3 => Just(Op::GiveBack),
        12 => (0..2_usize).prop_map(Op::Rescue),
        1 => Just(Op::Cancel),
        1 => (0..2_usize).prop_map(Op::Expire),
        4 => (0..2_usize).prop_map(Op::Beat),
        16 => prop::sample::select(vec![Try::Checkpoint, Try::Stumble, Try::Finish]).prop_map(Op::Ghost),
    ]
}

/// What the row must say.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub state: JobState,
    pub lease: i64,
    pub attempt: i32,
    pub crashes: i32,
    pub written: i32,
    pub has_closed: bool,
    pub is_flagged: bool,
}

impl Model {
    /// A job that was just queued.
    pub fn new() -> Self {
        Model {
            state: JobState::Queued,
            lease: 1,
            attempt: 0,
            crashes: 0,
            written: 0,
            has_closed: false,
            is_flagged: false,
        }
    }

    pub fn charged(&self) -> Option<i64> {
        match self.state {
            JobState::Queued | JobState::Running => None,
            JobState::Succeeded => Some(PRICE),
            JobState::Cancelled => Some(PRICE * i64::from(self.written.min(PLANNED)) / i64::from(PLANNED)),
            JobState::Failed | JobState::Quarantined => Some(0),
        }
    }

    /// T8, in the order in which it decides.
    pub fn rescue(&mut self, max_attempts: i32) {
        let attempt = self.attempt - i32::from(self.has_closed);
        self.lease += 1;
        self.crashes += 1;
        self.state = match () {
            () if self.is_flagged => JobState::Cancelled,
            () if self.crashes >= 3 => JobState::Quarantined,
            () if attempt >= max_attempts => JobState::Failed,
            () => {
                self.attempt = attempt;
                JobState::Queued
            }
        };
    }
}
