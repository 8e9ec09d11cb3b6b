//! What convinces, and what nobody may invent: figures, names, voices, people, years, pictures.
//!
//! All of it is the brief's. These kinds are planned only for a brief that fills them; in an outline of
//! somebody else's making they ask the owner.

use serde_json::{Value, json};

use super::{At, image, title, words};
use crate::ai::offline::facts::{Listed, person};
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::How;
use crate::ai::offline::text;

pub(super) fn stats(writer: &mut Writer, at: At) -> Value {
    let context = writer.context;
    let mut items: Vec<Value> = Vec::new();
    for (index, how) in writer.placement.at(at.page, at.index) {
        if let (How::Figure, Some((value, label))) = (how, &context.facts[*index].figure) {
            items.push(json!({ "value": text::clip(value, 58), "label": text::clip(label, 58) }));
        }
    }
    while items.len() < 2 {
        let (value, label) = super::lists::spare(writer, "spare_stats", at, items.len());
        items.push(json!({ "value": value, "label": label }));
    }
    json!({ "title": title(writer, at), "items": items })
}

/// The entries of the lists that are placed here.
fn listed(writer: &Writer, at: At, sort: Listed) -> Vec<String> {
    let placed = writer.placement.at(at.page, at.index).iter();
    placed
        .filter(|(_, how)| *how == How::Listed)
        .flat_map(|(index, _)| writer.context.facts[*index].listed(sort).to_vec())
        .collect()
}

pub(super) fn logos(writer: &mut Writer, at: At) -> Value {
    let mut names = listed(writer, at, Listed::Partners);
    while names.len() < 2 {
        let (name, other) = super::lists::spare(writer, "spare_partners", at, 0);
        names.extend([name, other]);
    }
    let items: Vec<Value> = names.iter().take(8).map(|name| json!({ "name": name })).collect();
    json!({ "title": title(writer, at), "items": items })
}

pub(super) fn testimonials(writer: &mut Writer, at: At) -> Value {
    let placed = writer.placement.at(at.page, at.index).iter();
    let voices = placed.filter(|(_, how)| *how == How::Voice);
    let mut items: Vec<Value> = voices
        .filter_map(|(index, _)| writer.context.facts[*index].voice.as_ref())
        .take(4)
        .map(|(quote, author)| json!({ "quote": text::clip(quote, 580), "author": author, "role": null }))
        .collect();
    if items.is_empty() {
        let (quote, author) = super::lists::spare(writer, "spare_voices", at, 0);
        items.push(json!({ "quote": quote, "author": author, "role": null }));
    }
    json!({ "title": title(writer, at), "items": items })
}

pub(super) fn team(writer: &mut Writer, at: At) -> Value {
    let bios = words(writer, at);
    let named = listed(writer, at, Listed::People);
    let mut members: Vec<Value> = named
        .iter()
        .filter_map(|entry| person(entry))
        .take(8)
        .map(|(name, role)| json!({ "name": name, "role": text::capitalised(&role), "bio": null }))
        .collect();
    if members.is_empty() {
        let (name, role) = super::lists::spare(writer, "spare_team", at, 0);
        members.push(json!({ "name": name, "role": role, "bio": null }));
    }
    members[0]["bio"] = super::joined(&bios, 580);
    json!({ "title": title(writer, at), "members": members })
}

pub(super) fn timeline(writer: &mut Writer, at: At) -> Value {
    let context = writer.context;
    let mut dated: Vec<(String, String)> = Vec::new();
    for (index, how) in writer.placement.at(at.page, at.index) {
        if let (How::Event, Some(year)) = (how, &context.facts[*index].year) {
            dated.push((year.clone(), text::capitalised(&context.facts[*index].text)));
        }
    }
    dated.sort();
    let mut events: Vec<Value> = dated
        .iter()
        .map(|(year, text)| event(context.language.text("event"), year, text))
        .collect();
    let mut extra = words(writer, at);
    while events.len() < 2 {
        let (date, name) = super::lists::spare(writer, "spare_events", at, events.len());
        let text = std::mem::take(&mut extra);
        events.push(json!({ "date": date, "title": name, "description": super::joined(&text, 580) }));
    }
    if let (Some(last), false) = (events.last_mut(), extra.is_empty()) {
        last["description"] = super::joined(&extra, 580);
    }
    json!({ "title": title(writer, at), "events": events })
}

/// A fact with a year: a short one is the title, a long one the description.
fn event(asked: &str, year: &str, fact: &str) -> Value {
    if fact.chars().count() <= 90 {
        json!({ "date": year, "title": fact.trim_end_matches('.'), "description": null })
    } else {
        json!({ "date": year, "title": asked.replace("{year}", year), "description": text::clip(&text::sentence(fact), 590) })
    }
}

pub(super) fn gallery(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let mut captions = words(writer, at).into_iter();
    let mut items: Vec<Value> = Vec::new();
    for _ in 0..6 {
        let picture = image(writer, at, &heading, "4:3");
        if picture.is_null() {
            break;
        }
        let caption = captions.next().map(|caption| text::clip(&caption, 190));
        items.push(json!({ "image": picture, "caption": caption }));
    }
    while items.len() < 2 {
        let picture = super::picture(writer.context, &writer.context.type_name, "4:3");
        items.push(json!({ "image": picture, "caption": captions.next().map(|caption| text::clip(&caption, 190)) }));
    }
    json!({ "title": heading, "items": items })
}
