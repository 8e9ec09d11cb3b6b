//! The site's palette and fonts as values of the stylesheet, and the policy that admits only those.
//!
//! Everything a page looks like is one `<style>` element: the theme's values, then the hand-written
//! stylesheet. The policy names that element by its hash, so a file opened from a disk and a page
//! served by us obey the same rules and nothing that text could smuggle in is applied.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::colour::Colour;
use super::font::{self, Class};
use crate::sites::structure::{Palette, Theme};

const STYLESHEET: &str = include_str!("style.css");

/// The value of `Content-Security-Policy` for pages of this theme: no scripts, no forms, no frames,
/// this one stylesheet, pictures from https. Pages carry it themselves; a server sends it as a header
/// too and adds `frame-ancestors`, which counts only there.
pub fn content_security_policy(theme: &Theme) -> String {
    let hash = STANDARD.encode(Sha256::digest(style_sheet(theme).as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; img-src https: data:; base-uri 'none'; form-action 'none'")
}

/// The whole content of the page's `<style>` element.
pub(super) fn style_sheet(theme: &Theme) -> String {
    let colours = Colours::of(&theme.palette);
    let manners = Class::of(&theme.fonts.heading).manners();
    let scheme = if colours.background.is_dark() { "dark" } else { "light" };
    let mut root = format!(":root{{color-scheme:{scheme}");
    for (name, colour) in colours.named() {
        root.push_str(&format!(";--{name}:{}", colour.hex()));
    }
    for (name, value) in [
        ("heading-font", font::stack(&theme.fonts.heading).as_str()),
        ("body-font", font::stack(&theme.fonts.body).as_str()),
        ("heading-weight", manners.weight),
        ("heading-spacing", manners.spacing),
        ("heading-size", manners.size),
        ("radius", manners.radius),
    ] {
        root.push_str(&format!(";--{name}:{value}"));
    }
    format!("{root}}}\n{STYLESHEET}")
}

/// The palette, and what follows from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    pub background: Colour,
    pub surface: Colour,
    pub text: Colour,
    pub primary: Colour,
    pub accent: Colour,
    /// Text on the primary colour.
    pub on_primary: Colour,
    /// Links, readable on background and surface.
    pub link: Colour,
    /// Small coloured words, readable on background and surface.
    pub accent_ink: Colour,
    /// Quiet text, still readable.
    pub muted: Colour,
    /// Hairlines.
    pub line: Colour,
    /// Behind what must be confirmed.
    pub open: Colour,
    pub on_open: Colour,
}

impl Colours {
    /// A value that is no colour becomes that of the default palette.
    pub fn of(palette: &Palette) -> Colours {
        let default = Palette::default();
        let read = |hex: &str, spare: &str| {
            Colour::parse(hex)
                .or_else(|| Colour::parse(spare))
                .unwrap_or(Colour::BLACK)
        };
        let background = read(&palette.background, &default.background);
        let surface = read(&palette.surface, &default.surface);
        let grounds = [background, surface];
        let pole = if background.is_dark() {
            Colour::WHITE
        } else {
            Colour::BLACK
        };
        let text = read(&palette.text, &default.text).readable_on(&grounds, pole);
        let primary = read(&palette.primary, &default.primary);
        let accent = read(&palette.accent, &default.accent);
        let open = background.toward(accent, 22);
        Colours {
            background,
            surface,
            text,
            primary,
            accent,
            on_primary: background.readable_on(&[primary], Colour::WHITE),
            link: primary.readable_on(&grounds, text),
            accent_ink: accent.readable_on(&grounds, text),
            muted: text.toward(background, 34).readable_on(&grounds, text),
            line: background.toward(text, 15),
            open,
            on_open: text.readable_on(&[open], pole),
        }
    }

    fn named(self) -> [(&'static str, Colour); 12] {
        [
            ("background", self.background),
            ("surface", self.surface),
            ("text", self.text),
            ("primary", self.primary),
            ("accent", self.accent),
            ("on-primary", self.on_primary),
            ("link", self.link),
            ("accent-ink", self.accent_ink),
            ("muted", self.muted),
            ("line", self.line),
            ("open", self.open),
            ("on-open", self.on_open),
        ]
    }
}
