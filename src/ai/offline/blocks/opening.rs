//! The first block of a page and the requests to act.
//!
//! The home page opens with what the owner says about the business, another page with what the brief
//! says of its subject. Headlines are slogans of the trade; no sentence here promises anything.

use serde_json::{Value, json};

use super::buttons::{button, buttons, call, reached};
use super::{At, image, joined, title, words};
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::named_for;
use crate::ai::offline::text;

pub(super) fn hero(writer: &mut Writer, at: At) -> Value {
    let headline = headline(writer, at);
    let first = at.index == 0;
    let mut texts: Vec<String> = subheadline(writer, at).into_iter().collect();
    writer.said.extend(texts.iter().cloned());
    texts.extend(words(writer, at));
    let eyebrow = if first {
        eyebrow(writer, at, &headline)
    } else {
        Value::Null
    };
    let actions = actions(writer, at);
    let page_title = writer.pages[at.page].title.clone();
    let picture = image(writer, at, &format!("{headline} {page_title}"), "16:9");
    let layout = match writer.pages[at.page].page_type.as_str() {
        "HOME" => writer.context.layout.as_str(),
        "ABOUT" | "PORTFOLIO" | "LANDING" => "BACKGROUND",
        "FAQ" | "CONTACT" | "LEGAL" => "CENTER",
        _ => "SPLIT",
    };
    json!({
        "eyebrow": eyebrow,
        "headline": headline,
        "subheadline": joined(&texts, 300),
        "actions": actions,
        "image": picture,
        "layout": layout,
    })
}

/// The home page offers two ways on, another page the one that belongs to it.
fn actions(writer: &mut Writer, at: At) -> Vec<Value> {
    if writer.pages[at.page].page_type == "CONTACT" && at.index == 0 {
        // Who came here wants to reach the business, not to be sent on.
        if let Some(action) = reached(writer) {
            return vec![action];
        }
    }
    let page = &writer.pages[at.page];
    if page.slug.is_empty() {
        let call = call(writer, at);
        let mut actions = buttons(writer, at, 2 - call.iter().len());
        actions.extend(call);
        return actions;
    }
    let own = page
        .line
        .as_ref()
        .and_then(|line| line.get(5))
        .cloned()
        .filter(|_| at.index == 0 && page.page_type != "CONTACT");
    let own = own.and_then(|label| button(writer, at, &label, "contact"));
    own.map_or_else(|| buttons(writer, at, 1), |action| vec![action])
}

fn headline(writer: &Writer, at: At) -> String {
    let page = &writer.pages[at.page];
    let section = &page.sections[at.index];
    let heading = section.heading.trim();
    if !heading.is_empty() && !heading.eq_ignore_ascii_case("hero") {
        return text::clip(heading, 110);
    }
    let own = if page.slug.is_empty() {
        writer.context.business.clone()
    } else {
        page.title.clone()
    };
    if own.is_empty() {
        writer.context.type_name.clone()
    } else {
        own
    }
}

fn eyebrow(writer: &Writer, at: At, headline: &str) -> Value {
    let context = writer.context;
    let page = &writer.pages[at.page];
    if !page.slug.is_empty() {
        let differs = !page.title.is_empty() && page.title != headline;
        return if differs {
            json!(text::clip(&page.title, 58))
        } else {
            Value::Null
        };
    }
    let audience = context.audiences.first().map(|line| line[0].clone());
    let chosen = audience.filter(|_| context.dice("eyebrow").below(3) == 0);
    let eyebrow = chosen.unwrap_or_else(|| context.say("{type}{in_place}"));
    json!(text::clip(&context.say(&eyebrow), 58))
}

/// The longest summary sentence that still reads as one line below a headline.
const SUBHEADLINE: usize = 230;

/// The summary's sentence that opens the home page, and where it stands in the summary.
pub(super) fn opening_sentence(writer: &Writer) -> Option<(usize, String)> {
    let sentence = writer.context.summary.first()?;
    let length = sentence.chars().count();
    (25..=SUBHEADLINE).contains(&length).then(|| (0, sentence.clone()))
}

/// The owner's sentence on the home page; elsewhere what the brief says of the page's subject.
fn subheadline(writer: &Writer, at: At) -> Option<String> {
    if at.index > 0 {
        return None;
    }
    let page = &writer.pages[at.page];
    if page.slug.is_empty() {
        return opening_sentence(writer).map(|(_, sentence)| sentence);
    }
    // The price stands in a list as well, in two fields: a visitor who comes for this finds it here.
    let special = !matches!(
        page.page_type.as_str(),
        "PRICING" | "PRODUCTS" | "ABOUT" | "CONTACT" | "FAQ"
    );
    let facts = writer.context.facts.iter();
    let mut priced = facts.filter(|fact| fact.price.is_some() && fact.includes.is_empty());
    priced
        .find(|fact| special && named_for(page, fact) > 0)
        .map(|fact| text::sentence(&text::capitalised(&fact.text)))
        .filter(|text| writer.placement.list.is_some() && !writer.said.contains(text))
}

pub(super) fn cta(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let lines = writer.context.list("closings");
    let claimed = writer
        .ledger
        .claim("closings", &writer.pages[at.page].sections[at.index].heading);
    let entry = claimed.or_else(|| writer.ledger.draw("closings", at.page, &heading));
    let line = entry.and_then(|index| lines.get(index)).cloned();
    let mut texts: Vec<String> = Vec::new();
    let mut actions: Vec<Value> = Vec::new();
    match &line {
        Some(line) => {
            texts.extend(line.get(1).map(|body| writer.context.say(body)));
            let target = line.get(3).map_or("contact", String::as_str).to_owned();
            actions.extend(line.get(2).and_then(|label| button(writer, at, label, &target)));
        }
        // Words of the tone ask for a message, so the button leads to where one is written.
        None => {
            texts.extend(tone_closing(writer));
            let labels = writer.context.tone.contact.clone();
            actions.extend(
                labels
                    .split(';')
                    .find_map(|label| button(writer, at, label.trim(), "contact")),
            );
        }
    }
    texts.extend(words(writer, at));
    if actions.is_empty() {
        actions = buttons(writer, at, 1);
    }
    if actions.is_empty() {
        // Every text this library knows stands on the page already: count on.
        let label = format!("{} {}", writer.context.language.text("get_in_touch"), at.index + 1);
        writer.labels.insert(label.to_lowercase());
        actions.push(json!({ "label": label, "href": "/", "style": "PRIMARY" }));
    }
    json!({ "title": heading, "body": joined(&texts, 1500), "actions": actions })
}

fn tone_closing(writer: &mut Writer) -> Option<String> {
    let lines = super::super::library::lines(&writer.context.tone.closings);
    let mut said = lines.iter().map(|line| writer.context.say(&line[0]));
    said.find(|text| writer.first_time(text))
}
