//! Decodes one JSON string while it arrives, wherever the chunks are cut.
//!
//! Unpaired surrogates become U+FFFD: a model that cuts an emoji in half should not lose a page.
//! The repair is written into the received bytes too, so serde_json reads the very same text.

use super::error::{Error, Fault};
use std::str;

/// The string that is being read. One is reused for all, and so is its buffer.
#[derive(Default)]
pub(super) struct Text {
    /// Whether anybody wants the text; otherwise it is only checked.
    wanted: bool,
    /// Where the plain bytes start that are not decoded yet; of no meaning inside an escape.
    run: usize,
    escape: Escape,
    /// A high surrogate waiting for its low one: where its digits stand, and its value.
    high: Option<(usize, u16)>,
    /// The decoded text that nobody has taken yet.
    pub(super) decoded: String,
}

#[derive(Default, Clone, Copy)]
enum Escape {
    #[default]
    None,
    /// Behind the backslash.
    Begun,
    /// Inside the four digits that start at `from`.
    Digits { from: usize, value: u16 },
}

impl Text {
    /// Starts a string whose first byte behind the quote stands at `at`.
    pub(super) fn open(&mut self, at: usize, wanted: bool) {
        self.wanted = wanted;
        self.run = at;
        self.escape = Escape::None;
        self.high = None;
        self.decoded.clear();
    }

    /// Reads on from `at` and at most up to `end`. Whether the string closed, in which case `at`
    /// stands behind its quote.
    pub(super) fn advance(&mut self, bytes: &mut [u8], at: &mut usize, end: usize) -> Result<bool, Error> {
        while *at < end {
            let byte = bytes[*at];
            match self.escape {
                Escape::None => {
                    if byte != b'\\'
                        && let Some((digits, _)) = self.high.take()
                    {
                        self.replace(bytes, digits);
                    }
                    let special = bytes[*at..end].iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20));
                    let Some(plain) = special else {
                        *at = end;
                        return Ok(false);
                    };
                    *at += plain;
                    match bytes[*at] {
                        b'"' => {
                            self.decode(bytes, *at, true)?;
                            *at += 1;
                            return Ok(true);
                        }
                        b'\\' => {
                            self.decode(bytes, *at, true)?;
                            self.escape = Escape::Begun;
                        }
                        control => {
                            return Err(Error {
                                fault: Fault::ControlCharacter(control),
                                at: *at,
                            });
                        }
                    }
                }
                Escape::Begun => self.escaped(bytes, byte, *at)?,
                Escape::Digits { from, value } => self.digit(bytes, byte, *at, from, value)?,
            }
            *at += 1;
        }
        Ok(false)
    }

    /// Decodes the plain bytes before `end`. Unless they are `complete`, a character whose last
    /// bytes are still to come stays undecoded.
    pub(super) fn decode(&mut self, bytes: &[u8], end: usize, complete: bool) -> Result<(), Error> {
        if !matches!(self.escape, Escape::None) {
            return Ok(());
        }
        let run = &bytes[self.run..end];
        let (valid, fault) = match str::from_utf8(run) {
            Ok(text) => (text, false),
            Err(error) => {
                let valid = str::from_utf8(&run[..error.valid_up_to()]).unwrap_or_default();
                (valid, complete || error.error_len().is_some())
            }
        };
        if self.wanted {
            self.decoded.push_str(valid);
        }
        self.run += valid.len();
        if fault {
            Err(Error {
                fault: Fault::NotUtf8,
                at: self.run,
            })
        } else {
            Ok(())
        }
    }

    fn escaped(&mut self, bytes: &mut [u8], byte: u8, at: usize) -> Result<(), Error> {
        let character = match byte {
            b'u' => {
                self.escape = Escape::Digits { from: at + 1, value: 0 };
                return Ok(());
            }
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            found => {
                return Err(Error {
                    fault: Fault::Unexpected {
                        expected: "an escape",
                        found,
                    },
                    at,
                });
            }
        };
        if let Some((digits, _)) = self.high.take() {
            self.replace(bytes, digits);
        }
        self.push(character);
        self.end_escape(at);
        Ok(())
    }

    fn digit(&mut self, bytes: &mut [u8], found: u8, at: usize, from: usize, value: u16) -> Result<(), Error> {
        let Some(digit) = char::from(found).to_digit(16) else {
            return Err(Error {
                fault: Fault::Unexpected {
                    expected: "a hexadecimal digit",
                    found,
                },
                at,
            });
        };
        let value = value << 4 | digit as u16;
        if at < from + 3 {
            self.escape = Escape::Digits { from, value };
            return Ok(());
        }
        self.end_escape(at);
        match (self.high.take(), value) {
            (Some((_, high)), 0xdc00..=0xdfff) => {
                let pair = char::decode_utf16([high, value]).next();
                self.push(pair.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (before, _) => {
                if let Some((digits, _)) = before {
                    self.replace(bytes, digits);
                }
                match char::from_u32(u32::from(value)) {
                    Some(character) => self.push(character),
                    None if value < 0xdc00 => self.high = Some((from, value)),
                    None => self.replace(bytes, from),
                }
            }
        }
        Ok(())
    }

    /// Turns the surrogate whose digits stand at `digits` into U+FFFD, in the text and in the bytes.
    fn replace(&mut self, bytes: &mut [u8], digits: usize) {
        bytes[digits..digits + 4].copy_from_slice(b"fffd");
        self.push(char::REPLACEMENT_CHARACTER);
    }

    fn push(&mut self, character: char) {
        if self.wanted {
            self.decoded.push(character);
        }
    }

    fn end_escape(&mut self, at: usize) {
        self.escape = Escape::None;
        self.run = at + 1;
    }
}
