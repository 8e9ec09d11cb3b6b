//! Colours that can be read: text keeps a contrast of 4.5 to 1 on background and on surface.
//!
//! The measure is WCAG 2's relative luminance. Only the text is moved, unless background and surface
//! are so far apart that no text can be read on both. Primary and accent are the renderer's business.

use super::plan::Palette;

/// The least contrast of running text, WCAG AA.
pub const MIN_CONTRAST: f64 = 4.5;

type Rgb = [u8; 3];

/// Moves the text in steps towards black or white, whichever is nearer, until it can be read.
pub(super) fn repair(palette: &mut Palette, repairs: &mut Vec<String>) {
    let (Some(background), Some(mut surface), Some(text)) = (
        parse(&palette.background),
        parse(&palette.surface),
        parse(&palette.text),
    ) else {
        return;
    };
    let is_readable =
        |text: Rgb, surface: Rgb| between(text, background) >= MIN_CONTRAST && between(text, surface) >= MIN_CONTRAST;
    if is_readable(text, surface) {
        return;
    }
    const ENDS: [Rgb; 2] = [[0; 3], [255; 3]];
    if !ENDS.iter().any(|end| is_readable(*end, surface)) {
        surface = background;
        palette.surface.clone_from(&palette.background);
        repairs.push("theme.palette.surface became the background: no text can be read on both".to_owned());
    }
    let readable = (0..=10_u16)
        .flat_map(|tenths| ENDS.map(|end| mix(text, end, tenths)))
        .find(|candidate| is_readable(*candidate, surface));
    if let Some([red, green, blue]) = readable {
        let repaired = format!("#{red:02x}{green:02x}{blue:02x}");
        if repaired != palette.text {
            repairs.push(format!(
                "theme.palette.text {} became {repaired} to be readable",
                palette.text
            ));
            palette.text = repaired;
        }
    }
}

/// The contrast of two colours written `#rrggbb`, from 1 to 21; `None` when one is written otherwise.
pub fn contrast(one: &str, other: &str) -> Option<f64> {
    Some(between(parse(one)?, parse(other)?))
}

fn between(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.040_45 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// `tenths` of the way from one colour to another.
fn mix(from: Rgb, to: Rgb, tenths: u16) -> Rgb {
    std::array::from_fn(|at| {
        let (from, to) = (u16::from(from[at]), u16::from(to[at]));
        // A weighted mean of two bytes is a byte.
        u8::try_from((from * (10 - tenths) + to * tenths + 5) / 10).unwrap_or(u8::MAX)
    })
}

fn parse(colour: &str) -> Option<Rgb> {
    let digits = colour
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([channel(0)?, channel(2)?, channel(4)?])
}
