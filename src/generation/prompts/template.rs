//! Templates: text with `{{variables}}` from a closed list, checked before they are kept.
//!
//! Deliberately less than a template language: no conditions, no loops, no second look at what was filled in,
//! so that a value can never be read as a part of the template.

use std::fmt;

/// The most characters of each part. Far more than a good prompt has, and far less than a model reads.
pub const SYSTEM_MAX: usize = 8_000;
pub const USER_MAX: usize = 16_000;

/// Something that a function fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    /// What stands there, for people who write prompts.
    pub about: &'static str,
    /// Without it the writer could not know what to do.
    pub is_required: bool,
}

/// A prompt: who the writer is, and what is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub system: String,
    pub user: String,
}

/// Which part of a template is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    System,
    User,
}

/// One broken rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub part: Part,
    pub rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    Empty,
    TooLong(usize),
    ControlCharacters,
    /// `{{` without a name and `}}` behind it.
    Unclosed,
    Unknown {
        name: String,
        known: Vec<&'static str>,
    },
    Missing(&'static str),
}

impl Part {
    /// The name of the field that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Part::System => "system",
            Part::User => "user",
        }
    }
}

impl Rule {
    /// The rule as a stable word.
    pub fn constraint(&self) -> &'static str {
        match self {
            Rule::Empty => "REQUIRED",
            Rule::TooLong(_) => "TOO_LONG",
            Rule::ControlCharacters => "CONTROL_CHARACTERS",
            Rule::Unclosed => "FORMAT",
            Rule::Unknown { .. } => "UNKNOWN_VARIABLE",
            Rule::Missing(_) => "MISSING_VARIABLE",
        }
    }
}

/// A whole sentence that says what to do next.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Empty => f.write_str("Write this part of the prompt: it may not be empty."),
            Rule::TooLong(max) => write!(f, "Shorten this part of the prompt to at most {max} characters."),
            Rule::ControlCharacters => f.write_str("Remove the control characters from this part of the prompt."),
            Rule::Unclosed => {
                f.write_str("Close the variable: write it as {{name}}, with small letters and underscores.")
            }
            Rule::Unknown { name, known } => {
                let known: Vec<String> = known.iter().map(|name| format!("{{{{{name}}}}}")).collect();
                write!(
                    f,
                    "There is no variable {{{{{name}}}}} here. Use one of {}.",
                    known.join(", ")
                )
            }
            Rule::Missing(name) => {
                write!(
                    f,
                    "Put {{{{{name}}}}} into the prompt: without it the writer cannot know what to do."
                )
            }
        }
    }
}

impl Template {
    /// The template of a file: the system's part, a line of three hyphens, the user's part.
    pub fn of_file(text: &str) -> Template {
        let (system, user) = text.split_once("\n---\n").unwrap_or(("", text));
        Template {
            system: system.trim().to_string(),
            user: user.trim().to_string(),
        }
    }

    /// Every broken rule; none means that `fill` will find all it needs.
    pub fn faults(&self, variables: &[Variable]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (part, text, max) in [
            (Part::System, &self.system, SYSTEM_MAX),
            (Part::User, &self.user, USER_MAX),
        ] {
            let mut fault = |rule| faults.push(Fault { part, rule });
            if text.trim().is_empty() {
                fault(Rule::Empty);
            }
            if text.chars().count() > max {
                fault(Rule::TooLong(max));
            }
            if text.chars().any(crate::sites::text::is_forbidden) {
                fault(Rule::ControlCharacters);
            }
            for piece in pieces(text) {
                match piece {
                    Piece::Words(_) => {}
                    Piece::Unclosed => fault(Rule::Unclosed),
                    Piece::Variable(name) if variables.iter().any(|known| known.name == name) => {
                        seen.push(name.to_string());
                    }
                    Piece::Variable(name) => fault(Rule::Unknown {
                        name: name.to_string(),
                        known: variables.iter().map(|known| known.name).collect(),
                    }),
                }
            }
        }
        let missing = variables
            .iter()
            .filter(|variable| variable.is_required && !seen.iter().any(|name| name == variable.name));
        faults.extend(missing.map(|variable| Fault {
            part: Part::User,
            rule: Rule::Missing(variable.name),
        }));
        faults
    }

    /// Both parts with their variables filled in; a name without a value stays empty.
    pub fn fill(&self, values: &[(&'static str, String)]) -> (String, String) {
        let fill = |text: &str| {
            let mut out = String::with_capacity(text.len());
            for piece in pieces(text) {
                match piece {
                    Piece::Words(words) => out.push_str(words),
                    Piece::Unclosed => out.push_str("{{"),
                    Piece::Variable(name) => {
                        let value = values.iter().find(|(known, _)| *known == name);
                        out.push_str(value.map_or("", |(_, value)| value));
                    }
                }
            }
            out
        };
        (fill(&self.system), fill(&self.user))
    }
}

enum Piece<'a> {
    Words(&'a str),
    Variable(&'a str),
    Unclosed,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        pieces.push(Piece::Words(&rest[..open]));
        let inside = &rest[open + 2..];
        let name = inside.find("}}").map(|close| (inside[..close].trim(), close));
        match name {
            Some((name, close)) if is_name(name) => {
                pieces.push(Piece::Variable(name));
                rest = &inside[close + 2..];
            }
            _ => {
                pieces.push(Piece::Unclosed);
                rest = inside;
            }
        }
    }
    pieces.push(Piece::Words(rest));
    pieces
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: &[Variable] = &[
        Variable {
            name: "brief",
            about: "",
            is_required: true,
        },
        Variable {
            name: "wishes",
            about: "",
            is_required: false,
        },
    ];

    fn template(system: &str, user: &str) -> Template {
        Template {
            system: system.to_string(),
            user: user.to_string(),
        }
    }

    fn rules(system: &str, user: &str) -> Vec<(Part, &'static str)> {
        let faults = template(system, user).faults(VARIABLES);
        faults
            .iter()
            .map(|fault| (fault.part, fault.rule.constraint()))
            .collect()
    }

    #[test]
    fn unknown_missing_and_unclosed_variables_are_found_where_they_stand() {
        assert_eq!(rules("You write.", "{{brief}} { {wishes} }"), vec![]);
        assert_eq!(rules("With {{ brief }}", "and {{wishes}}"), vec![]);
        assert_eq!(rules("You.", "{{wishes}}"), vec![(Part::User, "MISSING_VARIABLE")]);
        assert_eq!(
            rules("{{secret}}", "{{brief}} {{Brief}} {{ "),
            vec![
                (Part::System, "UNKNOWN_VARIABLE"),
                (Part::User, "FORMAT"),
                (Part::User, "FORMAT")
            ]
        );
        assert_eq!(
            rules(" ", &format!("{{{{brief}}}}{}", "x".repeat(USER_MAX))),
            vec![(Part::System, "REQUIRED"), (Part::User, "TOO_LONG")]
        );
        assert_eq!(rules("a\u{0}", "{{brief}}"), vec![(Part::System, "CONTROL_CHARACTERS")]);
    }

    #[test]
    fn what_was_filled_in_is_not_looked_at_again() {
        let values = [("brief", "{{wishes}}".to_string()), ("wishes", "none".to_string())];
        let (system, user) = template("S", "A {{brief}} B {{wishes}}").fill(&values);
        assert_eq!((system.as_str(), user.as_str()), ("S", "A {{wishes}} B none"));
    }
}
