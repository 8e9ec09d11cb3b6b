//! Where a page's links lead: to pages that exist, or nowhere.

use serde_json::Value;

/// A link on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub path: Vec<String>,
    pub label: String,
    pub href: String,
}

/// Every button and menu entry below a value, with its path; Markdown links too.
pub fn links(value: &Value) -> Vec<Link> {
    let mut found = Vec::new();
    walk(value, &mut Vec::new(), &mut found);
    found
}

fn walk(value: &Value, path: &mut Vec<String>, found: &mut Vec<Link>) {
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
                walk(field, path, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(at.to_string());
                walk(item, path, found);
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
