//! Where a link may lead, as a pattern for grammars: to the pages of the site, and to the addresses that the brief names.
//!
//! What is no address for certain is passed over: a button then leads to a page. Servers without a grammar are told the
//! same in words, and what they invent is listed for a person (`generation/claims`).

use std::collections::BTreeSet;

use crate::ai::{Brief, Request, Task};

/// So many addresses go into a pattern, which stands at every link of a schema: a brief has room for thousands.
const ADDRESSES: usize = 20;

/// The pattern of a link in this request's reply. A plan names its pages itself, so its menus may lead to any; a menu does
/// not write or call.
pub(super) fn links(request: &Request) -> String {
    let outside = addresses(&request.brief);
    let mut targets: Vec<String> = match &request.task {
        Task::Page(page) => page
            .outline
            .iter()
            .map(|page| escaped(&format!("/{}", page.slug)))
            .collect(),
        Task::Structure { .. } => vec!["/[a-z0-9-]{0,60}".to_string()],
    };
    let is_page = matches!(request.task, Task::Page(_));
    let outside = outside.iter().filter(|address| is_page || address.starts_with("http"));
    targets.extend(outside.map(|address| escaped(address)));
    one_of(targets)
}

/// The pattern of a picture's address; none when the brief names none that could be one.
pub(super) fn pictures(request: &Request) -> Option<String> {
    let known = addresses(&request.brief).into_iter();
    let on_web: Vec<String> = known
        .filter(|address| address.starts_with("http"))
        .map(|address| escaped(&address))
        .collect();
    (!on_web.is_empty()).then(|| one_of(on_web))
}

fn one_of(targets: Vec<String>) -> String {
    format!("^({})$", targets.join("|"))
}

/// The addresses of a brief in the form of links.
fn addresses(brief: &Brief) -> BTreeSet<String> {
    let said = brief.facts.iter().chain([&brief.summary]);
    said.flat_map(|text| on_web_and_mail(text).chain(telephones(text)))
        .take(ADDRESSES)
        .collect()
}

fn on_web_and_mail(text: &str) -> impl Iterator<Item = String> {
    let is_plain = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "@.:/_+-?=%".contains(c))
    };
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '<' | '>' | '"'));
    words.filter_map(move |word| {
        let word = word.trim_matches(['.', ':', '\'', '!', '?']);
        if !is_plain(word) || word.len() > 200 {
            return None;
        }
        let has_host = |host: &str| {
            host.split_once('.')
                .is_some_and(|(name, end)| !name.is_empty() && !end.is_empty())
        };
        if word.starts_with("https://") || word.starts_with("http://") {
            let (_, rest) = word.split_once("//")?;
            return has_host(rest).then(|| word.to_string());
        }
        let (user, host) = word.split_once('@')?;
        (!user.is_empty() && !user.contains([':', '/']) && has_host(host)).then(|| format!("mailto:{word}"))
    })
}

/// Digits in a row as people group them, beginning as telephone numbers do, and more of them than a date has.
fn telephones(text: &str) -> impl Iterator<Item = String> {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, ' ' | '+' | '-' | '(' | ')')));
    runs.filter_map(|run| {
        let run = run.trim().trim_start_matches('(');
        let number: String = run.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        let begins = number.starts_with(['+', '0']) && !number[1..].contains('+');
        (begins && (9..=16).contains(&number.len())).then(|| format!("tel:{number}"))
    })
}

/// The text as a pattern of exactly itself.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\^$.|?*+()[]{}".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_brief_are_found_and_nothing_else() {
        let brief = Brief {
            summary: "Since 1998, at 41 Ferrier Street. Open 7:30-15:00, 08-12 13-18; closed 01/02/2024; loaves 4.80, 12@home.".into(),
            facts: vec![
                "Phone (0131) 496 0142.".into(),
                "Write to hello@rye.example, or see https://rye.example/menu.".into(),
                "Mobile: +44 7700 900123".into(),
                "javascript:alert(1) https://\"<script>".into(),
            ],
            ..Brief::default()
        };
        let found: Vec<String> = addresses(&brief).into_iter().collect();
        assert_eq!(
            found,
            [
                "https://rye.example/menu",
                "mailto:hello@rye.example",
                "tel:+447700900123",
                "tel:01314960142"
            ]
        );
    }

    #[test]
    fn a_brief_cannot_make_a_pattern_of_any_length() {
        let numbers: Vec<String> = (0..5_000).map(|n| format!("012345{n:05}")).collect();
        let brief = Brief {
            summary: numbers.join(", "),
            ..Brief::default()
        };
        assert_eq!(addresses(&brief).len(), ADDRESSES);
    }
}
