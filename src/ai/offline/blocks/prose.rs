//! Running text, text beside a picture, and how to reach the business.
//!
//! The owner's summary and facts stand here in the owner's words, among the trade's own paragraphs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::buttons::buttons;
use super::opening::opening_sentence;
use super::{At, image, joined, title, words};
use crate::ai::offline::library::lines;
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::contact_fields;
use crate::ai::offline::text;

pub(super) fn split(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let mut paragraphs: Vec<String> = summary_here(writer, at);
    let mut bullets: Vec<String> = Vec::new();
    for fact in words(writer, at) {
        if bullets.len() < 6 && fact.chars().count() <= 120 {
            bullets.push(fact.trim_end_matches('.').to_owned());
        } else {
            paragraphs.push(fact);
        }
    }
    if introduction(writer, "HOME") == Some((at.page, at.index)) {
        for fact in highlights(writer) {
            if bullets.len() < 6 && !bullets.contains(&fact) {
                bullets.push(fact);
            }
        }
        if paragraphs.is_empty() && bullets.len() > 1 {
            paragraphs.push(text::sentence(&bullets.remove(0)));
        }
    }
    let planned = &writer.pages[at.page].sections[at.index].heading;
    let claimed = writer.ledger.claim("splits", planned);
    // Where the owner speaks, the trade's words step back.
    let drawn = match claimed {
        None if paragraphs.is_empty() => writer.ledger.draw("splits", at.page, &heading),
        claimed => claimed,
    };
    let line = drawn.and_then(|index| context.list("splits").get(index));
    if let Some(body) = line.and_then(|line| line.get(1)) {
        paragraphs.insert(0, context.say(body));
    }
    if paragraphs.is_empty() {
        let story = writer.ledger.draw("stories", at.page, &heading);
        let story = story.and_then(|index| context.list("stories").get(index));
        paragraphs.extend(story.and_then(|line| line.get(1)).map(|text| context.say(text)));
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

/// Facts of a few words, which a visitor should meet on the first page wherever else they stand.
fn highlights(writer: &Writer) -> Vec<String> {
    let facts = writer.context.facts.iter();
    let brief = facts.filter(|fact| {
        let told = fact.is_contact() || fact.price.is_some() || fact.list.is_some() || fact.voice.is_some();
        !told && fact.text.split_whitespace().count() < 8
    });
    brief
        .map(|fact| text::capitalised(fact.text.trim_end_matches('.')))
        .collect()
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
    // The owner's words come first; the trade's close the text.
    match words(writer, at).as_slice() {
        [] => {}
        [one] => paragraphs.push(one.clone()),
        many => {
            let list: Vec<String> = many.iter().map(|fact| format!("- {fact}")).collect();
            paragraphs.push(list.join("\n"));
        }
    }
    paragraphs.extend(story.map(|text| context.say(text)));
    if paragraphs.is_empty() {
        paragraphs.push(super::lists::spare(writer, "spare_texts", at, at.index).0);
    }
    json!({ "title": heading, "body": text::clip(&paragraphs.join("\n\n"), 5900) })
}

/// What of the summary stands here: the sentences after the opening one introduce the business on the
/// home page, and the last of three or more on the page about it.
fn summary_here(writer: &Writer, at: At) -> Vec<String> {
    let (home, about) = (introduction(writer, "HOME"), introduction(writer, "ABOUT"));
    let here = Some((at.page, at.index));
    let rest = rest_of_summary(writer);
    let first = match (home, about) {
        (None, None) => {
            return if introduction(writer, "") == here {
                paragraph(&rest)
            } else {
                Vec::new()
            };
        }
        (Some(_), None) => rest.len(),
        (None, Some(_)) => 0,
        (Some(_), Some(_)) => rest.len().div_ceil(2),
    };
    if home == here {
        paragraph(&rest[..first])
    } else if about == here {
        paragraph(&rest[first..])
    } else {
        Vec::new()
    }
}

fn paragraph(sentences: &[String]) -> Vec<String> {
    if sentences.is_empty() {
        Vec::new()
    } else {
        vec![sentences.join(" ")]
    }
}

/// The sentences that neither the opening nor the list of offers says.
fn rest_of_summary(writer: &Writer) -> Vec<String> {
    let opened = writer
        .pages
        .iter()
        .any(|page| page.slug.is_empty() && page.sections.first().is_some_and(|s| s.kind == "HERO"));
    let skip = opening_sentence(writer).filter(|_| opened).map(|(at, _)| at);
    let offers = offers_sentence(writer).map(|(at, _)| at);
    let rest = writer.context.summary.iter().enumerate();
    rest.filter(|(at, _)| Some(*at) != skip && Some(*at) != offers)
        .map(|(_, sentence)| sentence.clone())
        .collect()
}

/// The sentence of the summary that names several offers, for the list of them.
fn offers_sentence(writer: &Writer) -> Option<(usize, String)> {
    let list = writer.placement.list?;
    if writer.pages[list.0].slug.is_empty() {
        return None;
    }
    let names: Vec<BTreeSet<String>> = writer
        .context
        .offers
        .iter()
        .map(|offer| text::stems(&offer.name))
        .collect();
    let names_of = |sentence: &str| {
        let said = text::stems(sentence);
        let named = |stems: &&BTreeSet<String>| !stems.is_empty() && stems.is_subset(&said);
        names.iter().filter(named).count()
    };
    // A summary of two sentences introduces the business with the second.
    if writer.context.summary.len() < 3 {
        return None;
    }
    let mut rest = writer.context.summary.iter().enumerate().skip(1);
    rest.find(|(_, sentence)| names_of(sentence) > 1 && sentence.chars().count() < 380)
        .map(|(at, sentence)| (at, sentence.clone()))
}

/// The same, in the list that is complete.
pub(super) fn about_offers(writer: &Writer, at: At) -> Option<String> {
    let here = writer.placement.list == Some((at.page, at.index));
    offers_sentence(writer).filter(|_| here).map(|(_, sentence)| sentence)
}

fn introduction(writer: &Writer, page_type: &str) -> Option<(usize, usize)> {
    let pages = writer.pages.iter().enumerate();
    pages
        .filter(|(_, page)| page_type.is_empty() || page.page_type == page_type)
        .find_map(|(at, page)| {
            let by = |kind: &str| page.sections.iter().position(|section| section.kind == kind);
            let found = if page.slug.is_empty() {
                by("SPLIT").or_else(|| by("TEXT"))
            } else {
                by("TEXT").or_else(|| by("SPLIT"))
            };
            found.map(|index| (at, index))
        })
}

pub(super) fn contact(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let fields = contact_fields(context);
    let primary = writer.placement.contact == Some((at.page, at.index));
    let ask = |key: &str| json!(format!("[{}]", context.language.text(&format!("ask.{key}"))));
    let email = fields.iter().find_map(|fact| fact.email.clone());
    let phone = fields.iter().find_map(|fact| fact.phone.clone());
    let address = fields.iter().find_map(|fact| fact.address.clone());
    // One way to write is enough to know; who gives none is asked for the usual ones.
    let reached = email.is_some() || phone.is_some();
    let shown = |known: Option<String>, max: usize, key: &str| match known {
        Some(text) => json!(text::clip(&text, max)),
        None if reached => Value::Null,
        None => ask(key),
    };
    let (email, phone) = (shown(email, 195, "email"), shown(phone, 58, "phone"));
    let address = address.map_or(Value::Null, |address| json!(text::clip(&address, 290)));
    let hours: Vec<Value> = fields
        .iter()
        .flat_map(|fact| &fact.hours)
        .map(|line| json!({ "day": line.day, "opens": line.opens, "closes": line.closes }))
        .collect();
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
    if let Some(text) = fresh.filter(|_| primary && intro.iter().map(String::len).sum::<usize>() < 200) {
        writer.said.insert(text.clone());
        intro.insert(0, text);
    }
    json!({
        "title": heading, "intro": joined(&intro, 395), "email": email, "phone": phone,
        "address": address, "hours": hours,
    })
}
