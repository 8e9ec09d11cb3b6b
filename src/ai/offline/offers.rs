//! Offers that a summary names: "we repair, tune and rent out pianos".
//!
//! Only for businesses whose trade the library does not know. It reads lists after words such as
//! "selling" and "offering", and gives up rather than guess.

use super::library::{Language, Line};
use super::text;

/// The things listed in the summary, each with a description that the owner has to give.
pub(super) fn named_in(language: &'static Language, summary: &str) -> Vec<Line> {
    let cues: Vec<String> = language.lines("offer_cues").into_iter().flatten().collect();
    let lower = summary.to_lowercase();
    // Lower-casing may change lengths of some letters; then the positions do not fit.
    if lower.len() != summary.len() {
        return Vec::new();
    }
    let mut found: Vec<String> = Vec::new();
    for cue in &cues {
        for (at, _) in lower.match_indices(cue.as_str()) {
            let starts_word = lower[..at].chars().last().is_none_or(|c| !c.is_alphanumeric());
            let rest = summary.get(at + cue.len()..).unwrap_or("");
            if starts_word && rest.starts_with([' ', ':']) {
                found.extend(list(rest));
            }
        }
        if found.len() > 1 {
            break;
        }
    }
    let mut seen = Vec::new();
    found.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    found.into_iter().take(8).map(|name| line(language, &name)).collect()
}

fn line(language: &'static Language, name: &str) -> Line {
    let low = text::lowered(name);
    let fill = |key: &str| language.text(key).replace("{name}", &low);
    vec![text::capitalised(name), fill("offer_description"), fill("offer_price")]
}

/// The entries of a list that ends with the sentence; empty unless all are short.
fn list(rest: &str) -> Vec<String> {
    let end = rest
        .find(['.', '!', '?', ';', '(', '<', '{', '\n'])
        .unwrap_or(rest.len());
    let run = rest[..end]
        .replace(" and ", ", ")
        .replace(" or ", ", ")
        .replace(" & ", ", ");
    let entries: Vec<String> = run
        .split(',')
        .map(|entry| trim_tail(entry.trim_matches(|c: char| c == ':' || c.is_whitespace())))
        .filter(|entry| !entry.is_empty())
        .collect();
    let short = |entry: &String| entry.split_whitespace().count() <= 5 && entry.chars().count() <= 40;
    if entries.len() > 1 && entries.iter().all(short) {
        entries
    } else {
        Vec::new()
    }
}

/// "bikes for commuters in Lyon" names bikes.
fn trim_tail(entry: &str) -> String {
    let words: Vec<&str> = entry.split_whitespace().collect();
    let end = words
        .iter()
        .position(|word| ["for", "to", "in", "at", "from", "with", "since"].contains(word))
        .unwrap_or(words.len());
    words[..end].join(" ")
}
