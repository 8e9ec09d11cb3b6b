//! What the owner offers, as far as the brief names it: prices, lists, and words of the summary.
//!
//! Where the brief names anything, only that is shown; the trade's own offers stand in for it as
//! questions to the owner and never beside it. A list that cannot be read surely is left in its sentence.

use std::collections::BTreeSet;

use super::facts::{Fact, Listed, entries};
use super::library::{Language, Trade};
use super::text;

/// Something that the brief names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub name: String,
    pub price: Option<String>,
    pub note: Option<String>,
}

/// The offers of a brief: things with a price, then lists, then what summary and objectives speak of.
pub(super) fn own(
    language: &'static Language,
    trade: &Trade,
    summary: &str,
    said: &BTreeSet<String>,
    facts: &[Fact],
) -> Vec<Offer> {
    let mut found: Vec<Offer> = Vec::new();
    let mut add = |name: &str, price: Option<&String>, note: Option<&String>| {
        let stems = text::stems(name);
        let near = |known: &Offer| {
            let own = text::stems(&known.name);
            known.name.eq_ignore_ascii_case(name) || !stems.is_empty() && stems.intersection(&own).count() > 0
        };
        if price.is_some() || !found.iter().any(near) {
            found.push(Offer {
                name: text::capitalised(name),
                price: price.cloned(),
                note: note.cloned(),
            });
        }
    };
    for fact in facts {
        if let Some((name, price)) = &fact.price {
            add(name, Some(price), fact.note.as_ref());
        }
    }
    let listed: Vec<&String> = facts.iter().flat_map(|fact| fact.listed(Listed::Offers)).collect();
    for name in &listed {
        add(name, None, None);
    }
    if listed.is_empty() {
        for name in named_in(language, summary) {
            add(&name, None, None);
        }
        // A thing that the trade knows and the brief speaks of is the owner's.
        for line in trade.list("offers") {
            let stems = text::stems(&line[0]);
            let words = text::spoken(&line[0])
                .split_whitespace()
                .filter(|word| *word != "and")
                .count();
            if stems.len() == words && stems.is_subset(said) {
                add(&line[0], None, None);
            }
        }
    }
    // What a visitor can have comes before what a part of it costs.
    if !listed.is_empty() {
        found.sort_by_key(|offer| offer.price.is_some());
    }
    found.truncate(12);
    found
}

/// The things listed in the summary: "we repair, tune and rent out pianos", "roofs: slate, metal and tile".
fn named_in(language: &'static Language, summary: &str) -> Vec<String> {
    for sentence in text::sentences(summary) {
        if let Some((_, rest)) = sentence.split_once(": ") {
            let named = list(rest);
            if named.len() > 1 {
                return named;
            }
        }
    }
    let cues: Vec<String> = language.lines("offer_cues").into_iter().flatten().collect();
    let lower = summary.to_lowercase();
    // Lower-casing may change lengths of some letters; then the positions do not fit.
    if lower.len() != summary.len() {
        return Vec::new();
    }
    for cue in &cues {
        for (at, _) in lower.match_indices(cue.as_str()) {
            let starts_word = lower[..at].chars().last().is_none_or(|c| !c.is_alphanumeric());
            let rest = summary.get(at + cue.len()..).unwrap_or("");
            let named = list(rest);
            if starts_word && rest.starts_with([' ', ':']) && named.len() > 1 {
                return named;
            }
        }
    }
    Vec::new()
}

/// The entries of a list that ends with the sentence; empty unless all are short.
fn list(rest: &str) -> Vec<String> {
    let end = rest
        .find(['.', '!', '?', ';', '(', '<', '{', '\n'])
        .unwrap_or(rest.len());
    let named: Vec<String> = entries(rest[..end].trim_matches(|c: char| c == ':' || c.is_whitespace()))
        .iter()
        .map(|entry| trim_tail(entry))
        .filter(|entry| !entry.is_empty())
        .collect();
    let clause = |entry: &String| {
        let words = text::spoken(entry);
        [
            " we ", " i ", " you ", " they ", " it ", " is ", " are ", " to ", " and ",
        ]
        .iter()
        .any(|word| words.contains(word))
    };
    let short = |entry: &String| entry.split_whitespace().count() <= 4 && entry.chars().count() <= 40;
    if named.len() > 1 && named.len() <= 8 && named.iter().all(|entry| short(entry) && !clause(entry)) {
        named
    } else {
        Vec::new()
    }
}

/// "bikes for commuters in Lyon" names bikes.
fn trim_tail(entry: &str) -> String {
    let words: Vec<&str> = entry.split_whitespace().collect();
    let end = words
        .iter()
        .position(|word| ["for", "to", "in", "at", "from", "with", "since", "on"].contains(word))
        .unwrap_or(words.len());
    words[..end].join(" ")
}
