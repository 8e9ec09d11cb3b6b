//! Colours to calculate with: mixing them, and moving one until it can be read on others.
//!
//! How contrast is measured belongs to `sites::structure`; here is only what a stylesheet needs.

use crate::sites::structure::contrast;

/// The least contrast that is still comfortable for running text; a little above the rule's 4.5, so
/// that rounding to whole channels cannot fall below it.
const READABLE: f64 = 4.6;

/// An opaque colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

impl Colour {
    pub const BLACK: Colour = Colour([0; 3]);
    pub const WHITE: Colour = Colour([255; 3]);

    /// Reads exactly `#rrggbb`.
    pub fn parse(hex: &str) -> Option<Colour> {
        let digits = hex.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Colour([channel(0)?, channel(2)?, channel(4)?]))
    }

    pub fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// `percent` of the way to another colour.
    pub fn toward(self, other: Colour, percent: u16) -> Colour {
        let percent = percent.min(100);
        Colour(std::array::from_fn(|at| {
            let (from, to) = (u16::from(self.0[at]), u16::from(other.0[at]));
            u8::try_from((from * (100 - percent) + to * percent + 50) / 100).unwrap_or(u8::MAX)
        }))
    }

    /// From 1 to 21.
    pub fn contrast(self, other: Colour) -> f64 {
        contrast(&self.hex(), &other.hex()).unwrap_or(1.0)
    }

    pub fn is_dark(self) -> bool {
        self.contrast(Colour::WHITE) > self.contrast(Colour::BLACK)
    }

    /// This colour, moved towards another in small steps until it can be read on all grounds; black or
    /// white when even the other one cannot.
    pub fn readable_on(self, grounds: &[Colour], toward: Colour) -> Colour {
        let least = |colour: Colour| {
            grounds
                .iter()
                .map(|ground| colour.contrast(*ground))
                .fold(f64::INFINITY, f64::min)
        };
        (0..=20)
            .map(|step| self.toward(toward, step * 5))
            .find(|colour| least(*colour) >= READABLE)
            .unwrap_or(if least(Colour::BLACK) >= least(Colour::WHITE) {
                Colour::BLACK
            } else {
                Colour::WHITE
            })
    }
}
