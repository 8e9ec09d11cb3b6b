//! What there is and what it costs: the brief's prices first, the trade's offers after them.
//!
//! A price that the brief does not give is a placeholder where visitors look for prices, and absent
//! elsewhere.

use serde_json::{Value, json};

use super::buttons::button;
use super::lists::tone_intro;
use super::{At, joined, picture, title, words};
use crate::ai::offline::library::{Line, parts};
use crate::ai::offline::outline::Writer;
use crate::ai::offline::placement::How;
use crate::ai::offline::text;

pub(super) fn products(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let home = writer.pages[at.page].slug.is_empty() && writer.pages.len() > 1;
    let mut items = priced(writer, at);
    // Beside the prices of the brief, the trade's own offers would be inventions.
    let listed = !items.is_empty();
    let wanted = if listed {
        0
    } else if home {
        4
    } else {
        9
    };
    let offers = writer.context.list("offers");
    let most = if home && !listed { usize::MAX } else { wanted };
    let mut drawn: Vec<usize> = Vec::new();
    while items.len() + drawn.len() < most {
        let Some(index) = writer.ledger.draw("offers", at.page, &heading) else {
            break;
        };
        drawn.push(index);
    }
    if home {
        drawn = name_briefly(writer, drawn, wanted.saturating_sub(items.len()));
    }
    let drawn: Vec<Line> = drawn.into_iter().map(|index| offers[index].clone()).collect();
    let with_price = matches!(writer.pages[at.page].page_type.as_str(), "PRICING" | "PRODUCTS");
    for line in &drawn {
        items.push(offer(writer, line, home, with_price));
    }
    if items.is_empty() {
        let lines = writer.context.language.lines("spare_products");
        for line in lines.iter().take(3) {
            items.push(json!({ "name": line[0], "description": line.get(1), "price": null, "image": null }));
        }
    }
    items.truncate(12);
    let mut intro = words(writer, at);
    if intro.is_empty() && !home {
        intro.extend(tone_intro(writer));
    }
    json!({ "title": heading, "intro": joined(&intro, 395), "items": items })
}

/// The offers that a home page shows. What it can name in a few words is described on its own page,
/// so those are given back; the others are told here.
fn name_briefly(writer: &mut Writer, drawn: Vec<usize>, wanted: usize) -> Vec<usize> {
    let offers = writer.context.list("offers");
    let brief = |index: &usize| teaser(&offers[*index]).is_some();
    let short: Vec<usize> = drawn.iter().copied().filter(brief).collect();
    let mut shown = if short.len() > 2 { short } else { drawn.clone() };
    shown.truncate(wanted);
    let told = |index: &usize| shown.contains(index) && !brief(index);
    let freed: Vec<_> = drawn
        .iter()
        .filter(|index| !told(index))
        .map(|index| ("offers", *index))
        .collect();
    writer.ledger.free(&freed);
    shown
}

fn offer(writer: &Writer, line: &Line, home: bool, with_price: bool) -> Value {
    let context = writer.context;
    let name = context.say(&line[0]);
    let full = line.get(1).map_or(String::new(), |text| context.describe(text));
    let description = match teaser(line) {
        Some(short) if home => text::sentence(&context.say(&short)),
        _ => full,
    };
    let price = line
        .get(2)
        .filter(|price| with_price && !price.is_empty())
        .map(|price| format!("[{}]", text::clip(price, 56)));
    let image = if home || with_price {
        picture(context, &name, "4:3")
    } else {
        Value::Null
    };
    json!({ "name": text::clip(&name, 110), "description": text::clip(&description, 580), "price": price, "image": image })
}

/// The first clauses of an offer's description, as far as they are too short to count as a repetition.
fn teaser(line: &Line) -> Option<String> {
    let sentence = line.get(1)?.split([';', ':', '.']).next()?.trim();
    let mut short: Vec<&str> = Vec::new();
    let mut words = 0;
    for clause in sentence.split(", ") {
        words += clause.split_whitespace().count();
        if words > 7 {
            // What ends with "and" is the tail of a list, and half a list says something else.
            let tail = clause.contains(" and ") || clause.contains(" or ");
            if tail {
                return None;
            }
            break;
        }
        short.push(clause);
    }
    let text = short.join(", ");
    (text.split_whitespace().count() >= 3 && !text.contains('[')).then_some(text)
}

/// Products whose price the brief gives, with the trade's description where there is one.
fn priced(writer: &mut Writer, at: At) -> Vec<Value> {
    let placed = writer.placement.at(at.page, at.index).to_vec();
    let mut items = Vec::new();
    for (index, how) in placed {
        let Some((name, price)) = writer.context.facts[index].price.clone().filter(|_| how == How::Price) else {
            continue;
        };
        let description = describe(writer, &name);
        let image = picture(writer.context, &name, "4:3");
        items.push(json!({ "name": text::clip(&name, 110), "description": description, "price": text::clip(&price, 58), "image": image }));
    }
    items
}

fn describe(writer: &mut Writer, name: &str) -> String {
    let stems = text::stems(name);
    let offers = writer.context.list("offers");
    let near = offers.iter().position(|line| {
        let own = text::stems(&line[0]);
        !own.is_empty()
            && own.intersection(&stems).count() * 2 >= own.len().max(1)
            && own.intersection(&stems).count() > 0
    });
    if let Some(index) = near {
        let said = writer.context.say(&offers[index][0]);
        if writer.ledger.claim("offers", &said).is_some() {
            return offers[index]
                .get(1)
                .map_or(String::new(), |text| writer.context.describe(text));
        }
    }
    let low = text::clip(&text::lowered(name), 40);
    writer
        .context
        .language
        .text("offer_description")
        .replace("{name}", &low)
}

pub(super) fn pricing(writer: &mut Writer, at: At) -> Value {
    let heading = title(writer, at);
    let context = writer.context;
    let mut plans: Vec<Value> = Vec::new();
    let placed = writer.placement.at(at.page, at.index).to_vec();
    for (index, how) in placed {
        let Some((name, price)) = context.facts[index].price.clone().filter(|_| how == How::Price) else {
            continue;
        };
        let low = text::clip(&text::lowered(&name), 40);
        let feature = context.language.text("plan_feature").replace("{name}", &low);
        plans.push(json!({
            "name": text::clip(&name, 110), "price": text::clip(&price, 58), "period": null,
            "features": [feature], "highlighted": false, "action": null,
        }));
    }
    let lines = context.list("plans");
    if plans.is_empty() && writer.first_time("plans") {
        for (number, line) in lines.iter().enumerate().take(3 - plans.len().min(3)) {
            plans.push(plan(writer, at, line, number));
        }
    }
    if plans.is_empty() {
        let (name, feature) = super::lists::spare(writer, "spare_plans", at, 0);
        plans.push(json!({ "name": name, "price": "[price]", "period": null, "features": [feature], "highlighted": false, "action": null }));
    }
    let mut intro = words(writer, at);
    if intro.is_empty() {
        intro.extend(tone_intro(writer));
    }
    json!({ "title": heading, "intro": joined(&intro, 395), "plans": plans })
}

fn plan(writer: &mut Writer, at: At, line: &Line, number: usize) -> Value {
    let context = writer.context;
    let get = |part: usize| line.get(part).map_or("", String::as_str);
    let features: Vec<String> = parts(get(3))
        .iter()
        .map(|feature| context.say(feature))
        .take(8)
        .collect();
    let period = if get(2).is_empty() { Value::Null } else { json!(get(2)) };
    let label = context.language.text("choose_plan").replace("{name}", get(0));
    let action = button(writer, at, &label, "contact").unwrap_or(Value::Null);
    json!({
        "name": context.say(get(0)), "price": format!("[{}]", text::clip(get(1), 56)), "period": period,
        "features": features, "highlighted": number == 1, "action": action,
    })
}
