//! Numbers and prices in a text, in a form in which `1,500`, `1.500` and `1500` are the same.
//!
//! Numbering is no claim: `Step 2` and a leading `3.` are passed over.

use std::collections::HashSet;

/// English words that count, from ten up: "two ways" is a turn of phrase, "twenty years" is a claim.
const WORDS: [&str; 26] = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "hundreds",
    "thousand",
    "thousands",
    "million",
    "dozens",
    "decade",
    "decades",
];
const STEPS: [&str; 5] = ["step", "schritt", "paso", "étape", "stap"];

/// A number where it stands.
struct Found {
    start: usize,
    end: usize,
    /// Its parts: both ends of a range, the two of `24/7`.
    parts: Vec<String>,
}

/// Every number of a text; of times in the afternoon also the hour of 24.
pub fn all_in(text: &str) -> HashSet<String> {
    let mut all = HashSet::new();
    for found in scan(text) {
        let behind: String = text[found.end..]
            .chars()
            .filter(|c| !matches!(c, ' ' | '.'))
            .take(2)
            .collect();
        if behind.eq_ignore_ascii_case("pm") {
            all.extend(found.parts.iter().filter_map(|part| afternoon(part)));
        }
        all.extend(found.parts);
    }
    all
}

/// The numbers that are not known, with what is counted. With known `words`, English numerals too.
pub fn unknown_in(text: &str, known: &HashSet<String>, words: Option<&HashSet<String>>) -> Vec<String> {
    let mut unknown: Vec<String> = scan(text)
        .into_iter()
        .filter(|found| !is_numbering(text, found) && found.parts.iter().any(|part| !known.contains(part)))
        .map(|found| with_unit(text, &found))
        .collect();
    if let Some(words) = words {
        unknown.extend(numerals(text, words));
    }
    unknown
}

fn numerals(text: &str, known: &HashSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.split(|c: char| !c.is_alphabetic()).peekable();
    while let Some(word) = rest.next() {
        let lower = word.to_lowercase();
        if WORDS.contains(&lower.as_str()) && !known.contains(&lower) {
            // The phrase must stand in the text as it is listed.
            let pair = rest.peek().map(|next| format!("{word} {next}"));
            found.push(
                pair.filter(|pair| text.contains(pair.as_str()) && !pair.ends_with(' '))
                    .unwrap_or(word.to_string()),
            );
        }
    }
    found
}

fn scan(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_digit() || joins(bytes, at)) {
            at += 1;
        }
        let parts = text[start..at]
            .split(['-', '/'])
            .map(normal)
            .filter(|part| !part.is_empty());
        found.push(Found {
            start,
            end: at,
            parts: parts.collect(),
        });
    }
    found
}

/// A separator between two digits belongs to the number.
fn joins(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at], b'.' | b',' | b':' | b'/' | b'-' | b'\'') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
}

/// `1,500` and `1.500` are 1500, `4.80` is 4.8, `09:00` is 9.
fn normal(part: &str) -> String {
    if let Some((hours, minutes)) = part.split_once(':') {
        let hours = trim_zeros(hours);
        return match minutes.trim_matches('0').is_empty() {
            true => hours,
            false => format!("{hours}:{minutes}"),
        };
    }
    let pieces: Vec<&str> = part.split(['.', ',', '\'']).collect();
    let (last, front) = match pieces.split_last() {
        Some((last, front)) if !front.is_empty() => (*last, front),
        _ => return trim_zeros(part),
    };
    if last.len() == 3 || front.len() > 1 {
        return trim_zeros(&pieces.concat());
    }
    let (whole, decimals) = (trim_zeros(&front.concat()), last.trim_end_matches('0'));
    match decimals.is_empty() {
        true => whole,
        false => format!("{whole}.{decimals}"),
    }
}

fn trim_zeros(digits: &str) -> String {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() && !digits.is_empty() {
        "0".to_string()
    } else {
        trimmed.to_string()
    }
}

fn afternoon(hour: &str) -> Option<String> {
    let (hours, minutes) = hour.split_once(':').unwrap_or((hour, ""));
    let hours: u32 = hours.parse().ok().filter(|hours| (1..12).contains(hours))?;
    Some(match minutes {
        "" => (hours + 12).to_string(),
        minutes => format!("{}:{minutes}", hours + 12),
    })
}

fn is_numbering(text: &str, found: &Found) -> bool {
    let is_small = found.parts.len() == 1 && found.parts[0].len() <= 2;
    let line = text[..found.start].rsplit('\n').next().unwrap_or_default();
    let is_first = line.trim_matches(['#', '*', '-', ' ']).is_empty();
    let before = line.trim_end();
    let is_listed = is_first && text[found.end..].starts_with(['.', ')']);
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default()
        .to_lowercase();
    is_small && (is_listed || STEPS.contains(&word.as_str()))
}

/// The number with its currency or unit and the word behind it: `€49`, `25 years`, `98%`.
fn with_unit(text: &str, found: &Found) -> String {
    let before = &text[..found.start];
    let start = before
        .char_indices()
        .next_back()
        .filter(|(_, c)| matches!(c, '€' | '$' | '£' | '¥' | '+'))
        .map_or(found.start, |(at, _)| at);
    let behind = &text[found.end..];
    let glued = behind
        .char_indices()
        .find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '%' | '+' | '€' | '$' | '£' | '°')))
        .map_or(behind.len(), |(at, _)| at);
    let end = found.end + glued;
    let unit = text[end..].strip_prefix(' ').map_or(0, |rest| {
        let length = rest
            .char_indices()
            .find(|(_, c)| !(c.is_alphabetic() || matches!(c, '€' | '$' | '£' | '%')))
            .map_or(rest.len(), |(at, _)| at);
        if length == 0 || length > 24 { 0 } else { length + 1 }
    });
    text[start..end + unit].to_string()
}
