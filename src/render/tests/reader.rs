//! A small, strict reader of the HTML that the templates write.
//!
//! It knows less than a browser on purpose: an element, an attribute or an address that no template
//! writes fails the test, and so does a tag that is not closed.

use std::collections::HashSet;

const VOID: &[&str] = &["meta", "link", "br", "hr", "img"];

/// Every element the templates write.
const ELEMENTS: &[&str] = &[
    "html",
    "head",
    "meta",
    "title",
    "link",
    "style",
    "body",
    "a",
    "header",
    "nav",
    "main",
    "footer",
    "section",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "p",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "details",
    "summary",
    "figure",
    "figcaption",
    "blockquote",
    "strong",
    "em",
    "span",
    "mark",
    "br",
    "hr",
    "code",
    "pre",
    "img",
    "time",
    "address",
    "svg",
    "g",
    "path",
    "circle",
    "rect",
];

/// Every attribute the templates write.
const ATTRIBUTES: &[&str] = &[
    "lang",
    "dir",
    "charset",
    "http-equiv",
    "content",
    "name",
    "rel",
    "href",
    "class",
    "id",
    "aria-label",
    "aria-labelledby",
    "aria-current",
    "aria-hidden",
    "aria-disabled",
    "role",
    "open",
    "src",
    "alt",
    "width",
    "height",
    "loading",
    "decoding",
    "referrerpolicy",
    "datetime",
    "viewBox",
    "preserveAspectRatio",
    "focusable",
    "d",
    "fill",
    "cx",
    "cy",
    "r",
    "stroke",
    "stroke-width",
    "stroke-linecap",
    "stroke-linejoin",
    "transform",
];

#[derive(Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

impl Element {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }
}

pub struct Document {
    pub elements: Vec<Element>,
    /// What a visitor reads, without the stylesheet.
    pub text: String,
    pub style: String,
}

impl Document {
    pub fn named(&self, name: &str) -> Vec<&Element> {
        self.elements.iter().filter(|element| element.name == name).collect()
    }
}

/// Reads a document or panics with the reason.
pub fn read(html: &str) -> Document {
    let mut document = Document {
        elements: Vec::new(),
        text: String::new(),
        style: String::new(),
    };
    let mut open: Vec<String> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        document.text.push_str(&unescape(&rest[..at]));
        let end = at
            + rest[at..]
                .find('>')
                .unwrap_or_else(|| panic!("no end of {:.80}", &rest[at..]));
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        let element = element(tag);
        if element.name == "style" {
            let end = rest.find("</style>").expect("the end of the stylesheet");
            document.style = rest[..end].to_owned();
            rest = &rest[end..];
        }
        if !VOID.contains(&element.name.as_str()) {
            open.push(element.name.clone());
        }
        document.elements.push(element);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    assert_eq!(rest.trim(), "");
    let ids: Vec<&str> = document
        .elements
        .iter()
        .filter_map(|element| element.get("id"))
        .collect();
    assert_eq!(
        ids.iter().collect::<HashSet<_>>().len(),
        ids.len(),
        "an id stands twice: {ids:?}"
    );
    document
}

fn element(tag: &str) -> Element {
    let name = tag.split(' ').next().unwrap_or_default();
    assert!(ELEMENTS.contains(&name), "the templates write no <{tag}>");
    let mut attributes = Vec::new();
    let mut rest = &tag[name.len()..];
    while !rest.is_empty() {
        let attribute = rest
            .strip_prefix(' ')
            .unwrap_or_else(|| panic!("no attribute: {rest:?}"));
        let end = attribute.find(['=', ' ']).unwrap_or(attribute.len());
        let own = &attribute[..end];
        assert!(
            ATTRIBUTES.contains(&own),
            "the templates write no attribute {own:?} in <{tag}>"
        );
        rest = &attribute[end..];
        let mut value = "";
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').unwrap_or_else(|| panic!("no end of {own} in <{tag}>"));
            (value, rest) = (&quoted[..end], &quoted[end + 1..]);
        }
        attributes.push((own.to_owned(), unescape(value)));
    }
    let element = Element {
        name: name.to_owned(),
        attributes,
    };
    check_addresses(&element);
    element
}

fn check_addresses(element: &Element) {
    if let Some(src) = element.get("src") {
        assert!(src.starts_with("https://"), "{src}");
    }
    let Some(href) = element.get("href") else { return };
    if element.name == "link" {
        assert!(href.starts_with("data:image/svg+xml;base64,"), "{href}");
        return;
    }
    let scheme = href
        .split(['/', '#', '?', '.'])
        .next()
        .unwrap_or_default()
        .split_once(':')
        .map(|(scheme, _)| scheme);
    let is_allowed = match scheme {
        Some(scheme) => matches!(scheme, "http" | "https" | "mailto" | "tel"),
        None => !href.starts_with("//") && !href.contains('\\'),
    };
    assert!(is_allowed, "{href}");
}

/// Only the four escapes that the macro writes may stand in a document.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let escapes = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"')];
        let (escape, plain) = escapes
            .into_iter()
            .find(|(escape, _)| rest[at..].starts_with(escape))
            .unwrap_or_else(|| panic!("not escaped: {:.40}", &rest[at..]));
        out.push(plain);
        rest = &rest[at + escape.len()..];
    }
    out + rest
}
