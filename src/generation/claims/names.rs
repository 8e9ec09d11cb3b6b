//! Names in running text: capital letters inside of a sentence, of words that nobody said.
//!
//! A sentence in which most words have a capital letter is a title and tells nothing.

use std::collections::HashSet;

/// Capital letters that are no claim.
const ORDINARY: [&str; 34] = [
    "i",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "christmas",
    "easter",
    "faq",
    "ok",
    "english",
    "internet",
    "mr",
    "mrs",
    "you",
    "we",
    "they",
    "it",
    "our",
    "your",
];

const ENDINGS: [&str; 6] = ["s", "m", "ll", "re", "ve", "d"];

/// The words of a text, without what stands around them.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '—' | '–' | '|'))
        .map(bare)
        .filter(|word| !word.is_empty())
}

/// The names that are not among the known words, as they stand in the text.
pub fn unknown_in(text: &str, known: &HashSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for sentence in text.split(['.', '!', '?', ':', ';', '\n', '•', '…']) {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        let inner = words.get(1..).unwrap_or_default();
        let capitals = inner.iter().filter(|word| is_capital(bare(word))).count();
        if inner.is_empty() || capitals * 2 > inner.len() {
            continue;
        }
        let mut name: Vec<&str> = Vec::new();
        for word in inner {
            if is_unknown(bare(word), known) {
                name.push(bare(word));
                // A comma ends a name.
                if !word.ends_with(|c: char| c.is_ascii_punctuation() && c != '\'') {
                    continue;
                }
            }
            found.extend(joined(&mut name));
        }
        found.extend(joined(&mut name));
    }
    found
}

fn joined(name: &mut Vec<&str>) -> Option<String> {
    let whole = (!name.is_empty()).then(|| name.join(" "));
    name.clear();
    whole
}

fn is_unknown(word: &str, known: &HashSet<String>) -> bool {
    if !is_capital(word) {
        return false;
    }
    let lower = word.to_lowercase();
    // "bakers" is known when "baker" is, and the other way round; a hyphen joins known words.
    let is_known = |word: &str| {
        let singular = word.strip_suffix('s').unwrap_or(word);
        let is_ordinary = ORDINARY.contains(&word) || ORDINARY.contains(&singular);
        is_ordinary || known.contains(word) || known.contains(singular) || known.contains(&format!("{word}s"))
    };
    !is_known(&lower) && !lower.split('-').all(is_known)
}

fn is_capital(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.any(char::is_lowercase)
}

/// The word without punctuation, marks, the genitive's ending and what is drawn together with it: `I'll`, `we’re`.
fn bare(word: &str) -> &str {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let ending = word.rfind(['\'', '’']).map(|at| word.split_at(at));
    match ending {
        Some((start, end)) if ENDINGS.contains(&end.trim_start_matches(['\'', '’'])) => start,
        _ => word,
    }
}
