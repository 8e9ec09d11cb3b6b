//! Lists in the trade's own words: what is good, how it goes, what people ask.
//!
//! Counts keep to the content model's bounds; when a trade's phrases are used up, the owner is asked
//! for more instead of hearing the same again.

use serde_json::{Value, json};

use super::{At, joined, title, words};
use crate::ai::offline::library::Line;
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::How;
use crate::ai::offline::text;

pub(super) fn features(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let mut items: Vec<(String, String)> = Vec::new();
    // Whoever comes for a subject reads about it; an audience is met on the pages that everybody sees.
    let common = matches!(writer.pages[at.page].page_type.as_str(), "HOME" | "CONTACT" | "ABOUT");
    if common && writer.first_time("audience benefit") {
        let known = context.audiences.iter().filter(|line| line.len() == 5).take(1);
        items.extend(known.map(|line| (context.say(&line[1]), context.describe(&line[2]))));
    }
    let all = context.list("benefits");
    let wanted = if writer.pages[at.page].slug.is_empty() { 4 } else { 3 };
    // A reader sees the trade before the audience.
    let mut own = Vec::new();
    while own.len() + items.len() < wanted.max(items.len() + 2) {
        let Some(index) = writer.ledger.draw("benefits", at.page, &heading) else {
            break;
        };
        own.push((
            context.say(&all[index][0]),
            part(context.list("benefits"), index, 1).map_or(String::new(), |text| context.describe(text)),
        ));
    }
    own.append(&mut items);
    while own.len() < 2 {
        own.push(spare(writer, "spare_features", at, own.len()));
    }
    let intro = words(writer, at);
    let items: Vec<Value> = own
        .iter()
        .map(|(title, text)| json!({ "icon": icon(writer, title, text), "title": text::clip(title, 110), "description": text::clip(text, 580) }))
        .collect();
    json!({ "title": heading, "intro": joined(&intro, 395), "items": items })
}

fn part(list: &[Line], index: usize, part: usize) -> Option<&String> {
    list.get(index)?.get(part)
}

/// A request to the owner, in place of a phrase the library does not have.
pub(super) fn spare(writer: &Writer, list: &str, at: At, number: usize) -> (String, String) {
    let lines = writer.context.language.lines(list);
    let page = &writer.pages[at.page];
    let line = lines.get(number % lines.len().max(1)).cloned().unwrap_or_default();
    let name = if page.slug.is_empty() {
        &writer.context.business
    } else {
        &page.title
    };
    let fill = |part: usize| {
        line.get(part).map_or(String::new(), |text| {
            text.replace("{name}", &text::clip(&text::lowered(name), 24))
        })
    };
    (fill(0), fill(1))
}

/// The name of an icon for a text, where one of its words calls for it.
fn icon(writer: &Writer, title: &str, description: &str) -> Value {
    let lower = format!(" {title} {description}").to_lowercase();
    let found = writer.context.icons.iter().find(|line| {
        line.get(1).is_some_and(|words| {
            words
                .split(',')
                .any(|word| lower.contains(&format!(" {}", word.trim())))
        })
    });
    found.map_or(Value::Null, |line| json!(line[0]))
}

pub(super) fn steps(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let claimed = writer
        .ledger
        .claim("steps", &writer.pages[at.page].sections[at.index].heading);
    let entry = claimed.or_else(|| writer.ledger.draw("steps", at.page, &heading));
    let process = entry.and_then(|index| context.trade.processes.get(index));
    let mut items: Vec<Value> = Vec::new();
    for line in process.map_or(&[][..], |process| &process.steps).iter().take(6) {
        let text = line.get(1).map_or(String::new(), |text| context.describe(text));
        items.push(json!({ "title": context.say(&line[0]), "description": text }));
    }
    while items.len() < 3 {
        let (title, text) = spare(writer, "spare_steps", at, items.len());
        items.push(json!({ "title": title, "description": text }));
    }
    json!({ "title": heading, "items": items })
}

/// The questions of an audience stand among the general ones.
fn audience_place(writer: &Writer) -> Option<(usize, usize)> {
    let find = |page_type: Option<&str>| -> Option<(usize, usize)> {
        let pages = writer.pages.iter().enumerate();
        pages
            .filter(|(_, page)| page_type.is_none_or(|wanted| page.page_type == wanted))
            .find_map(|(at, page)| {
                page.sections
                    .iter()
                    .position(|section| section.kind == "FAQ")
                    .map(|index| (at, index))
            })
    };
    find(Some("FAQ"))
        .or_else(|| find(Some("CONTACT")))
        .or_else(|| find(Some("HOME")))
}

pub(super) fn faq(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let mut items: Vec<(String, String)> = Vec::new();
    for (index, how) in writer.placement.at(at.page, at.index) {
        let answer = text::sentence(&text::capitalised(&context.facts[*index].text));
        let question = match how {
            How::Answer(question) => question.as_str(),
            _ => context.language.text("question_for_words"),
        };
        match items.iter_mut().find(|(known, _)| known == question) {
            Some((_, text)) => *text = format!("{text} {answer}"),
            None => items.push((question.to_owned(), answer)),
        }
    }
    if audience_place(writer) == Some((at.page, at.index)) {
        items.extend(
            context
                .audiences
                .iter()
                .find(|line| line.len() == 5)
                .map(|line| (context.say(&line[3]), context.say(&line[4]))),
        );
    }
    let wanted = match writer.pages[at.page].page_type.as_str() {
        "FAQ" => 6,
        _ => 3,
    };
    let all = context.list("questions");
    while items.len() < wanted {
        let Some(index) = writer.ledger.draw("questions", at.page, &heading) else {
            break;
        };
        let answer = part(all, index, 1).map_or(String::new(), |text| context.say(text));
        items.push((context.say(&all[index][0]), answer));
    }
    while items.len() < 3 {
        items.push(spare(writer, "spare_questions", at, items.len()));
    }
    items.truncate(10);
    let items: Vec<Value> = items
        .iter()
        .map(|(question, answer)| json!({ "question": text::clip(question, 190), "answer": text::clip(answer, 1400) }))
        .collect();
    json!({ "title": heading, "items": items })
}
