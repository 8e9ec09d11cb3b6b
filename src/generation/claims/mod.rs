//! What a model invented, found by code: numbers, prices, quotes, names and addresses that neither brief nor plan contain.
//!
//! Each becomes an entry of the block's placeholders, so that a person confirms or replaces it before visitors
//! believe it. Only a picture's address is taken out: nobody has that picture, and what it should show is said beside it.
//! Nothing is asked: the same text always gives the same list. It errs on the
//! side of asking, but where a language hides names among nouns (German) it looks for none in running text.

mod names;
mod numbers;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde_json::Value;

use super::context::Site;
use crate::sites::block::{BlockKind, Content, PLACEHOLDERS_MAX, Written};
use crate::sites::said::{links, texts};
use crate::sites::text::PLACEHOLDER_MAX;

/// Fields that visitors do not read as a statement.
const SILENT: [&str; 9] = [
    "kind", "href", "url", "aspect", "prompt", "icon", "style", "layout", "side",
];
/// Fields of whole sentences, where a capital letter within means a name.
const RUNNING: [&str; 8] = [
    "body",
    "description",
    "subheadline",
    "intro",
    "answer",
    "question",
    "bio",
    "caption",
];

/// What may be said as true: the words of the brief, of the plan and of this start.
pub struct Known {
    /// All of it, plain: lower case, one space between words.
    text: String,
    words: HashSet<String>,
    numbers: HashSet<String>,
    /// Every digit in a row, for telephone numbers.
    digits: String,
    is_english: bool,
    finds_names: bool,
}

impl Known {
    pub fn of(site: &Site, instructions: Option<&str>) -> Known {
        let brief = &site.brief;
        let mut said = vec![
            &brief.site_name,
            &brief.business_name,
            &brief.summary,
            &site.name,
            &site.tagline,
        ];
        said.extend(brief.objectives.iter().chain(&brief.facts));
        let choices = brief
            .business_type
            .iter()
            .chain(&brief.audiences)
            .chain(&brief.personalities);
        for choice in choices.chain(&brief.hero_imagery) {
            said.extend([&choice.name, &choice.description]);
        }
        if let Some(style) = &site.style {
            said.extend(style.tone.iter().chain(&style.notes));
        }
        for page in &site.pages {
            said.extend([&page.title, &page.seo_title, &page.seo_description]);
        }
        for block in &site.blocks {
            said.extend([&block.heading, &block.goal]);
        }
        let said = said.iter().map(|text| text.as_str()).chain(instructions);
        Known::from_text(&said.collect::<Vec<_>>().join("\n"), &brief.language)
    }

    fn from_text(raw: &str, language: &str) -> Known {
        let language = language.split('-').next().unwrap_or_default().to_ascii_lowercase();
        Known {
            text: plain(raw),
            words: names::words(raw).map(str::to_lowercase).collect(),
            numbers: numbers::all_in(raw),
            digits: raw.chars().filter(char::is_ascii_digit).collect(),
            is_english: language == "en",
            // Every noun has a capital letter there.
            finds_names: !matches!(language.as_str(), "de" | "lb"),
        }
    }

    /// Whether these words were said, in this order.
    fn said(&self, text: &str) -> bool {
        let text = plain(text);
        text.is_empty() || has_words(&self.text, &text)
    }

    /// The block with what a person must confirm.
    pub fn flag(&self, mut written: Written) -> Written {
        let mut content = written.content.to_value();
        let kind = written.content.kind();
        if self.without_pictures(&mut content)
            && let Ok(without) = Content::of_kind(kind, content.clone())
        {
            written.content = without;
        }
        let mut shown = String::new();
        texts(&content, &mut |_, text| {
            shown.extend([text.to_lowercase().as_str(), "\n"])
        });
        // Some models list words that stand nowhere: a person could not find what to confirm.
        written
            .placeholders
            .retain(|phrase| shown.contains(&phrase.to_lowercase()));
        let mut found = Vec::new();
        self.walk(kind, "", &content, &mut found);
        let leads = links(&content).into_iter().filter(|link| !self.knows(&link.href));
        found.extend(leads.filter_map(|link| phrase(&link.href)));
        let mut seen: HashSet<String> = written.placeholders.iter().cloned().collect();
        for phrase in found {
            if written.placeholders.len() < PLACEHOLDERS_MAX && seen.insert(phrase.clone()) {
                written.placeholders.push(phrase);
            }
        }
        written
    }

    fn walk(&self, kind: BlockKind, field: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if !SILENT.contains(&field) => self.text(kind, field, text, found),
            Value::Array(items) => items.iter().for_each(|item| self.walk(kind, field, item, found)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.walk(kind, name, value, found);
                }
            }
            _ => {}
        }
    }

    /// Whether an address is one of the site, or the owner named it or its host.
    fn knows(&self, address: &str) -> bool {
        if let Some(number) = address.strip_prefix("tel:") {
            return self.has_digits(number);
        }
        let Some((_, target)) = address.split_once("//").or(address.split_once("mailto:")) else {
            return true;
        };
        let host = target.split(['/', '?', '#']).next().unwrap_or_default();
        self.said(host.strip_prefix("www.").unwrap_or(host))
    }

    /// Takes out the addresses of pictures that nobody named; says whether there were any.
    fn without_pictures(&self, value: &mut Value) -> bool {
        let mut is_changed = false;
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    if name == "url" && field.as_str().is_some_and(|url| !self.knows(url)) {
                        (*field, is_changed) = (Value::Null, true);
                    }
                    is_changed |= self.without_pictures(field);
                }
            }
            Value::Array(items) => {
                for item in items {
                    is_changed |= self.without_pictures(item);
                }
            }
            _ => {}
        }
        is_changed
    }

    fn text(&self, kind: BlockKind, field: &str, text: &str, found: &mut Vec<String>) {
        for piece in unbracketed(text) {
            if is_whole_claim(kind, field) {
                let is_known = self.said(piece) || (field == "phone" && self.has_digits(piece));
                if !is_known {
                    found.extend(phrase(piece));
                }
                continue;
            }
            found.extend(numbers::unknown_in(
                piece,
                &self.numbers,
                self.is_english.then_some(&self.words),
            ));
            found.extend(quotes(piece).filter(|quote| !self.said(quote)).filter_map(phrase));
            if self.finds_names && RUNNING.contains(&field) {
                found.extend(names::unknown_in(piece, &self.words));
            }
        }
    }

    /// Whether a telephone number was said, however it is grouped.
    fn has_digits(&self, number: &str) -> bool {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        digits.len() >= 5 && self.digits.contains(&digits)
    }
}

/// Fields that are one claim from their first letter to the last: a person's name, what somebody said, an address.
fn is_whole_claim(kind: BlockKind, field: &str) -> bool {
    matches!(
        (kind, field),
        (BlockKind::Testimonials, "quote" | "author")
            | (BlockKind::Team, "name")
            | (BlockKind::Logos, "name")
            | (BlockKind::Contact, "email" | "phone" | "address")
    )
}

/// The pieces of a text that do not stand in square brackets: what does is known to be missing. Links stay.
fn unbracketed(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let Some(close) = rest[open..].find(']').map(|at| open + at) else {
            break;
        };
        if rest[close + 1..].starts_with('(') {
            let target_end = rest[close..].find(')').map_or(rest.len(), |at| close + at + 1);
            pieces.push(&rest[..open]);
            pieces.push(&rest[open + 1..close]);
            rest = &rest[target_end..];
            continue;
        }
        pieces.push(&rest[..open]);
        rest = &rest[close + 1..];
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// What stands in quotation marks, if it is three words or more.
fn quotes(text: &str) -> impl Iterator<Item = &str> {
    const MARKS: [(char, &[char]); 4] = [('“', &['”']), ('„', &['“', '”']), ('«', &['»']), ('"', &['"'])];
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((open, ends)) = first_mark(rest, &MARKS) {
        let inside = &rest[open..];
        let Some(close) = inside.find(ends) else { break };
        if inside[..close].split_whitespace().count() >= 3 {
            found.push(&inside[..close]);
        }
        rest = &inside[close..];
        rest = rest
            .get(rest.chars().next().map_or(0, char::len_utf8)..)
            .unwrap_or_default();
    }
    found.into_iter()
}

fn first_mark<'m>(text: &str, marks: &'m [(char, &'m [char])]) -> Option<(usize, &'m [char])> {
    text.char_indices().find_map(|(at, c)| {
        let (_, ends) = marks.iter().find(|(open, _)| *open == c)?;
        Some((at + c.len_utf8(), *ends))
    })
}

/// A claim as it is listed: the text's own words from its beginning, cut between words.
fn phrase(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.chars().any(char::is_alphanumeric) {
        return None;
    }
    if text.chars().count() <= PLACEHOLDER_MAX {
        return Some(text.to_string());
    }
    let end = text
        .char_indices()
        .nth(PLACEHOLDER_MAX)
        .map_or(text.len(), |(at, _)| at);
    let cut = text[..end].rfind(char::is_whitespace).unwrap_or(end);
    Some(text[..cut].trim_end().to_string())
}

/// Lower case, letters and digits only, one space between words.
fn has_words(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + words.len()..]);
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    })
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() || c == '@' {
            out.push(c);
        } else if !matches!(c, '\'' | '’') && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.trim().to_string()
}
