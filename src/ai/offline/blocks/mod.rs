//! The sixteen kinds: what each says, from the phrases it is given and the facts placed in it.
//!
//! Field names and their order are those of the content model; lengths are kept here too, so that a
//! reply passes unrepaired. Nothing here decides which fact goes where.

mod buttons;
mod lists;
mod opening;
mod prices;
mod proof;
mod prose;

use serde_json::{Map, Value, json};

use super::brief::Context;
use super::outline::Writer;
use super::placement::How;
use super::text;

/// The section that is being written.
#[derive(Debug, Clone, Copy)]
struct At {
    page: usize,
    index: usize,
}

/// Writes one section.
pub(super) fn write(writer: &mut Writer, page: usize, index: usize) -> Value {
    let at = At { page, index };
    let kind = writer.pages[page].sections[index].kind.clone();
    let content = match kind.as_str() {
        "HERO" => opening::hero(writer, at),
        "CTA" => opening::cta(writer, at),
        "FEATURES" => lists::features(writer, at),
        "STEPS" => lists::steps(writer, at),
        "FAQ" => lists::faq(writer, at),
        "PRODUCTS" => prices::products(writer, at),
        "PRICING" => prices::pricing(writer, at),
        "STATS" => proof::stats(writer, at),
        "LOGOS" => proof::logos(writer, at),
        "TESTIMONIALS" => proof::testimonials(writer, at),
        "TEAM" => proof::team(writer, at),
        "TIMELINE" => proof::timeline(writer, at),
        "GALLERY" => proof::gallery(writer, at),
        "SPLIT" => prose::split(writer, at),
        "CONTACT" => prose::contact(writer, at),
        _ => prose::text(writer, at),
    };
    let mut block = Map::new();
    block.insert("kind".to_owned(), Value::String(kind));
    let texts = strings(&content)
        .iter()
        .map(|text| (*text).to_owned())
        .collect::<Vec<_>>();
    if let Value::Object(fields) = content {
        block.extend(fields);
    }
    block.insert(
        "placeholders".to_owned(),
        json!(text::placeholders(texts.iter().map(String::as_str))),
    );
    Value::Object(block)
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The section's title: its heading, or the library's words for this kind.
fn title(writer: &Writer, at: At) -> String {
    let page = &writer.pages[at.page];
    let section = &page.sections[at.index];
    let heading = section.heading.trim();
    if !heading.is_empty() && !heading.eq_ignore_ascii_case(&section.kind) {
        return text::clip(heading, 110);
    }
    let lines = writer.context.language.lines(&format!("headings.{}", section.kind));
    let phrase = lines.first().map_or("", |line| line[0].as_str());
    let topic = if page.slug.is_empty() {
        &writer.context.business
    } else {
        &page.title
    };
    text::clip(&writer.context.say_about(phrase, topic), 110)
}

/// The owner's words placed in this section, as sentences.
fn words(writer: &Writer, at: At) -> Vec<String> {
    let placed = writer.placement.at(at.page, at.index).iter();
    placed
        .filter(|(_, how)| *how == How::Words)
        .map(|(index, _)| text::sentence(&text::capitalised(&writer.context.facts[*index].text)))
        .collect()
}

/// Texts joined and cut to a limit; null when there is nothing to say.
fn joined(texts: &[String], max: usize) -> Value {
    let full = texts
        .iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    if full.is_empty() {
        Value::Null
    } else {
        Value::String(text::clip(&full, max))
    }
}

/// A picture that does not exist yet: what it shows, and how.
fn image(writer: &mut Writer, at: At, about: &str, aspect: &str) -> Value {
    let Some(scene) = scene(writer, at, about) else {
        return Value::Null;
    };
    picture(writer.context, &scene, aspect)
}

fn picture(context: &Context, scene: &str, aspect: &str) -> Value {
    let style = text::capitalised(&context.style);
    let prompt = text::clip(&format!("{}. {}", scene.trim_end_matches('.'), style), 500);
    json!({ "url": null, "alt": text::clip(scene, 180), "prompt": prompt.trim(), "aspect": aspect })
}

/// A scene of the trade; when all have been used, details of them.
fn scene(writer: &mut Writer, at: At, about: &str) -> Option<String> {
    let scenes = writer.context.list("scenes");
    if let Some(index) = writer.ledger.draw("scenes", at.page, about) {
        return Some(writer.context.say(&scenes[index][0]));
    }
    if scenes.is_empty() {
        return None;
    }
    let angles = writer.context.language.lines("angles");
    for round in 0..angles.len() * scenes.len() {
        let scene = &scenes[(round + at.index + at.page * 3) % scenes.len()][0];
        let angle = &angles[(round / scenes.len()) % angles.len()][0];
        let text = angle.replace("{scene}", &text::lowered(scene));
        if writer.first_time(&text) {
            return Some(writer.context.say(&text));
        }
    }
    scenes.first().map(|line| line[0].clone())
}
