//! Plain text: what the owner wrote is cleaned once, and everything is cut to length here.
//!
//! The brief is untrusted, so control and direction characters go; HTML and template syntax stay,
//! because they are harmless as text and the owner may have meant them. No Markdown is made here.

use std::collections::BTreeSet;

/// One line of text without control or direction characters. Square brackets become round ones,
/// because in the content they mark placeholders.
pub(super) fn plain(raw: &str, max: usize) -> String {
    let mut out = String::new();
    let mut gap = false;
    let mut length = 0;
    for c in raw.chars() {
        if c.is_whitespace() || c.is_control() {
            gap = !out.is_empty();
            continue;
        }
        if is_invisible(c) {
            continue;
        }
        if gap {
            out.push(' ');
            gap = false;
            length += 1;
        }
        out.push(match c {
            '[' => '(',
            ']' => ')',
            other => other,
        });
        length += 1;
        if length > max * 2 {
            break;
        }
    }
    clip(&out, max)
}

/// Characters that turn or hide text: direction marks, embeddings, isolates, zero-width spaces.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text as a list of words between spaces, in lower case: `" we do not deliver "`. A word is found in
/// it with a space on either side, so that "park" is not found in "sparkling".
pub(super) fn spoken(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric() && c != '\'')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    format!(" {} ", words.join(" "))
}

/// Replaces whole words only: "are not" stands in "are noted", too.
pub(super) fn replace_words(text: &str, from: &str, to: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from).filter(|_| !from.is_empty()) {
        let (before, found) = rest.split_at(at);
        let after = &found[from.len()..];
        out.push_str(before);
        let starts = out.chars().last().is_none_or(|c| !c.is_alphanumeric());
        let ends = after.chars().next().is_none_or(|c| !c.is_alphanumeric());
        out.push_str(if starts && ends { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// At most `max` characters, cut between words where that is possible.
pub(super) fn clip(text: &str, max: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(max.saturating_sub(1)).collect();
    let kept = match cut.rfind(' ') {
        Some(at) if at > cut.len() / 2 => &cut[..at],
        _ => &cut,
    };
    format!("{}…", kept.trim_end_matches([' ', ',', ';', ':', '-', '–', '.']))
}

/// The text with a full stop, unless it ends like a sentence already.
pub(super) fn sentence(text: &str) -> String {
    match text.trim().chars().last() {
        None => String::new(),
        Some('.' | '!' | '?' | '…' | ':') => text.trim().to_owned(),
        Some(_) => format!("{}.", text.trim()),
    }
}

/// Splits at sentence ends that a space and a capital or digit follow.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut current = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        current.push(c);
        let ends = matches!(c, '.' | '!' | '?') && chars.peek() == Some(&' ');
        // An initial ("J. Smith") or a short abbreviation ("St. Paul") is not the end.
        let word = current.trim_end_matches(c).rsplit(' ').next().unwrap_or("");
        let abbreviation = c == '.' && word.chars().count() <= 2;
        if ends && !abbreviation {
            let mut rest = chars.clone();
            rest.next();
            if rest.peek().is_none_or(|next| !next.is_lowercase()) {
                out.push(std::mem::take(&mut current).trim().to_owned());
            }
        }
    }
    out.push(current.trim().to_owned());
    out.retain(|text| text.chars().any(char::is_alphanumeric));
    out
}

/// The first sentence only.
pub(super) fn first_sentence(text: &str) -> String {
    sentences(text).into_iter().next().unwrap_or_default()
}

pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// Lower case for use inside a sentence; names in capitals ("VAT") stay.
pub(super) fn lowered(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// The words by which two texts are compared: lower case, four letters or more, no plural endings.
pub(super) fn stems(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= 4)
        .map(stem)
        .filter(|word| !IGNORED.contains(&word.as_str()))
        .collect()
}

pub(super) fn stem(word: &str) -> String {
    let lower = word.to_lowercase();
    if lower.ends_with("ss") {
        return lower.chars().take(7).collect();
    }
    let short = lower
        .strip_suffix("ies")
        .or(lower.strip_suffix("es"))
        .or(lower.strip_suffix(['s', 'y', 'e']))
        .unwrap_or(&lower);
    short.chars().take(7).collect()
}

/// Stems that say nothing about a topic.
const IGNORED: &[&str] = &[
    "with", "your", "this", "that", "from", "what", "when", "wher", "which", "have", "will", "they", "than", "then",
    "into", "mor", "most", "ther", "thi", "your", "you", "about", "befor", "after", "their", "them", "ever", "work",
    "who", "mak", "our", "want", "need", "peopl", "busines", "websit", "sit", "pag", "hom",
];

/// The words in square brackets, each once, in order.
pub(super) fn placeholders<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for part in text.split('[').skip(1) {
            if let Some((inner, _)) = part.split_once(']')
                && !inner.is_empty()
                && !found.iter().any(|known| known == inner)
            {
                found.push(inner.to_owned());
            }
        }
    }
    found
}
