//! Plain text on a page: escaped, with everything a person must still confirm marked.
//!
//! A placeholder stands in square brackets (the brackets become the mark), or is listed by the writer
//! and stands in the text as it is. Marks are elements, so attributes get `bare` text without them.

use maud::{Markup, html};
use serde_json::Value;

use crate::sites::block::Content;
use crate::sites::text;

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Said(&'a str),
    /// To be confirmed by a person.
    Open(&'a str),
}

/// The listed phrases that stand in the content without brackets. One that has brackets somewhere is
/// left out: its words may be ordinary words elsewhere.
pub(super) fn listed_claims(listed: &[String], content: &Content) -> Vec<String> {
    let mut bracketed = Vec::new();
    collect(&content.to_value(), &mut bracketed);
    let is_claim = |phrase: &&String| {
        let letters = phrase.chars().filter(|c| c.is_alphanumeric()).count();
        letters >= 3 && !bracketed.contains(phrase)
    };
    listed.iter().filter(is_claim).cloned().collect()
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(said) => found.extend(text::placeholders_in(said)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        _ => {}
    }
}

/// The text in pieces; joined, they are the text without the brackets of its placeholders.
pub(super) fn pieces<'a>(text: &'a str, claims: &[String]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let open = bracketed(rest)
            .map(|inner| (1, inner))
            .or_else(|| claimed(text, at, claims).map(|inner| (0, inner)));
        if let Some((bracket, inner)) = open {
            if start < at {
                pieces.push(Piece::Said(&text[start..at]));
            }
            pieces.push(Piece::Open(inner));
            at += inner.len() + 2 * bracket;
            start = at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    if start < text.len() {
        pieces.push(Piece::Said(&text[start..]));
    }
    pieces
}

/// What stands between the brackets at the start of the text, when it is a phrase.
fn bracketed(rest: &str) -> Option<&str> {
    let inside = rest.strip_prefix('[')?;
    let inner = &inside[..inside.find(['[', ']', '\n'])?];
    (inside[inner.len()..].starts_with(']') && text::placeholder(inner).is_some()).then_some(inner)
}

/// The claim that starts at this place, between two ends of words.
fn claimed<'a>(text: &'a str, at: usize, claims: &[String]) -> Option<&'a str> {
    let rest = &text[at..];
    let claim = claims
        .iter()
        .find(|claim| !claim.is_empty() && rest.starts_with(claim.as_str()))?;
    let before = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    let after = rest[claim.len()..].chars().next().is_some_and(char::is_alphanumeric);
    (!before && !after).then_some(&rest[..claim.len()])
}

/// The text for a page. Line breaks stay line breaks.
pub(super) fn marked(text: &str, claims: &[String]) -> Markup {
    marked_within(text.trim(), claims)
}

/// As `marked`, for a part of a sentence: the spaces at its ends stay.
pub(super) fn marked_within(text: &str, claims: &[String]) -> Markup {
    html! {
        @for piece in pieces(text, claims) {
            @match piece {
                Piece::Said(said) => (lines(said)),
                Piece::Open(open) => mark.placeholder { (open) },
            }
        }
    }
}

fn lines(said: &str) -> Markup {
    html! {
        @for (number, line) in said.split('\n').enumerate() {
            @if number > 0 { br; }
            (line)
        }
    }
}

/// The text for an attribute or a title: one line, placeholders without their brackets.
pub(super) fn bare(text: &str) -> String {
    let joined: String = pieces(text, &[])
        .into_iter()
        .map(|piece| match piece {
            Piece::Said(said) | Piece::Open(said) => said,
        })
        .collect();
    text::clean_line(&joined)
}
