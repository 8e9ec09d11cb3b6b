//! Reads untrusted JSON by its shape: repairs what has one sensible repair, reports the rest.
//!
//! An optional part that is unusable is left out; a list that stays long enough loses its incomplete
//! items; only what is required and missing is a problem. Reading a result again changes nothing.

use serde_json::{Map, Value};

use super::shape::{Form, Object, Shape, Text};
use crate::sites::problem::{Constraint, Problem, place};
use crate::sites::{markdown, text, url};

/// Collects what was repaired and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub problems: Vec<Problem>,
    /// One sentence a repair, for logs.
    pub repairs: Vec<String>,
    path: Vec<String>,
}

/// What was read, and whether it says anything.
struct Read {
    value: Value,
    says_something: bool,
}

impl Read {
    const NOTHING: Read = Read {
        value: Value::Null,
        says_something: false,
    };

    fn something(value: impl Into<Value>) -> Read {
        Read {
            value: value.into(),
            says_something: true,
        }
    }

    fn silent(value: impl Into<Value>) -> Read {
        Read {
            value: value.into(),
            says_something: false,
        }
    }
}

impl Reader {
    /// The value in the given shape. It is usable when `problems` is empty afterwards.
    pub fn read(&mut self, shape: &Shape, value: Value) -> Value {
        self.value(shape, value).value
    }

    fn value(&mut self, shape: &Shape, value: Value) -> Read {
        match shape {
            Shape::Text(text) => self.text(text, value),
            Shape::Choice { words, default } => self.choice(words, default.as_deref(), value),
            Shape::Flag => Read::silent(value == Value::Bool(true) || value == "true"),
            Shape::List { item, min, max } => self.list(item, *min, *max, value),
            Shape::Object(object) => self.object(object, value),
            Shape::Unknown => Read::NOTHING,
        }
    }

    fn text(&mut self, shape: &Text, value: Value) -> Read {
        if let Some(text) = self.clean(shape, value) {
            return Read::something(text);
        }
        if shape.nullable {
            return Read::NOTHING;
        }
        if shape.may_be_empty {
            return Read::something("");
        }
        if let Some(default) = &shape.default {
            self.repaired(format!("was missing or unusable; `{default}` stands in"));
            return Read::something(default.as_str());
        }
        let message = match shape.form {
            Form::Link => "Give an address: `/` and a page's slug, `https://…`, `mailto:…` or `tel:…`.".to_owned(),
            _ => format!(
                "Write this text: it is required, with at most {} characters.",
                shape.max
            ),
        };
        self.problem(Constraint::Required, message);
        Read::NOTHING
    }

    /// The text in its form and length, or `None` when nothing is left of it.
    fn clean(&mut self, shape: &Text, value: Value) -> Option<String> {
        let raw = match value {
            Value::String(raw) => raw,
            Value::Number(number) => number.to_string(),
            Value::Null => return None,
            _ => {
                self.repaired("was not a text and was left out");
                return None;
            }
        };
        if raw.trim().is_empty() {
            return None;
        }
        let cleaned = match shape.form {
            Form::Line => Some(text::clamp(&text::clean_line(&raw), shape.max)),
            Form::Lines => Some(lines(&raw, shape.max)),
            Form::Link => url::link(&raw),
            Form::Picture => url::picture(&raw),
            Form::Aspect => aspect(&raw),
            Form::Colour => colour(&raw),
            Form::Font => font(&raw, shape.max),
        };
        let cleaned = cleaned.filter(|text| !text.is_empty());
        match &cleaned {
            None => self.repaired("had an unusable form and was left out"),
            Some(text) if text.chars().count() < raw.trim().chars().count() && text.ends_with('…') => {
                self.repaired(format!("was cut to {} characters", shape.max));
            }
            Some(_) => {}
        }
        cleaned
    }

    fn choice(&mut self, words: &[String], default: Option<&str>, value: Value) -> Read {
        let said = value
            .as_str()
            .unwrap_or_default()
            .trim()
            .to_uppercase()
            .replace([' ', '-'], "_");
        if let Some(word) = words.iter().find(|word| **word == said) {
            return Read::silent(word.as_str());
        }
        if let Some(default) = default {
            self.repaired(format!("was none of the allowed words; `{default}` stands in"));
            return Read::silent(default);
        }
        self.problem(Constraint::Format, format!("Use one of {}.", words.join(", ")));
        Read::NOTHING
    }

    fn list(&mut self, item: &Shape, min: usize, max: usize, value: Value) -> Read {
        let values = match value {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            single => vec![single],
        };
        let mut complete = Vec::new();
        let mut incomplete = Vec::new();
        for (number, value) in values.into_iter().enumerate() {
            self.path.push(number.to_string());
            let known = self.problems.len();
            let read = self.value(item, value);
            let problems = self.problems.split_off(known);
            let is_silent = !read.says_something && matches!(item, Shape::Text(_) | Shape::Object(_));
            if is_silent {
                self.repaired("was empty and was left out");
            } else if problems.is_empty() {
                complete.push(read.value);
            } else {
                incomplete.push((self.path.clone(), problems));
            }
            self.path.pop();
        }
        if complete.len() >= min {
            for (path, _) in &incomplete {
                self.repairs
                    .push(format!("{} was incomplete and was left out", place(path)));
            }
        } else {
            let given = complete.len() + incomplete.len();
            if given < min {
                self.problem(
                    Constraint::TooFew,
                    format!("Write at least {min} of them: there are {given}."),
                );
            }
            self.problems
                .extend(incomplete.into_iter().flat_map(|(_, problems)| problems));
        }
        if complete.len() > max {
            complete.truncate(max);
            self.repaired(format!("was cut to {max} entries"));
        }
        let says_something = !complete.is_empty();
        Read {
            value: Value::Array(complete),
            says_something,
        }
    }

    fn object(&mut self, shape: &Object, value: Value) -> Read {
        let mut given = match value {
            Value::Object(given) => given,
            Value::Null if shape.nullable => return Read::NOTHING,
            _ => Map::new(),
        };
        let known = self.problems.len();
        let mut fields = Map::new();
        // A menu without entries is a menu; a picture without anything is none.
        let mut says_something = shape
            .fields
            .iter()
            .all(|(_, shape)| matches!(shape, Shape::List { .. }));
        for (name, field) in &shape.fields {
            self.path.push(name.clone());
            let read = self.value(field, given.shift_remove(name).unwrap_or(Value::Null));
            says_something |= read.says_something;
            fields.insert(name.clone(), read.value);
            self.path.pop();
        }
        if says_something && self.problems.len() == known {
            return Read::something(Value::Object(fields));
        }
        if shape.nullable {
            self.problems.truncate(known);
            if says_something {
                self.repaired("was incomplete and was left out");
            }
            return Read::NOTHING;
        }
        if self.problems.len() == known {
            self.problem(Constraint::Required, "Fill this in: it is required.".to_owned());
        }
        Read {
            value: Value::Object(fields),
            says_something,
        }
    }

    fn repaired(&mut self, what: impl AsRef<str>) {
        self.repairs.push(
            format!("{} {}", place(&self.path), what.as_ref())
                .trim_start()
                .to_owned(),
        );
    }

    fn problem(&mut self, constraint: Constraint, message: String) {
        self.problems.push(Problem::new(&self.path, constraint, message));
    }
}

fn lines(raw: &str, max: usize) -> String {
    // Cutting can open a link that was whole, and taking a link apart can leave spaces behind.
    let mut lines = text::clean_lines(raw);
    for _ in 0..4 {
        let next = text::clean_lines(&markdown::defuse(&text::clamp(&lines, max)));
        if next == lines {
            break;
        }
        lines = next;
    }
    lines
}

/// `16:9`, also as `16/9` or `16 x 9`.
fn aspect(raw: &str) -> Option<String> {
    let (width, height) = raw.trim().split_once([':', '/', 'x', '×'])?;
    let side = |part: &str| part.trim().parse::<u16>().ok().filter(|side| (1..=999).contains(side));
    Some(format!("{}:{}", side(width)?, side(height)?))
}

/// `#rrggbb` in lower case, also from `#rgb` and `#rrggbbaa`.
fn colour(raw: &str) -> Option<String> {
    let digits = raw.trim().trim_start_matches('#').to_ascii_lowercase();
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    match digits.len() {
        3 => Some(format!(
            "#{}",
            digits.chars().flat_map(|digit| [digit, digit]).collect::<String>()
        )),
        6 | 8 => Some(format!("#{}", &digits[..6])),
        _ => None,
    }
}

/// The first family of a font list, when it is a plain name: it ends up in a stylesheet.
fn font(raw: &str, max: usize) -> Option<String> {
    let first = raw.split(',').next().unwrap_or_default();
    let name = text::clean_line(first.trim().trim_matches(['"', '\'']));
    let is_name = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-'))
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().count() <= max;
    is_name.then_some(name)
}
