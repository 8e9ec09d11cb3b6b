//! Rules as text, for a process that a test starts and cannot reach otherwise.
//!
//! Strict: a rule with a misspelt word would be a test that tests nothing, so it is refused with the
//! list of what is allowed. `say` is absent; only tests in the same process can pass a text.

use super::behaviour::{About, Behaviour, When};
use super::calls::Rule;
use super::script::Script;
use crate::ai::{ErrorKind, FinishReason};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

const SELECTORS: &str = "any, structure, page, page:SLUG, call=N, attempt=N, job=UUID, correction=true|false, times=N";
const ACTIONS: &str = "behave, fail KIND [after=N] [retry_after_ms=N], cut, stall, hold, length, content_filter \
                       (each with after=N), nonsense, wrong_schema; and speed=N";
const KINDS: [(&str, ErrorKind); 13] = [
    ("auth", ErrorKind::Auth),
    ("quota", ErrorKind::Quota),
    ("rate_limited", ErrorKind::RateLimited),
    ("context_length", ErrorKind::ContextLength),
    ("content_filter", ErrorKind::ContentFilter),
    ("refusal", ErrorKind::Refusal),
    ("invalid_request", ErrorKind::InvalidRequest),
    ("model_not_found", ErrorKind::ModelNotFound),
    ("overloaded", ErrorKind::Overloaded),
    ("timeout", ErrorKind::Timeout),
    ("network", ErrorKind::Network),
    ("interrupted", ErrorKind::Interrupted),
    ("bad_output", ErrorKind::BadOutput),
];

/// `SELECTORS -> ACTION; SELECTORS -> ACTION`, separated by semicolons or lines, the first match wins.
impl FromStr for Script {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let script = Script::new();
        for rule in text.split([';', '\n']).map(str::trim).filter(|rule| !rule.is_empty()) {
            script.rule(parse_rule(rule).map_err(|problem| format!("in the rule {rule:?}: {problem}"))?);
        }
        Ok(script)
    }
}

fn parse_rule(rule: &str) -> Result<Rule, String> {
    let (selectors, action) = rule.split_once("->").ok_or("it has no \"->\"")?;
    let (when, times) = parse_selectors(selectors)?;
    let (behaviour, tokens_per_second) = parse_action(action)?;
    Ok(Rule {
        when,
        behaviour,
        times,
        tokens_per_second,
    })
}

fn parse_selectors(words: &str) -> Result<(When, Option<usize>), String> {
    let (mut when, mut times) = (When::any(), None);
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("call", value)) => when.call = Some(parse(word, value)?),
            Some(("attempt", value)) => when.attempt = Some(parse(word, value)?),
            Some(("job", value)) => when.job = Some(parse(word, value)?),
            Some(("correction", value)) => when.correction = Some(parse(word, value)?),
            Some(("times", value)) => times = Some(parse(word, value)?),
            None if word == "any" => {}
            None if word == "structure" => when.about = Some(About::Structure),
            None if word == "page" => when.about = Some(About::AnyPage),
            None if word.starts_with("page:") => when.about = Some(About::Page(word["page:".len()..].to_owned())),
            _ => return Err(format!("{word:?} selects nothing; allowed are {SELECTORS}")),
        }
    }
    if words.trim().is_empty() {
        return Err(format!("it selects nothing; allowed are {SELECTORS}"));
    }
    Ok((when, times))
}

fn parse_action(words: &str) -> Result<(Behaviour, Option<u32>), String> {
    let unknown = |word: &str| format!("{word:?} is no action or does not belong here; allowed are {ACTIONS}");
    let mut names = Vec::new();
    let (mut after, mut wait, mut speed) = (None, None, None);
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("after", value)) => after = Some(parse(word, value)?),
            Some(("retry_after_ms", value)) => wait = Some(Duration::from_millis(parse(word, value)?)),
            Some(("speed", value)) => speed = Some(parse(word, value)?),
            Some(_) => return Err(unknown(word)),
            None => names.push(word),
        }
    }
    let start = after.unwrap_or(0);
    let behaviour = match names.as_slice() {
        ["behave"] => Behaviour::Behave,
        ["nonsense"] => Behaviour::Nonsense,
        ["wrong_schema"] => Behaviour::WrongSchema,
        ["cut"] => Behaviour::Cut { after: start },
        ["stall"] => Behaviour::Stall { after: start },
        ["hold"] => Behaviour::Hold { after: start },
        ["length"] => Behaviour::Finish {
            reason: FinishReason::Length,
            after: start,
        },
        ["content_filter"] => Behaviour::Finish {
            reason: FinishReason::ContentFilter,
            after: start,
        },
        ["fail", name] => {
            let kind = KINDS
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, kind)| *kind)
                .ok_or_else(|| {
                    format!(
                        "{name:?} is no kind of error; allowed are {}",
                        KINDS.map(|(known, _)| known).join(", ")
                    )
                })?;
            Behaviour::Fail {
                kind,
                retry_after: wait,
                after: start,
            }
        }
        _ => return Err(unknown(&names.join(" "))),
    };
    if after.is_some() && behaviour.after() == usize::MAX {
        return Err(unknown("after"));
    }
    if wait.is_some() && !matches!(behaviour, Behaviour::Fail { .. }) {
        return Err(unknown("retry_after_ms"));
    }
    Ok((behaviour, speed))
}

fn parse<T: FromStr<Err: Display>>(word: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|problem| format!("{word:?}: {problem}"))
}
