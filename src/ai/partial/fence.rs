//! What may stand around the object: white space, and the Markdown fence that models like to add.
//!
//! Prose around the object is refused: it would be guesswork which of its braces is meant.

/// Reads what stands before and behind the object.
#[derive(Default)]
pub(super) struct Fence {
    /// Whether an opening fence was seen.
    fenced: bool,
    place: Place,
}

#[derive(Default, Clone, Copy)]
enum Place {
    /// In front of everything.
    #[default]
    Front,
    /// In the opening fence, behind so many ticks.
    Opening(usize),
    /// Behind so many letters of the fence's language.
    Language(usize),
    /// Behind the opening fence.
    Opened,
    /// Behind the object and so many ticks of the closing fence.
    Closing(usize),
}

const TICKS: usize = 3;
const LANGUAGE: &[u8] = b"json";

impl Fence {
    /// One byte before the object. Whether the object starts with it, or else what was expected.
    pub(super) fn before(&mut self, byte: u8) -> Result<bool, &'static str> {
        let white = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.place = match (self.place, byte) {
            (Place::Front | Place::Opened | Place::Language(0 | 4), b'{') => {
                self.place = Place::Closing(0);
                return Ok(true);
            }
            (Place::Front | Place::Opened, _) if white => self.place,
            (Place::Front, b'`') => Place::Opening(1),
            (Place::Opening(ticks), b'`') if ticks + 1 < TICKS => Place::Opening(ticks + 1),
            (Place::Opening(_), b'`') => {
                self.fenced = true;
                Place::Language(0)
            }
            (Place::Opening(_), _) => return Err("a fence of three ticks"),
            (Place::Language(0 | 4), _) if white => Place::Opened,
            (Place::Language(letters), _) => match LANGUAGE.get(letters) {
                Some(letter) if byte.eq_ignore_ascii_case(letter) => Place::Language(letters + 1),
                _ => return Err("the language json"),
            },
            _ => return Err("an object"),
        };
        Ok(false)
    }

    /// One byte behind the object, or else what was expected.
    pub(super) fn after(&mut self, byte: u8) -> Result<(), &'static str> {
        match (self.place, byte) {
            (Place::Closing(ticks), b'`') if self.fenced && ticks < TICKS => {
                self.place = Place::Closing(ticks + 1);
                Ok(())
            }
            (Place::Closing(0 | TICKS), b' ' | b'\n' | b'\r' | b'\t') => Ok(()),
            _ => Err("nothing after the object"),
        }
    }

    /// Whether the reply may end behind the object: the closing fence may be missing, but not be
    /// half there.
    pub(super) fn may_end(&self) -> bool {
        matches!(self.place, Place::Closing(0 | TICKS))
    }
}
