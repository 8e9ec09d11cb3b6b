//! Markdown to HTML through an allow-list: what is not in the list below is shown as text or dropped.
//!
//! The reader's events are written by hand, element by element, so that no event this file does not
//! name can become markup: raw HTML is text, a link passes `address`, a picture is its description.
//! Tables, footnotes and every other extension are absent.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TextMergeStream};

use super::address;
use super::input::Site;
use super::words;

/// Nesting below this depth adds no elements: a browser gives up far later, but still does.
const MAX_DEPTH: usize = 12;

/// The text as paragraphs, lists and the like, without an element around them.
pub(super) fn render(site: &Site, text: &str, claims: &[String]) -> Markup {
    let mut out = String::with_capacity(text.len() * 2);
    // For every open tag, what closes it; a tag that is not shown closes with nothing.
    let mut closers: Vec<&'static str> = Vec::new();
    let events = Parser::new_ext(text, Options::empty());
    for event in TextMergeStream::new(events) {
        match event {
            Event::Start(tag) if closers.len() >= MAX_DEPTH => {
                drop(tag);
                closers.push("");
            }
            Event::Start(tag) => {
                let (open, close) = element(site, &tag);
                out.push_str(&open);
                closers.push(close);
            }
            Event::End(_) => out.push_str(closers.pop().unwrap_or_default()),
            Event::Text(said) | Event::Html(said) | Event::InlineHtml(said) => {
                out.push_str(&words::marked_within(&said, claims).into_string());
            }
            Event::Code(said) => out.push_str(&html! { code { (said.as_ref()) } }.into_string()),
            Event::SoftBreak => out.push('\n'),
            Event::HardBreak => out.push_str("<br>"),
            Event::Rule => out.push_str("<hr>"),
            // Extensions that are not switched on.
            _ => {}
        }
    }
    PreEscaped(out)
}

/// The allow-list: what opens and closes an element. Headings start below the section's own.
fn element(site: &Site, tag: &Tag) -> (String, &'static str) {
    let (open, close) = match tag {
        Tag::Paragraph => ("<p>", "</p>"),
        Tag::Heading {
            level: HeadingLevel::H1 | HeadingLevel::H2,
            ..
        } => ("<h3>", "</h3>"),
        Tag::Heading { .. } => ("<h4>", "</h4>"),
        Tag::BlockQuote(_) => ("<blockquote>", "</blockquote>"),
        Tag::CodeBlock(_) => ("<pre><code>", "</code></pre>"),
        Tag::List(None) => ("<ul>", "</ul>"),
        Tag::List(Some(_)) => ("<ol>", "</ol>"),
        Tag::Item => ("<li>", "</li>"),
        Tag::Emphasis => ("<em>", "</em>"),
        Tag::Strong => ("<strong>", "</strong>"),
        Tag::Link { dest_url, .. } => return link(site, dest_url),
        _ => ("", ""),
    };
    (open.to_owned(), close)
}

fn link(site: &Site, href: &str) -> (String, &'static str) {
    let target = address::resolve(site, href);
    let Some(href) = target.href() else {
        return (String::new(), "");
    };
    let whole = html! { a href=(href) rel=[target.rel()] {} }.into_string();
    let open = whole.strip_suffix("</a>").unwrap_or_default().to_owned();
    (open, "</a>")
}
