//! How the measures are shown: a table for people, a line of JSON a brief for programs.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::say;
use crate::entities::JobState;
use crate::quality::{Code, Report};

/// How many reasons stand below a line.
const REASONS: usize = 4;

/// What one brief came to.
pub struct Line {
    pub brief: String,
    pub model: Option<String>,
    pub state: JobState,
    /// Code and message of the failure.
    pub error: Option<(String, String)>,
    pub pages: usize,
    pub blocks: usize,
    pub report: Report,
    /// The pages' titles by their ids.
    pub titles: HashMap<Uuid, String>,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub seconds: f64,
}

pub struct Table {
    is_json: bool,
    provider: &'static str,
    lines: Vec<Line>,
}

impl Table {
    pub fn new(is_json: bool, provider: &'static str) -> Table {
        if !is_json {
            print(&format!(
                "{:<24} {:>5} {:>6} {:>7} {:>5} {:>15} {:>7}\n",
                "BRIEF", "PAGES", "BLOCKS", "CONFIRM", "SCORE", "TOKENS", "SECONDS"
            ));
        }
        Table {
            is_json,
            provider,
            lines: Vec::new(),
        }
    }

    /// Shows a line at once: the next one may take minutes.
    pub fn add(&mut self, line: Line) {
        match self.is_json {
            true => print(&format!("{}\n", line.json(self.provider))),
            false => print(&line.text()),
        }
        self.lines.push(line);
    }

    pub fn failed(&self) -> usize {
        self.lines
            .iter()
            .filter(|line| line.state != JobState::Succeeded)
            .count()
    }

    /// The mean of all.
    pub fn end(&self) {
        if self.is_json || self.lines.is_empty() {
            return;
        }
        let count = self.lines.len() as f64;
        let mean = self.lines.iter().map(|line| f64::from(line.report.score)).sum::<f64>() / count;
        let seconds: f64 = self.lines.iter().map(|line| line.seconds).sum();
        let tokens: i64 = self.lines.iter().map(|line| line.completion_tokens).sum();
        print(&format!(
            "\n{} briefs written by {}: mean score {mean:.1}, {tokens} tokens written, {seconds:.1} s.\n",
            self.lines.len(),
            self.provider
        ));
    }
}

impl Line {
    /// Codes with how often they were found and what they took, the dearest first.
    fn reasons(&self) -> Vec<(Code, usize, u32)> {
        let mut by_code: BTreeMap<Code, (usize, u32)> = BTreeMap::new();
        for finding in &self.report.findings {
            let (count, points) = by_code.entry(finding.code).or_default();
            *count += 1;
            *points += finding.points;
        }
        let mut reasons: Vec<_> = by_code
            .into_iter()
            .map(|(code, (count, points))| (code, count, points))
            .collect();
        reasons.sort_by_key(|(_, _, points)| std::cmp::Reverse(*points));
        reasons
    }

    fn text(&self) -> String {
        let name: String = self.brief.chars().take(24).collect();
        let tokens = format!("{} + {}", self.prompt_tokens, self.completion_tokens);
        let mut text = format!(
            "{name:<24} {:>5} {:>6} {:>7} {:>5} {tokens:>15} {:>7.1}\n",
            self.pages, self.blocks, self.report.placeholders, self.report.score, self.seconds
        );
        let reasons: Vec<String> = self
            .reasons()
            .iter()
            .take(REASONS)
            .map(|(code, count, points)| format!("{} × {count} (−{points})", code.as_str()))
            .collect();
        if !reasons.is_empty() {
            text.push_str(&format!("    {}\n", reasons.join(", ")));
        }
        if let Some((code, message)) = self.error.as_ref().filter(|_| self.state != JobState::Succeeded) {
            text.push_str(&format!("    {}: {code}: {message}\n", self.state.as_str()));
        }
        text
    }

    fn json(&self, provider: &str) -> Value {
        let reasons = self.reasons();
        let reasons = reasons
            .iter()
            .map(|(code, count, points)| json!({ "code": code.as_str(), "count": count, "points": points }));
        let findings = self.report.findings.iter().map(|finding| {
            json!({
                "code": finding.code.as_str(),
                "message": finding.message,
                "page": finding.page.and_then(|page| self.titles.get(&page)),
                "path": finding.path,
                "points": finding.points,
            })
        });
        json!({
            "brief": self.brief,
            "provider": provider,
            "model": self.model,
            "state": self.state.as_str(),
            "error": self.error.as_ref().map(|(code, message)| json!({ "code": code, "message": message })),
            "pages": self.pages,
            "blocks": self.blocks,
            "placeholders": self.report.placeholders,
            "score": self.report.score,
            "readingGrade": self.report.reading_grade,
            "reasons": reasons.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
            "promptTokens": self.prompt_tokens,
            "completionTokens": self.completion_tokens,
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
        })
    }
}

/// A reader that has had enough, such as `head`, is no reason to stop measuring.
fn print(text: &str) {
    let _ = say(text);
}
