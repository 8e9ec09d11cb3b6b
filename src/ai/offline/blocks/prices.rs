//! What there is and what it costs: the brief's own words, and nothing of the trade's beside them.
//!
//! A brief that names no offer gets the trade's, each as a question to the owner. No price is asked for:
//! a list without prices is a list, a list of missing prices is a form.

use serde_json::{Value, json};

use super::buttons::button;
use super::{At, joined, title, words};
use crate::ai::offline::offers::Offer;
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::How;
use crate::ai::offline::text;

/// The most offers that a home page shows beside a page of their own.
const SHOWN_AT_HOME: usize = 6;
/// The most questions to the owner in a list of offers.
const ASKED: usize = 3;

pub(super) fn products(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let mut offers: Vec<Offer> = Vec::new();
    let complete = writer.placement.list == Some((at.page, at.index));
    if writer.pages[at.page].slug.is_empty() {
        let most = if complete { 12 } else { SHOWN_AT_HOME };
        offers.extend(context.offers.iter().take(most).cloned());
    } else {
        for (index, how) in writer.placement.at(at.page, at.index) {
            let fact = &context.facts[*index];
            if let (How::Price, Some((name, price))) = (how, &fact.price) {
                offers.push(Offer {
                    name: name.clone(),
                    price: Some(price.clone()),
                    note: fact.note.clone(),
                });
            }
        }
        if complete {
            offers.extend(context.offers.iter().filter(|offer| offer.price.is_none()).cloned());
        }
    }
    // What is told at length is told once.
    for note in offers.iter_mut().map(|offer| &mut offer.note) {
        let long = note.as_ref().is_some_and(|note| note.split_whitespace().count() > 6);
        if long && !writer.first_time(note.as_deref().unwrap_or_default()) {
            *note = None;
        }
    }
    let mut items: Vec<Value> = offers.iter().take(12).map(item).collect();
    let mut intro: Vec<String> = super::prose::about_offers(writer, at).into_iter().collect();
    if items.is_empty() {
        items = asked(writer);
        let invited = context.language.text("offers_asked").to_owned();
        intro.extend(Some(invited).filter(|text| writer.first_time(text)));
    }
    intro.extend(words(writer, at));
    json!({ "title": heading, "intro": joined(&intro, 395), "items": items })
}

fn item(offer: &Offer) -> Value {
    json!({
        "name": text::clip(&offer.name, 110),
        "description": offer.note.as_ref().map(|note| text::sentence(&text::capitalised(note))),
        "price": offer.price.as_ref().map(|price| text::clip(price, 58)), "image": null,
    })
}

/// The trade's offers as questions; a site asks about each of them once.
fn asked(writer: &mut Writer) -> Vec<Value> {
    let context = writer.context;
    let known = context.list("offers").iter().map(|line| context.say(&line[0]));
    let general = context
        .language
        .lines("spare_products")
        .into_iter()
        .map(|line| line[0].clone());
    let mut items = Vec::new();
    for name in known.chain(general) {
        if items.len() < ASKED && writer.first_time(&format!("offer {name}")) {
            let question = text::clip(name.trim_matches(['[', ']']), 100);
            items.push(json!({ "name": format!("[{question}]"), "description": null, "price": null, "image": null }));
        }
    }
    items
}

pub(super) fn pricing(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let mut plans: Vec<Value> = Vec::new();
    let placed = writer.placement.at(at.page, at.index).to_vec();
    for (index, how) in placed {
        let fact = &context.facts[index];
        let Some((name, price)) = fact.price.clone().filter(|_| how == How::Price) else {
            continue;
        };
        let features: Vec<String> = match fact.includes.as_slice() {
            [] => vec![text::clip(&fact.text, 190)],
            parts => parts.iter().take(8).map(|part| text::capitalised(part)).collect(),
        };
        let label = context
            .language
            .text("choose_plan")
            .replace("{name}", &text::lowered(&name));
        let action = button(writer, at, &label, "contact").unwrap_or(Value::Null);
        plans.push(json!({
            "name": text::clip(&name, 110), "price": text::clip(&price, 58), "period": null,
            "features": features, "highlighted": false, "action": action,
        }));
    }
    if plans.is_empty() {
        let (name, feature) = super::lists::spare(writer, "spare_plans", at, 0);
        plans.push(json!({ "name": name, "price": "[price]", "period": null, "features": [feature], "highlighted": false, "action": null }));
    }
    json!({ "title": heading, "intro": joined(&words(writer, at), 395), "plans": plans })
}
