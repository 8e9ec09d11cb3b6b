//! What a site says in a form in which it can be compared: sentences, and the texts of buttons.

use std::collections::HashSet;

use serde_json::Value;

/// Shorter sentences repeat by themselves: "Call us today." Numbers are no words: opening hours say nothing new anywhere.
const SENTENCE_WORDS: usize = 6;
/// Fields that visitors do not read.
const SILENT: [&str; 9] = [
    "kind", "href", "url", "aspect", "prompt", "icon", "style", "layout", "side",
];

/// Every text that visitors read, with its path.
pub fn texts<'a>(value: &'a Value, visit: &mut impl FnMut(&[String], &'a str)) {
    walk(value, &mut Vec::new(), visit);
}

fn walk<'a>(value: &'a Value, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &'a str)) {
    match value {
        Value::String(text) => visit(path, text),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                walk(item, path, visit);
                path.pop();
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter().filter(|(name, _)| !SILENT.contains(&name.as_str())) {
                path.push(name.clone());
                walk(field, path, visit);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The sentences of a text in a form in which spelling, not punctuation, counts; with the words they had.
pub fn sentences(text: &str) -> impl Iterator<Item = (String, &str)> {
    let parts = text.split(['.', '!', '?', '\n', '。', '！', '？']).map(str::trim);
    parts.filter_map(|part| {
        let words = words(part);
        let said = words.split(' ').filter(|word| word.contains(char::is_alphabetic));
        (said.count() >= SENTENCE_WORDS).then_some((words, part))
    })
}

/// The owner's own words, which may stand on every page: an address is no worse for being there twice.
#[derive(Debug)]
pub struct OwnWords(String);

impl OwnWords {
    /// Of the texts of a brief.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let texts = texts.into_iter().map(|text| format!(" {} ", words(text)));
        OwnWords(texts.collect::<Vec<_>>().join("\n"))
    }

    /// Whether the brief says this, whole words: a sentence as [`sentences`] gives it.
    pub fn say(&self, sentence: &str) -> bool {
        self.0.contains(&format!(" {sentence} "))
    }
}

/// The words of a text in lower case, one space between two.
pub fn words(text: &str) -> String {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// A link on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub path: Vec<String>,
    pub label: String,
    pub href: String,
}

impl Link {
    /// What a button says, in a form in which it can be compared; none for a link without a text of its own.
    pub fn text(&self) -> Option<String> {
        Some(words(&self.label)).filter(|text| !text.is_empty())
    }

    /// Whether it is a way to reach the business: such a button may say the same on every page, as visitors expect it to.
    pub fn is_contact(&self, contact_pages: &HashSet<&str>) -> bool {
        let is_address = self.href.starts_with("mailto:") || self.href.starts_with("tel:");
        is_address || slug(&self.href).is_some_and(|slug| contact_pages.contains(slug))
    }
}

/// Every button and menu entry below a value, with its path; Markdown links too.
pub fn links(value: &Value) -> Vec<Link> {
    let mut found = Vec::new();
    find(value, &mut Vec::new(), &mut found);
    found
}

fn find(value: &Value, path: &mut Vec<String>, found: &mut Vec<Link>) {
    match value {
        Value::Object(fields) => {
            if let Some(href) = fields.get("href").and_then(Value::as_str) {
                let label = fields.get("label").and_then(Value::as_str).unwrap_or_default();
                found.push(Link {
                    path: [path.as_slice(), &["href".to_string()]].concat(),
                    label: label.to_string(),
                    href: href.to_string(),
                });
            }
            for (name, field) in fields {
                path.push(name.clone());
                find(field, path, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                find(item, path, found);
                path.pop();
            }
        }
        Value::String(text) => found.extend(in_markdown(text).map(|href| Link {
            path: path.clone(),
            label: String::new(),
            href: href.to_string(),
        })),
        _ => {}
    }
}

/// The targets of `[words](target)`.
fn in_markdown(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, _)| {
        let inside = &text[at + 2..];
        let end = inside.find([')', ' ', '\n'])?;
        Some(&inside[..end])
    })
}

/// The slug that a link on the site names; none for one that leaves it or stays on the page.
pub fn slug(href: &str) -> Option<&str> {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    (path.starts_with('/') && !path.starts_with("//")).then(|| path.trim_matches('/'))
}
