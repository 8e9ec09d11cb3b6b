//! What convinces, and what nobody may invent: figures, names, voices, people, years, pictures.
//!
//! Everything here that the brief does not say is a placeholder. Only roles, labels and the kind of
//! thing asked for come from the library.

use serde_json::{Value, json};

use super::{At, image, title, words};
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::How;
use crate::ai::offline::text;

/// A placeholder; its words never hold a bracket.
fn ask(what: &str, max: usize) -> String {
    format!("[{}]", text::clip(&what.replace(['[', ']'], ""), max - 2))
}

pub(super) fn stats(writer: &mut Writer, at: At) -> Value {
    let context = writer.context;
    let mut items: Vec<Value> = Vec::new();
    for (index, how) in writer.placement.at(at.page, at.index) {
        if let (How::Figure, Some((value, label))) = (how, &context.facts[*index].figure) {
            items.push(json!({ "value": text::clip(value, 58), "label": text::clip(label, 58) }));
        }
    }
    let lines = context.list("stats");
    for (number, line) in lines.iter().enumerate() {
        if items.len() >= 2 {
            break;
        }
        if writer.said.insert(format!("stat {number}")) {
            // Where the label says it all, the value only asks for the number.
            let same = line.get(1).is_some_and(|label| *label == line[0]);
            let asked = if same {
                context.language.text("number")
            } else {
                line[0].as_str()
            };
            items.push(json!({ "value": ask(asked, 58), "label": line.get(1) }));
        }
    }
    while items.len() < 2 {
        let (value, label) = super::lists::spare(writer, "spare_stats", at, items.len());
        items.push(json!({ "value": value, "label": label }));
    }
    json!({ "title": title(writer, at), "items": items })
}

pub(super) fn logos(writer: &mut Writer, at: At) -> Value {
    let mut names: Vec<String> = writer
        .context
        .list("partners")
        .iter()
        .map(|line| ask(&format!("name of {} {}", text::article(&line[0]), line[0]), 100))
        .collect();
    while names.len() < 2 {
        let (name, other) = super::lists::spare(writer, "spare_partners", at, 0);
        names.extend([name, other]);
    }
    let items: Vec<Value> = names.iter().take(8).map(|name| json!({ "name": name })).collect();
    json!({ "title": title(writer, at), "items": items })
}

pub(super) fn testimonials(writer: &mut Writer, at: At) -> Value {
    let lines = writer.context.list("voices");
    let mut items: Vec<Value> = Vec::new();
    let start = writer.context.dice("voices").below(lines.len().max(1)) + at.page;
    for turn in 0..lines.len() {
        let line = &lines[(start + turn) % lines.len()];
        if items.len() < 3 && writer.said.insert(format!("voice {}", line[0])) {
            let role = line.get(1).cloned().unwrap_or_default();
            let author = ask(
                &format!("{}, {}", writer.context.language.text("name"), text::lowered(&role)),
                100,
            );
            items.push(json!({ "quote": ask(&line[0], 200), "author": author, "role": role }));
        }
    }
    if items.is_empty() {
        let (quote, author) = super::lists::spare(writer, "spare_voices", at, 0);
        items.push(json!({ "quote": quote, "author": author, "role": null }));
    }
    json!({ "title": title(writer, at), "items": items })
}

pub(super) fn team(writer: &mut Writer, at: At) -> Value {
    let context = writer.context;
    let mut bios = words(writer, at).into_iter();
    let mut members: Vec<Value> = Vec::new();
    for line in context.list("team") {
        let role = context.say(&line[0]);
        let known = line
            .get(1)
            .map(|bio| context.say(bio))
            .filter(|_| writer.said.insert(format!("member {role}")));
        let bio: Vec<String> = known.into_iter().chain(bios.next()).collect();
        let name = ask(
            &format!("{} {}", context.language.text("name_of_the"), text::lowered(&role)),
            100,
        );
        members.push(json!({ "name": name, "role": role, "bio": super::joined(&bio, 580) }));
    }
    if members.is_empty() {
        let (name, role) = super::lists::spare(writer, "spare_team", at, 0);
        let bio: Vec<String> = bios.collect();
        members.push(json!({ "name": name, "role": role, "bio": super::joined(&bio, 580) }));
    }
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
    for (number, line) in context.list("timeline").iter().enumerate() {
        // The first line is the beginning; a brief with years tells it itself. What came later is known
        // to the owner alone.
        if number > 0 || !dated.is_empty() || events.len() >= 2 || !writer.said.insert(format!("event {number}")) {
            continue;
        }
        let title = line.get(1).map_or("", String::as_str);
        let told = line.get(2).map(|text| context.say(text));
        let mut text: Vec<String> = told.into_iter().collect();
        text.append(&mut extra);
        events.push(json!({ "date": ask(&line[0], 58), "title": title, "description": super::joined(&text, 580) }));
    }
    while events.len() < 2 {
        let (date, name) = super::lists::spare(writer, "spare_events", at, events.len());
        let text = std::mem::take(&mut extra);
        events.push(json!({ "date": date, "title": name, "description": super::joined(&text, 580) }));
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
