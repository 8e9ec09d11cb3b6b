//! A run as people and machines see it: bars on a terminal, plain lines elsewhere, JSON lines on request.
//!
//! Progress goes to standard error and results to standard output, so that a pipe carries only results;
//! JSON is all result. A reader that went away is no failure: the run goes on and its files are written.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::board::{Board, PageLine, Step};
use crate::db::now;
use crate::entities::{JobPhase, JobState};
use crate::generation::PLAN_OF_A_SITE;

pub struct Show {
    since: Instant,
    how: How,
}

enum How {
    Bars(Bars),
    Lines,
    Json,
}

impl Show {
    pub fn new(json: bool, is_terminal: bool) -> Self {
        let how = match (json, is_terminal) {
            (true, _) => How::Json,
            (false, true) => How::Bars(Bars::new()),
            (false, false) => How::Lines,
        };
        Show {
            since: Instant::now(),
            how,
        }
    }

    pub fn is_json(&self) -> bool {
        matches!(self.how, How::Json)
    }

    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// A JSON line; nothing for people.
    pub fn json(&self, event: &str, fields: Value) {
        if !self.is_json() {
            return;
        }
        let mut line = json!({ "event": event, "seconds": seconds(self.elapsed()) });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        print_line(&line.to_string());
    }

    /// A line for people about the run as a whole.
    pub fn note(&self, text: &str) {
        match &self.how {
            How::Bars(bars) => bars.note(text),
            How::Lines => say(text),
            How::Json => {}
        }
    }

    pub fn step(&mut self, step: &Step, board: &Board) {
        match &mut self.how {
            How::Json => {
                if let Some((event, fields)) = as_json(step, board) {
                    self.json(event, fields);
                }
            }
            How::Lines => {
                if let Some(line) = as_line(step, board) {
                    say(&line);
                }
            }
            How::Bars(bars) => bars.step(step, board),
        }
    }

    /// Takes the bars away before the summary is printed.
    pub fn close(&mut self) {
        if let How::Bars(bars) = &self.how {
            bars.close();
        }
    }
}

/// Whole milliseconds are as exact as it gets.
pub fn seconds(elapsed: Duration) -> f64 {
    elapsed.as_millis() as f64 / 1000.0
}

/// One line on standard output.
pub fn print_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

fn as_json(step: &Step, board: &Board) -> Option<(&'static str, Value)> {
    let page = |at: usize| json!({ "slug": board.pages[at].slug, "title": board.pages[at].title });
    Some(match step {
        Step::Planning { phase, progress } => ("planning", json!({ "phase": phase.as_str(), "progress": progress })),
        Step::PagePlanned { page: at } => (
            "page_planned",
            json!({ "page": page(*at), "blocks": board.pages[*at].planned }),
        ),
        Step::PageStarted { page: at, attempt } => ("page_started", json!({ "page": page(*at), "attempt": attempt })),
        Step::BlockWritten { page: at, kind } => {
            let PageLine { written, planned, .. } = &board.pages[*at];
            (
                "block_written",
                json!({ "page": page(*at), "kind": kind, "written": written, "planned": planned }),
            )
        }
        Step::PageFinished {
            page: at,
            state,
            charged,
            released,
        } => (
            "page_finished",
            json!({ "page": page(*at), "state": state.as_str(), "charged": charged, "released": released }),
        ),
        Step::Retrying { page: at, reason, next } => {
            let next = next.map(|at| at.to_rfc3339());
            (
                "retrying",
                json!({ "page": at.map(page), "reason": reason, "nextAttemptAt": next }),
            )
        }
        Step::Cancelling => ("cancelling", json!({})),
        // `finished` follows with the summary, once the files are written.
        Step::PagePhase { .. } | Step::Ended => return None,
    })
}

fn as_line(step: &Step, board: &Board) -> Option<String> {
    let title = |at: usize| &board.pages[at].title;
    Some(match step {
        Step::Planning {
            phase: JobPhase::WaitingForModel,
            ..
        } => "Planning the site.".to_string(),
        Step::PagePlanned { page } => format!("Planned: {} ({}).", title(*page), blocks(board.pages[*page].planned)),
        Step::PageStarted { page, attempt: 1 } => format!("{}: begun.", title(*page)),
        Step::PageStarted { page, attempt } => format!("{}: begun again, attempt {attempt}.", title(*page)),
        Step::BlockWritten { page, kind } => {
            let PageLine { written, planned, .. } = &board.pages[*page];
            format!("{}: {written} of {planned}, {kind}.", title(*page))
        }
        Step::PageFinished {
            page, state, charged, ..
        } => {
            format!("{}: {}, {}.", title(*page), ending(*state), credits(*charged))
        }
        Step::Retrying { page, reason, next } => retry(page.map(title), reason, *next),
        Step::Cancelling => CANCELLING.to_string(),
        Step::Planning { .. } | Step::PagePhase { .. } | Step::Ended => return None,
    })
}

const CANCELLING: &str = "Cancelling: waiting until the account is settled. Press Ctrl-C again not to wait.";

fn retry(title: Option<&String>, reason: &str, next: Option<crate::error::Instant>) -> String {
    let what = title.map_or("The plan", String::as_str);
    let wait = next.map_or(0, |next| (next - now()).num_seconds().max(0));
    let when = if wait > 0 {
        format!("in {wait} s")
    } else {
        "now".to_string()
    };
    format!("{what}: {} Trying again {when}.", sentence(reason))
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) {
        text.to_string()
    } else {
        format!("{text}.")
    }
}

/// A state in words.
pub fn ending(state: JobState) -> &'static str {
    match state {
        JobState::Succeeded => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Quarantined => "stopped for good",
        JobState::Queued => "waiting",
        JobState::Running => "running",
    }
}

pub fn blocks(count: usize) -> String {
    format!("{count} block{}", if count == 1 { "" } else { "s" })
}

pub fn credits(count: i64) -> String {
    format!("{count} credit{}", if count == 1 { "" } else { "s" })
}

/// One bar for the plan, one a page, and a line with the credits below them.
struct Bars {
    all: MultiProgress,
    plan: ProgressBar,
    pages: Vec<ProgressBar>,
    foot: ProgressBar,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let plan = all.add(ProgressBar::new(100).with_style(style("{prefix:22!} {bar:24} {wide_msg}")));
        plan.set_prefix("The plan");
        let foot = all.add(ProgressBar::new_spinner().with_style(style("{wide_msg}  {elapsed}")));
        // Without a tick the seconds would stand still while a writer thinks.
        foot.enable_steady_tick(Duration::from_millis(200));
        Bars {
            all,
            plan,
            pages: Vec::new(),
            foot,
        }
    }

    fn note(&self, text: &str) {
        // Without a terminal nothing could be drawn; then it is no note's place either.
        let _ = self.all.println(text);
    }

    fn step(&mut self, step: &Step, board: &Board) {
        // Lines come in the board's order, whatever arrived first.
        for line in board.pages.iter().skip(self.pages.len()) {
            let bar =
                ProgressBar::new(line.planned as u64).with_style(style("{prefix:22!} {bar:24} {pos}/{len} {wide_msg}"));
            bar.set_prefix(line.title.clone());
            let bar = self.all.insert_before(&self.foot, bar);
            bar.set_message("waiting");
            self.pages.push(bar);
        }
        match step {
            Step::Planning { phase, progress } => {
                self.plan.set_position((progress / PLAN_OF_A_SITE * 100.0) as u64);
                self.plan.set_message(words(*phase));
            }
            Step::PagePlanned { .. } => self.plan.finish_with_message("done"),
            Step::PageStarted { page, .. } => self.pages[*page].set_message("starting"),
            Step::PagePhase { page } => {
                let phase = board.pages[*page].phase;
                self.pages[*page].set_message(phase.map_or("", words));
            }
            Step::BlockWritten { page, kind } => {
                self.pages[*page].set_position(board.pages[*page].written as u64);
                self.pages[*page].set_message(kind.to_lowercase());
            }
            Step::PageFinished {
                page, state, charged, ..
            } => {
                let message = format!("{}, {}", ending(*state), credits(*charged));
                self.pages[*page].abandon_with_message(message);
            }
            Step::Retrying { page, reason, next } => {
                self.note(&retry(page.map(|at| &board.pages[at].title), reason, *next));
            }
            Step::Cancelling => self.note(CANCELLING),
            Step::Ended => {}
        }
        let spent = &board.credits;
        self.foot
            .set_message(format!("Credits: {} charged, {} held", spent.charged, spent.held));
    }

    fn close(&self) {
        self.foot.finish_and_clear();
        for bar in self.pages.iter().chain([&self.plan]) {
            bar.abandon();
        }
        // The last bar's line has no end; what follows must not stand beside it.
        say("");
    }
}

fn words(phase: JobPhase) -> &'static str {
    match phase {
        JobPhase::Preparing => "reading the brief",
        JobPhase::WaitingForModel => "waiting for the writer",
        JobPhase::Writing => "writing",
        JobPhase::Checking => "checking",
        JobPhase::Saving => "saving",
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template is a constant of this file; a broken one would show the plain bar instead.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━╸ ")
}
