//! Pictures until there are pictures: quiet compositions made from the site's colours.
//!
//! The same site and the same description always give the same drawing, and a site stays within two
//! families of drawings, so that its pages look like one hand. They show nothing in particular on
//! purpose: a drawing that pretended to be the shop would be a claim.

use maud::{Markup, html};

use super::colour::Colour;
use super::icon;
use super::theme::Colours;

/// A deterministic sequence of choices (splitmix64, seeded by FNV-1a).
pub(super) struct Dice(u64);

impl Dice {
    pub fn new(words: &[&str]) -> Dice {
        let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
        Dice(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// A number from `low` to `high`.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        // 2^20 steps are finer than a pixel and exact in a float.
        let step = u32::try_from(self.next() >> 44).unwrap_or(0);
        low + (high - low) * f64::from(step) / f64::from(1_u32 << 20)
    }
}

/// What a drawing is made with.
struct Sheet {
    width: f64,
    height: f64,
    ground: Colour,
    /// From quiet to strong.
    tones: [Colour; 5],
    dice: Dice,
}

/// A drawing `width` by `height`. `alt` is read out; without it, the drawing is decoration.
pub(super) fn draw(colours: &Colours, site: &str, subject: &str, alt: &str, (width, height): (u32, u32)) -> Markup {
    let mut family = Dice::new(&[site, "family"]);
    let families = [family.below(5), family.below(5)];
    let mut dice = Dice::new(&[site, subject]);
    let family = families[usize::from(dice.below(3) == 0)];
    // A wide wall of one motif is wallpaper; a small piece is a print.
    let is_small = width * 2 < height * 3;
    let motif = icon::motif(subject).filter(|_| is_small && dice.below(3) == 0);
    let sheet = Sheet {
        width: f64::from(width),
        height: f64::from(height),
        ground: colours.surface.toward(colours.accent, 12),
        tones: [
            colours.surface.toward(colours.accent, 30),
            colours.surface.toward(colours.primary, 26),
            colours.accent.toward(colours.surface, 22),
            colours.primary.toward(colours.surface, 34),
            colours.primary.toward(Colour::BLACK, 14),
        ],
        dice,
    };
    let ground = sheet.ground.hex();
    let shapes = match (motif, family) {
        (Some(motif), _) => print(sheet, motif),
        (None, 0) => hills(sheet),
        (None, 1) => tiles(sheet),
        (None, 2) => still_life(sheet),
        (None, 3) => arcs(sheet),
        (None, _) => folds(sheet),
    };
    let label = (!alt.is_empty()).then_some(alt);
    html! {
        svg.art viewBox=(format!("0 0 {width} {height}")) preserveAspectRatio="xMidYMid slice" focusable="false"
            role=[label.map(|_| "img")] aria-label=[label] aria-hidden=[label.is_none().then_some("true")] {
            rect width=(width) height=(height) fill=(ground) {}
            (shapes)
        }
    }
}

fn path(d: &str, fill: Colour) -> Markup {
    html! { path d=(d) fill=(fill.hex()) {} }
}

fn circle(x: f64, y: f64, radius: f64, fill: Colour) -> Markup {
    html! { circle cx=(format!("{x:.0}")) cy=(format!("{y:.0}")) r=(format!("{radius:.0}")) fill=(fill.hex()) {} }
}

/// A motif in rows, every other row shifted by half, as on a printed cloth.
fn print(mut sheet: Sheet, motif: &str) -> Markup {
    let (ground, ink) = [(4, 0), (0, 4), (3, 0), (1, 4), (2, 4)][sheet.dice.below(5)];
    let (ground, ink) = (sheet.tones[ground], sheet.tones[ink]);
    // Drawings are 24 wide.
    let pitch = sheet.height.min(sheet.width) / sheet.dice.between(2.6, 4.4);
    let scale = pitch * 0.56 / 24.0;
    let mut marks = Vec::new();
    let (mut y, mut row) = (-pitch * 0.35, 0.0);
    while y < sheet.height {
        let mut x = pitch * (row * 0.5 - 0.75);
        while x < sheet.width {
            marks.push(format!("translate({x:.0} {y:.0}) scale({scale:.2})"));
            x += pitch;
        }
        y += pitch * 0.86;
        row = 1.0 - row;
    }
    html! {
        (path(&format!("M0 0H{:.0}V{:.0}H0Z", sheet.width, sheet.height), ground))
        g fill="none" stroke=(ink.hex()) stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" {
            @for mark in marks { path transform=(mark) d=(motif) {} }
        }
    }
}

/// A low sun over layers of land.
fn hills(mut sheet: Sheet) -> Markup {
    let (w, h) = (sheet.width, sheet.height);
    let (x, y) = (sheet.dice.between(0.2, 0.8) * w, sheet.dice.between(0.26, 0.42) * h);
    let sun = circle(x, y, sheet.dice.between(0.06, 0.11) * w.min(h) * 1.2, sheet.tones[2]);
    let layers: Vec<Markup> = [0, 1, 3, 4]
        .into_iter()
        .enumerate()
        .map(|(number, tone)| {
            let level = h * [0.5, 0.62, 0.75, 0.88][number];
            let swing = h * 0.09;
            let mut bend = || level + sheet.dice.between(-swing, swing);
            let d = format!(
                "M0 {:.0}C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}S{:.0} {:.0} {w:.0} {:.0}V{h:.0}H0Z",
                bend(),
                w * 0.16,
                bend(),
                w * 0.34,
                bend(),
                w * 0.52,
                bend(),
                w * 0.84,
                bend(),
                bend(),
            );
            path(&d, sheet.tones[tone])
        })
        .collect();
    html! { (sun) @for layer in layers { (layer) } }
}

/// Quarters, halves and wholes of circles, laid like tiles.
fn tiles(mut sheet: Sheet) -> Markup {
    let rows = if sheet.width > sheet.height * 1.9 { 2.0 } else { 3.0 };
    let side = sheet.height / rows;
    let mut shapes = Vec::new();
    let mut y = 0.0;
    while y < sheet.height - 1.0 {
        let mut x = 0.0;
        while x < sheet.width - 1.0 {
            let tone = sheet.dice.below(5);
            let other = (tone + 1 + sheet.dice.below(4)) % 5;
            let (fill, ground) = (sheet.tones[tone], sheet.tones[other].toward(sheet.ground, 55));
            let (r, b) = (x + side, y + side);
            shapes.push(path(&format!("M{x:.1} {y:.1}H{r:.1}V{b:.1}H{x:.1}Z"), ground));
            match sheet.dice.below(7) {
                0 => shapes.push(path(
                    &format!("M{x:.1} {y:.1}H{r:.1}A{side:.1} {side:.1} 0 0 1 {x:.1} {b:.1}Z"),
                    fill,
                )),
                1 => shapes.push(path(
                    &format!("M{r:.1} {b:.1}H{x:.1}A{side:.1} {side:.1} 0 0 1 {r:.1} {y:.1}Z"),
                    fill,
                )),
                2 => shapes.push(path(
                    &format!("M{x:.1} {b:.1}V{y:.1}A{side:.1} {side:.1} 0 0 1 {r:.1} {b:.1}Z"),
                    fill,
                )),
                3 => shapes.push(circle(x + side / 2.0, y + side / 2.0, side * 0.36, fill)),
                4 => shapes.push(path(
                    &format!("M{x:.1} {b:.1}A{0:.1} {0:.1} 0 0 1 {r:.1} {b:.1}Z", side / 2.0),
                    fill,
                )),
                _ => {}
            }
            x += side;
        }
        y += side;
    }
    html! { @for shape in shapes { (shape) } }
}

/// An arch, a bowl and a round thing on a table.
fn still_life(mut sheet: Sheet) -> Markup {
    let (w, h) = (sheet.width, sheet.height);
    let table = h * sheet.dice.between(0.66, 0.76);
    let unit = w.min(h * 1.4);
    let mirrored = sheet.dice.below(2) == 0;
    let place = |share: f64| if mirrored { w * (1.0 - share) } else { w * share };
    let arch_x = place(sheet.dice.between(0.3, 0.4));
    let half = unit * sheet.dice.between(0.15, 0.2);
    let top = table - unit * sheet.dice.between(0.28, 0.36);
    let arch = format!(
        "M{:.0} {table:.0}V{top:.0}A{half:.0} {half:.0} 0 0 1 {:.0} {top:.0}V{table:.0}Z",
        arch_x - half,
        arch_x + half,
    );
    let bowl_x = place(sheet.dice.between(0.56, 0.66));
    let bowl = unit * sheet.dice.between(0.13, 0.17);
    let bowl_d = format!(
        "M{:.0} {:.0}H{:.0}A{bowl:.0} {bowl:.0} 0 0 1 {:.0} {:.0}Z",
        bowl_x - bowl,
        table - bowl * 0.86,
        bowl_x + bowl,
        bowl_x - bowl,
        table - bowl * 0.86,
    );
    let fruit = unit * sheet.dice.between(0.05, 0.075);
    html! {
        (circle(place(0.8), h * 0.3, unit * 0.13, sheet.tones[0]))
        (path(&format!("M0 {table:.0}H{w:.0}V{h:.0}H0Z"), sheet.tones[1]))
        (path(&arch, sheet.tones[3]))
        (path(&bowl_d, sheet.tones[4]))
        (path(&format!("M{:.0} {:.0}h{:.0}v{:.0}h-{2:.0}Z", bowl_x - bowl * 0.4, table - bowl * 0.03, bowl * 0.8, bowl * 0.1), sheet.tones[4]))
        (circle(place(0.84), table - fruit * 0.7, fruit, sheet.tones[2]))
        (circle(bowl_x - bowl * 0.35, table - bowl * 0.86 - fruit * 0.62, fruit, sheet.tones[2]))
        (path(&format!("M{:.0} {:.0}H{:.0}A{bowl:.0} {bowl:.0} 0 0 1 {:.0} {:.0}Z", bowl_x - bowl, table - bowl * 0.86, bowl_x + bowl, bowl_x - bowl, table - bowl * 0.86), sheet.tones[4]))
    }
}

/// Rings around a point outside of the middle.
fn arcs(mut sheet: Sheet) -> Markup {
    let (w, h) = (sheet.width, sheet.height);
    let x = if sheet.dice.below(2) == 0 {
        w * sheet.dice.between(0.06, 0.3)
    } else {
        w * sheet.dice.between(0.7, 0.94)
    };
    let y = h * sheet.dice.between(0.94, 1.06);
    let reach = w.max(h) * sheet.dice.between(0.72, 0.86);
    let first = sheet.dice.below(2);
    let tones = [[0, 1, 4], [1, 3, 2]][first];
    html! {
        @for (tone, share) in tones.into_iter().zip([1.0, 0.66, 0.33]) {
            (circle(x, y, reach * share, sheet.tones[tone]))
        }
        (path(&format!("M0 {0:.0}H{w:.0}V{h:.0}H0Z", h * 0.9), sheet.tones[[3, 4][first]]))
    }
}

/// Sheets of paper, folded over each other.
fn folds(mut sheet: Sheet) -> Markup {
    let (w, h) = (sheet.width, sheet.height);
    let lean = w * sheet.dice.between(0.14, 0.26) * if sheet.dice.below(2) == 0 { 1.0 } else { -1.0 };
    let mut x = w * sheet.dice.between(0.12, 0.22);
    let mut sheets = Vec::new();
    for tone in [0, 1, 3, 4] {
        let d = format!("M{:.0} 0H{:.0}V{h:.0}H{:.0}Z", x + lean, w * 1.3, x - lean);
        sheets.push(path(&d, sheet.tones[tone]));
        x += w * sheet.dice.between(0.16, 0.25);
    }
    let disc = circle(
        w * sheet.dice.between(0.25, 0.5),
        h * sheet.dice.between(0.32, 0.6),
        w.min(h) * 0.17,
        sheet.tones[2],
    );
    html! { @for sheet in sheets { (sheet) } (disc) }
}
