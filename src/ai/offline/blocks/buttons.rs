//! Buttons: where a visitor may go from here, each text once on a page.
//!
//! Targets are pages of the outline. A site of one page has none, and then the telephone, the
//! e-mail address or the contact section take their place.

use serde_json::{Value, json};

use super::At;
use crate::ai::offline::outline::Writer;
use crate::ai::offline::text;

/// Up to `count` buttons, the most important first.
pub(super) fn buttons(writer: &mut Writer, at: At, count: usize) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    let mut lines = writer.context.list("buttons").to_vec();
    // The start differs by section, so that the same two buttons do not follow a reader around.
    let turn = (at.page + at.index) % lines.len().max(1);
    if at.index > 0 {
        lines.rotate_left(turn);
    }
    let mut targets: Vec<String> = Vec::new();
    for line in lines {
        if out.len() == count {
            break;
        }
        let Some(href) = line.get(1).and_then(|target| page_href(writer, at, target)) else {
            continue;
        };
        let label = writer.context.say(&line[0]);
        if !targets.contains(&href) && fresh(writer, &label) {
            out.push(action(&label, &href, out.len()));
            targets.push(href);
        }
    }
    while out.len() < count {
        let Some((label, href)) = fallback(writer, at, &targets) else {
            break;
        };
        out.push(action(&label, &href, out.len()));
        targets.push(href);
    }
    out
}

/// One button with a given text, leading to a page by slug, or to whatever stands in for it.
pub(super) fn button(writer: &mut Writer, at: At, label: &str, target: &str) -> Option<Value> {
    let label = writer.context.say(label);
    let href = page_href(writer, at, target).or_else(|| reach(writer).map(|(_, href)| href));
    let href = href
        .or_else(|| page_href(writer, at, "contact"))
        .unwrap_or_else(|| "#contact".to_owned());
    fresh(writer, &label).then(|| action(&label, &href, 0))
}

/// The telephone number of the brief as a button that says it.
pub(super) fn call(writer: &mut Writer, at: At) -> Option<Value> {
    let phone = writer.context.facts.iter().find_map(|fact| fact.phone.clone())?;
    let (_, href) = reach(writer)?;
    let label = writer.context.language.text("call_number").replace("{phone}", &phone);
    let shown = at.index == 0 && href.starts_with("tel:");
    (shown && fresh(writer, &label)).then(|| action(&label, &href, 1))
}

/// The way to reach the business as a button, when the brief names one.
pub(super) fn reached(writer: &mut Writer) -> Option<Value> {
    let (label, href) = reach(writer)?;
    let label = writer.context.say(&label);
    fresh(writer, &label).then(|| action(&label, &href, 0))
}

fn action(label: &str, href: &str, place: usize) -> Value {
    let style = if place == 0 { "PRIMARY" } else { "SECONDARY" };
    json!({ "label": text::clip(label, 55), "href": href, "style": style })
}

/// Notes a label; false when it stands on the page already.
fn fresh(writer: &mut Writer, label: &str) -> bool {
    !label.is_empty() && writer.labels.insert(text::clip(label, 55).to_lowercase())
}

/// The address of a page of the outline, by slug or type, other than the page itself.
fn page_href(writer: &Writer, at: At, target: &str) -> Option<String> {
    let own = &writer.pages[at.page].slug;
    let by_slug = writer.pages.iter().find(|page| page.slug == target);
    let by_type = || {
        writer
            .pages
            .iter()
            .find(|page| page.page_type.eq_ignore_ascii_case(target))
    };
    let page = by_slug.or_else(by_type).filter(|page| page.slug != *own)?;
    Some(if page.slug.is_empty() {
        "/".to_owned()
    } else {
        format!("/{}", page.slug)
    })
}

/// A label and an address that always work, not yet used on this page.
fn fallback(writer: &mut Writer, at: At, targets: &[String]) -> Option<(String, String)> {
    let mut choices: Vec<(String, String)> = Vec::new();
    if let Some(href) = page_href(writer, at, "contact") {
        choices.extend(phrases(&writer.context.tone.contact).map(|label| (label, href.clone())));
    }
    choices.extend(reach(writer));
    let see = writer.context.language.text("see_page");
    for page in writer
        .pages
        .iter()
        .filter(|page| page.slug != writer.pages[at.page].slug)
    {
        choices.push((
            see.replace("{page}", &text::clip(&page.title, 40)),
            format!("/{}", page.slug),
        ));
    }
    choices.push((
        writer.context.language.text("get_in_touch").to_owned(),
        "#contact".to_owned(),
    ));
    choices.push((writer.context.language.text("back_home").to_owned(), "/".to_owned()));
    let found = choices.into_iter().find(|(label, href)| {
        let spoken = writer.context.say(label).to_lowercase();
        !targets.contains(href) && !writer.labels.contains(&text::clip(&spoken, 55))
    });
    let (label, href) = found?;
    let label = writer.context.say(&label);
    fresh(writer, &label).then_some((label, href))
}

/// A telephone number or e-mail address of the brief, as a link.
fn reach(writer: &Writer) -> Option<(String, String)> {
    let facts = &writer.context.facts;
    let phone = facts.iter().find_map(|fact| fact.phone.as_ref());
    let phone = phone.map(|phone| {
        let plus = if phone.trim_start().starts_with('+') { "+" } else { "" };
        let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
        (
            phrases(&writer.context.tone.call).next().unwrap_or_default(),
            format!("tel:{plus}{digits}"),
        )
    });
    phone.or_else(|| {
        let email = facts.iter().find_map(|fact| fact.email.as_ref())?;
        Some((
            phrases(&writer.context.tone.mail).next().unwrap_or_default(),
            format!("mailto:{email}"),
        ))
    })
}

fn phrases(list: &str) -> impl Iterator<Item = String> + '_ {
    list.split(';')
        .map(|phrase| phrase.trim().to_owned())
        .filter(|phrase| !phrase.is_empty())
}
