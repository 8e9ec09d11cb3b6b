//! Running text, text beside a picture, and how to reach the business.
//!
//! The owner's summary and facts stand here in the owner's words, among the trade's own paragraphs.

use serde_json::{Value, json};

use super::buttons::buttons;
use super::opening::opening_sentence;
use super::{At, image, joined, title, words};
use crate::ai::offline::library::{lines, parts};
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::contact_fields;
use crate::ai::offline::text;

pub(super) fn split(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let claimed = writer
        .ledger
        .claim("splits", &writer.pages[at.page].sections[at.index].heading);
    let entry = claimed.or_else(|| writer.ledger.draw("splits", at.page, &heading));
    let line = entry.and_then(|index| context.list("splits").get(index));
    let mut paragraphs: Vec<String> = summary_here(writer, at);
    paragraphs.extend(line.and_then(|line| line.get(1)).map(|body| context.say(body)));
    let mut bullets: Vec<String> = line
        .and_then(|line| line.get(2))
        .map(|text| parts(text))
        .unwrap_or_default()
        .iter()
        .map(|b| context.say(b))
        .collect();
    bullets.truncate(3);
    for fact in words(writer, at) {
        if bullets.len() < 6 && fact.chars().count() <= 120 {
            bullets.push(fact.trim_end_matches('.').to_owned());
        } else {
            paragraphs.push(fact);
        }
    }
    if paragraphs.is_empty() {
        paragraphs.push(super::lists::spare(writer, "spare_texts", at, at.index).0);
    }
    let side = if writer.splits.is_multiple_of(2) {
        "RIGHT"
    } else {
        "LEFT"
    };
    writer.splits += 1;
    let picture = image(writer, at, &heading, "4:3");
    let picture = if picture.is_null() {
        super::picture(context, &context.type_name, "4:3")
    } else {
        picture
    };
    let action = match context.dice(&heading).below(2) {
        0 => buttons(writer, at, 1).into_iter().next().map(|mut action| {
            action["style"] = json!("LINK");
            action
        }),
        _ => None,
    };
    json!({
        "title": heading, "body": text::clip(&paragraphs.join("\n\n"), 5900), "bullets": bullets,
        "image": picture, "side": side, "action": action,
    })
}

pub(super) fn text(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let mut paragraphs = summary_here(writer, at);
    let claimed = writer
        .ledger
        .claim("stories", &writer.pages[at.page].sections[at.index].heading);
    let entry = claimed.or_else(|| writer.ledger.draw("stories", at.page, &heading));
    let story = entry
        .and_then(|index| context.list("stories").get(index))
        .and_then(|line| line.get(1));
    paragraphs.extend(story.map(|text| context.say(text)));
    let facts = words(writer, at);
    match facts.as_slice() {
        [] => {}
        [one] => paragraphs.push(one.clone()),
        many => {
            let list = many
                .iter()
                .map(|fact| format!("- {fact}"))
                .collect::<Vec<_>>()
                .join("\n");
            if paragraphs.is_empty() {
                paragraphs.push(list)
            } else {
                paragraphs.insert(1, list)
            }
        }
    }
    if paragraphs.is_empty() {
        paragraphs.push(super::lists::spare(writer, "spare_texts", at, at.index).0);
    }
    json!({ "title": heading, "body": text::clip(&paragraphs.join("\n\n"), 5900) })
}

/// What is left of the summary, in the section that introduces the business.
fn summary_here(writer: &Writer, at: At) -> Vec<String> {
    if introduction(writer) != Some((at.page, at.index)) {
        return Vec::new();
    }
    let opened = writer
        .pages
        .iter()
        .any(|page| page.slug.is_empty() && page.sections.first().is_some_and(|s| s.kind == "HERO"));
    let skip = opening_sentence(writer).filter(|_| opened).map(|(at, _)| at);
    let rest = writer
        .context
        .summary
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != skip);
    let rest: Vec<String> = rest.map(|(_, sentence)| sentence.clone()).collect();
    if rest.is_empty() {
        Vec::new()
    } else {
        vec![rest.join(" ")]
    }
}

fn introduction(writer: &Writer) -> Option<(usize, usize)> {
    let find = |page_type: Option<&str>| {
        writer
            .pages
            .iter()
            .enumerate()
            .filter(|(_, page)| page_type.is_none_or(|wanted| page.page_type == wanted))
            .find_map(|(at, page)| {
                let by = |kind: &str| page.sections.iter().position(|section| section.kind == kind);
                by("TEXT").or_else(|| by("SPLIT")).map(|index| (at, index))
            })
    };
    find(Some("ABOUT"))
        .or_else(|| find(Some("HOME")))
        .or_else(|| find(None))
}

pub(super) fn contact(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let fields = contact_fields(context);
    let primary = writer.placement.contact == Some((at.page, at.index));
    let ask = |key: &str| format!("[{}]", context.language.text(&format!("ask.{key}")));
    let email = fields
        .iter()
        .find_map(|fact| fact.email.clone())
        .unwrap_or_else(|| ask("email"));
    let phone = fields
        .iter()
        .find_map(|fact| fact.phone.clone())
        .unwrap_or_else(|| ask("phone"));
    // A long address is one sentence, and a sentence is said once.
    let address = match fields.iter().find_map(|fact| fact.address.clone()) {
        Some(address) if primary || address.split_whitespace().count() < 8 => json!(text::clip(&address, 290)),
        Some(_) => Value::Null,
        None => json!(ask("address")),
    };
    let mut hours: Vec<Value> = fields
        .iter()
        .flat_map(|fact| &fact.hours)
        .map(|line| json!({ "day": line.day, "opens": line.opens, "closes": line.closes }))
        .collect();
    if hours.is_empty() {
        hours.push(json!({ "day": ask("days"), "opens": ask("opens"), "closes": ask("closes") }));
    }
    let mut intro: Vec<String> = words(writer, at);
    let phrases = lines(&context.tone.contact_intros);
    let start = context.dice("contact").below(phrases.len());
    let mut said = phrases
        .iter()
        .cycle()
        .skip(start)
        .take(phrases.len())
        .map(|line| context.say(&line[0]));
    let fresh = said.find(|text| !writer.said.contains(text));
    if let Some(text) = fresh.filter(|_| intro.iter().map(String::len).sum::<usize>() < 200) {
        writer.said.insert(text.clone());
        intro.insert(0, text);
    }
    json!({
        "title": heading, "intro": joined(&intro, 395), "email": text::clip(&email, 195), "phone": text::clip(&phone, 58),
        "address": address, "hours": hours,
    })
}
