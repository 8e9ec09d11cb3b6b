//! Links inside Markdown: those that leave the allow-list lose their target and keep their words.
//!
//! Markdown reaches API clients as it is, and not every client sanitises what it renders. Raw HTML is
//! left alone here: it is text, and whoever renders must treat it so.

use super::url;

/// The text with every link, picture, autolink and reference that `url::link` refuses made harmless.
pub fn defuse(text: &str) -> String {
    let mut text = text.to_owned();
    // Taking one link apart can put another together; each round removes at least one character pair.
    for _ in 0..8 {
        let next = defuse_autolinks(&defuse_targets(&text));
        if next == text {
            return text;
        }
        text = next;
    }
    // Still changing: it was built to be. Without brackets there is no link left.
    text.replace(['[', ']', '<'], "")
}

/// `[words](target)` and `[label]: target`.
fn defuse_targets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(']') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        rest = after;
        if let Some(inside) = after.strip_prefix('(') {
            let target = &inside[..target_end(inside)];
            if is_allowed(target) {
                out.push(']');
                continue;
            }
            if let Some(open) = out.rfind('[') {
                out.remove(open);
                if out[..open].ends_with('!') {
                    out.remove(open - 1);
                }
            }
            rest = inside[target.len()..]
                .strip_prefix(')')
                .unwrap_or(&inside[target.len()..]);
        } else if let Some(target) = after.strip_prefix(':')
            && first_word(target).contains(':')
            && url::link(first_word(target)).is_none()
        {
            // `[label] : target` is no reference.
            out.push_str("] ");
        } else {
            out.push(']');
        }
    }
    out.push_str(rest);
    out
}

/// `<scheme:target>`.
fn defuse_autolinks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let target = rest.split(['>', '<', '\n']).next().unwrap_or_default();
        let scheme = target.split_once(':').map_or("", |(scheme, _)| scheme);
        let is_autolink = !scheme.is_empty()
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'));
        if !is_autolink || url::link(target).is_some() {
            out.push('<');
        }
    }
    out.push_str(rest);
    out
}

/// Where the target that starts an `(…)` ends: at the bracket that closes it.
fn target_end(inside: &str) -> usize {
    let mut depth = 0;
    for (at, c) in inside.char_indices() {
        match c {
            '\n' => return at,
            '(' => depth += 1,
            ')' if depth == 0 => return at,
            ')' => depth -= 1,
            _ => {}
        }
    }
    inside.len()
}

/// A target may have a title behind it, `(https://example.org "Example")`, and nothing else.
fn is_allowed(target: &str) -> bool {
    let behind = target
        .trim()
        .split_once(char::is_whitespace)
        .map_or("", |(_, behind)| behind.trim_start());
    let is_title = behind.is_empty() || behind.starts_with(['"', '\'']);
    is_title && url::link(first_word(target)).is_some()
}

fn first_word(target: &str) -> &str {
    let word = target.split_whitespace().next().unwrap_or_default();
    word.trim_start_matches('<').trim_end_matches('>')
}

#[cfg(test)]
mod tests;
