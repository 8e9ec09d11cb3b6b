//! Colours of the trade and typefaces of the tone.
//!
//! The pairs and palettes stand in the data files; a test measures their contrast. No colour is
//! computed, so what a designer writes into a file is what a visitor sees.

use serde_json::{Value, json};

use super::brief::Context;
use super::library::lines;

const PALETTE: [&str; 5] = ["#ffffff", "#f3f4f6", "#1f2933", "#1d4ed8", "#b45309"];

pub(super) fn of(context: &Context) -> Value {
    let palettes = context.list("palettes");
    let chosen = context
        .dice("palette")
        .pick(palettes)
        .map(|line| line[0].split_whitespace().collect::<Vec<_>>());
    let colours = chosen
        .filter(|colours| colours.len() == 5)
        .unwrap_or_else(|| PALETTE.to_vec());
    let pairs = lines(&context.tone.fonts);
    let pair = context.dice("fonts").pick(&pairs).cloned().unwrap_or_default();
    let font = |at: usize| pair.get(at).cloned().unwrap_or_else(|| "Georgia".to_owned());
    json!({
        "palette": {
            "background": colours[0], "surface": colours[1], "text": colours[2], "primary": colours[3], "accent": colours[4],
        },
        "fonts": { "heading": font(0), "body": font(1) },
    })
}
