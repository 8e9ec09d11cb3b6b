//! Walks the bytes of a reply once and tells what closed, what opened and which text came in.
//!
//! It checks the whole grammar as it goes, so that nonsense stops a call at its first wrong byte and
//! nothing closes that is not complete. Repairing broken JSON is absent: a reply is right or asked for again.

use super::error::{Error, Fault};
use super::event::{Event, MAX_DEPTH, MAX_ELEMENT, MAX_TOTAL, Path};
use super::fence::Fence;
use super::frame::Frame;
use super::number::Number;
use super::text::Text;
use serde_json::Value;
use std::ops::Range;

/// Reads one reply. After an error every further call returns that error.
pub struct Scanner {
    /// The key of the root object whose array is watched.
    watched: &'static str,
    /// Everything received, so that an index is also an offset in the reply.
    bytes: Vec<u8>,
    /// The next byte to read.
    at: usize,
    step: Step,
    /// The open objects and arrays, the root first.
    stack: Vec<Frame>,
    /// The string being read, and what it is for.
    text: Text,
    role: Role,
    /// Where the string being read stands in its element; made when its first text goes out.
    path: Option<Path>,
    /// Whether the watched array is open, and whether it ever was.
    watching: bool,
    seen: bool,
    /// Where the open element starts, and whether its `kind` was met.
    element: usize,
    kind_seen: bool,
    /// The first offset that would make the open element too long.
    limit: usize,
    /// What stands around the document, and where in the reply that is.
    fence: Fence,
    document: Range<usize>,
    failed: Option<Error>,
}

/// What may come next.
#[derive(Clone, Copy)]
enum Step {
    /// What stands in front of the document.
    Before,
    Value,
    FirstItem,
    FirstKey,
    Key,
    Colon,
    /// A comma or the end of what is open.
    Next,
    /// The rest of `true`, `false` or `null`.
    Literal(&'static [u8]),
    Number(Number),
    Text,
    /// What stands behind the document.
    After,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// A key that is part of a path, or one of the root's.
    Key,
    Kind,
    Text,
    /// A key or value that nobody asks for.
    Other {
        key: bool,
    },
}

/// Levels that are open while an element is awaited: the root object and the watched array.
const OUTSIDE: usize = 2;

impl Scanner {
    /// A scanner that watches the array under this key of the root object.
    pub fn new(watched: &'static str) -> Self {
        Scanner {
            watched,
            bytes: Vec::new(),
            at: 0,
            step: Step::Before,
            stack: Vec::new(),
            text: Text::default(),
            role: Role::Other { key: false },
            path: None,
            watching: false,
            seen: false,
            element: 0,
            kind_seen: false,
            limit: usize::MAX,
            fence: Fence::default(),
            document: 0..0,
            failed: None,
        }
    }

    /// Reads the next bytes, cut anywhere, and appends what happened in them. The events before an
    /// error are appended too.
    pub fn feed(&mut self, chunk: impl AsRef<[u8]>, events: &mut Vec<Event>) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let chunk = chunk.as_ref();
        let fits = chunk.len().min(MAX_TOTAL - self.bytes.len());
        self.bytes.extend_from_slice(&chunk[..fits]);
        let mut result = self.run(events);
        if matches!(self.step, Step::Text) {
            // Bytes that are not UTF-8 stand before whatever else is wrong.
            result = self.text.decode(&self.bytes, self.at, false).and(result);
            self.say(events);
        }
        if result.is_ok() && fits < chunk.len() {
            result = Err(Error {
                fault: Fault::TooLong,
                at: MAX_TOTAL,
            });
        }
        self.failed = result.as_ref().err().cloned();
        result
    }

    /// Ends the reply and returns its root object whole, the watched array included.
    pub fn finish(self) -> Result<Value, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.step {
            Step::After if self.fence.may_end() => parse(&self.bytes, self.document),
            _ => Err(Error {
                fault: Fault::Truncated,
                at: self.bytes.len(),
            }),
        }
    }

    fn run(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        while self.at < self.bytes.len() {
            if self.at >= self.limit {
                return Err(self.fault(Fault::ElementTooLong));
            }
            if matches!(self.step, Step::Text) {
                let end = self.bytes.len().min(self.limit);
                if self.text.advance(&mut self.bytes, &mut self.at, end)? {
                    self.end_text(events)?;
                }
            } else {
                self.byte(self.bytes[self.at], events)?;
            }
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8, events: &mut Vec<Event>) -> Result<(), Error> {
        match (self.step, byte) {
            (Step::Literal(rest), _) => self.literal(rest, byte)?,
            (Step::Number(number), _) => match number.with(byte) {
                Some(number) => self.step = Step::Number(number),
                None if number.is_whole() => {
                    // This byte belongs to what follows the number.
                    self.step = Step::Next;
                    return Ok(());
                }
                None => return Err(self.expected("the rest of a number")),
            },
            (Step::Before, _) => match self.fence.before(byte) {
                Ok(true) => self.open_root(),
                Ok(false) => {}
                Err(expected) => return Err(self.expected(expected)),
            },
            (Step::After, _) => self.fence.after(byte).map_err(|expected| self.expected(expected))?,
            (_, b' ' | b'\n' | b'\r' | b'\t') => {}
            (Step::FirstItem, b']') | (Step::FirstKey, b'}') => self.close(events)?,
            (Step::Value | Step::FirstItem, _) => self.value(byte, events)?,
            (Step::FirstKey | Step::Key, b'"') => {
                let named = self.in_element() || self.stack.len() == 1;
                self.open_text(if named { Role::Key } else { Role::Other { key: true } });
            }
            (Step::FirstKey, _) => return Err(self.expected("a key or the end of the object")),
            (Step::Key, _) => return Err(self.expected("a key")),
            (Step::Colon, b':') => self.step = Step::Value,
            (Step::Colon, _) => return Err(self.expected("a colon")),
            (Step::Next, _) => self.next(byte, events)?,
            (Step::Text, _) => {}
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, byte: u8, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.stack.as_slice() {
            [Frame::Object(key)] if key == self.watched => {
                if byte != b'[' {
                    return Err(self.expected("an array under the watched key"));
                }
                self.seen = true;
                self.watching = true;
            }
            [_, Frame::Array(index)] if self.watching => {
                if byte != b'{' {
                    return Err(self.expected("an object as element"));
                }
                events.push(Event::Opened { index: *index });
                self.element = self.at;
                self.limit = self.at + MAX_ELEMENT;
                self.kind_seen = false;
            }
            _ => {}
        }
        match byte {
            b'{' => self.open(Frame::Object(String::new()), Step::FirstKey)?,
            b'[' => self.open(Frame::Array(0), Step::FirstItem)?,
            b'"' => self.open_text(match self.stack.as_slice() {
                [_, _, Frame::Object(key)] if self.watching && key == "kind" => Role::Kind,
                _ if self.in_element() => Role::Text,
                _ => Role::Other { key: false },
            }),
            b't' => self.step = Step::Literal(b"rue"),
            b'f' => self.step = Step::Literal(b"alse"),
            b'n' => self.step = Step::Literal(b"ull"),
            _ => match Number::start(byte) {
                Some(number) => self.step = Step::Number(number),
                None => return Err(self.expected("a value")),
            },
        }
        Ok(())
    }

    fn literal(&mut self, rest: &'static [u8], byte: u8) -> Result<(), Error> {
        match rest.split_first() {
            Some((first, [])) if *first == byte => self.step = Step::Next,
            Some((first, rest)) if *first == byte => self.step = Step::Literal(rest),
            _ => return Err(self.expected("the rest of true, false or null")),
        }
        Ok(())
    }

    fn next(&mut self, byte: u8, events: &mut Vec<Event>) -> Result<(), Error> {
        match (self.stack.last_mut(), byte) {
            (Some(Frame::Array(index)), b',') => {
                *index += 1;
                self.step = Step::Value;
            }
            (Some(Frame::Object(_)), b',') => self.step = Step::Key,
            (Some(Frame::Array(_)), b']') | (Some(Frame::Object(_)), b'}') => self.close(events)?,
            (Some(Frame::Array(_)), _) => {
                return Err(self.expected("a comma or the end of the array"));
            }
            _ => return Err(self.expected("a comma or the end of the object")),
        }
        Ok(())
    }

    fn open_root(&mut self) {
        self.document.start = self.at;
        self.stack.push(Frame::Object(String::new()));
        self.step = Step::FirstKey;
    }

    fn open(&mut self, frame: Frame, step: Step) -> Result<(), Error> {
        if self.stack.len() == MAX_DEPTH {
            return Err(self.fault(Fault::TooDeep));
        }
        self.stack.push(frame);
        self.step = step;
        Ok(())
    }

    fn close(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        self.stack.pop();
        self.step = Step::Next;
        match self.stack.as_slice() {
            [] if !self.seen => return Err(self.fault(Fault::Missing(self.watched))),
            [] => {
                self.document.end = self.at + 1;
                self.step = Step::After;
            }
            [_] => self.watching = false,
            [_, Frame::Array(index)] if self.watching => {
                let value = parse(&self.bytes, self.element..self.at + 1)?;
                events.push(Event::Closed { index: *index, value });
                self.limit = usize::MAX;
            }
            _ => {}
        }
        Ok(())
    }

    fn open_text(&mut self, role: Role) {
        self.text.open(self.at + 1, !matches!(role, Role::Other { .. }));
        self.role = role;
        self.path = None;
        self.step = Step::Text;
    }

    fn end_text(&mut self, events: &mut Vec<Event>) -> Result<(), Error> {
        self.step = if matches!(self.role, Role::Key | Role::Other { key: true }) {
            Step::Colon
        } else {
            Step::Next
        };
        match self.role {
            Role::Key => self.end_key()?,
            Role::Kind => {
                let kind = std::mem::take(&mut self.text.decoded);
                events.push(Event::Kind {
                    index: self.index(),
                    kind,
                });
            }
            Role::Text => self.say(events),
            Role::Other { .. } => {}
        }
        Ok(())
    }

    fn end_key(&mut self) -> Result<(), Error> {
        let key = &self.text.decoded;
        let once = match self.stack.len() {
            1 if key == self.watched => Some((self.watched, self.seen)),
            3 if key == "kind" => Some(("kind", std::mem::replace(&mut self.kind_seen, true))),
            _ => None,
        };
        if let Some((key, true)) = once {
            // What was announced from the first one would be untrue.
            return Err(self.fault(Fault::Twice(key)));
        }
        if let Some(Frame::Object(current)) = self.stack.last_mut() {
            current.clone_from(key);
        }
        Ok(())
    }

    /// Hands out the decoded text of the open string.
    fn say(&mut self, events: &mut Vec<Event>) {
        if self.role != Role::Text || self.text.decoded.is_empty() {
            return;
        }
        let (index, inside) = (self.index(), &self.stack[OUTSIDE..]);
        let path = self
            .path
            .get_or_insert_with(|| inside.iter().map(Frame::name).collect());
        events.push(Event::Text {
            index,
            path: path.clone(),
            text: self.text.decoded.as_str().to_owned(),
        });
        self.text.decoded.clear();
    }

    fn in_element(&self) -> bool {
        self.watching && self.stack.len() > OUTSIDE
    }

    /// The open element's place in the watched array.
    fn index(&self) -> usize {
        if let Some(Frame::Array(index)) = self.stack.get(1) {
            *index
        } else {
            0
        }
    }

    fn fault(&self, fault: Fault) -> Error {
        Error { fault, at: self.at }
    }

    fn expected(&self, expected: &'static str) -> Error {
        self.fault(Fault::Unexpected {
            expected,
            found: self.bytes.get(self.at).copied().unwrap_or_default(),
        })
    }
}

fn parse(bytes: &[u8], range: Range<usize>) -> Result<Value, Error> {
    let at = range.start;
    serde_json::from_slice(&bytes[range]).map_err(|error| Error {
        fault: Fault::Value(error.to_string()),
        at,
    })
}
