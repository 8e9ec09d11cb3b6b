//! What a person says about their business, and what may be said: the input of every generation.
//!
//! Here a stranger's text is refused, not repaired: the person is there to correct it, and a brief
//! that was changed in silence would be answered by a site they did not ask for. Whether the named
//! options exist is checked where the options are.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::{Constraint, Problem};
use super::text;

pub const NAME_MAX: usize = 120;
pub const DESCRIPTION_MAX: usize = 2_000;
pub const SUMMARY_MAX: usize = 20_000;
pub const OBJECTIVES_MAX: usize = 20;
pub const OBJECTIVE_MAX: usize = 300;
pub const FACTS_MAX: usize = 100;
pub const FACT_MAX: usize = 500;
pub const OPTIONS_MAX: usize = 10;
pub const TONE_MAX: usize = 300;
pub const NOTES_MAX: usize = 2_000;

/// A brief as it is stored. From outside it comes as the same type and goes through `validate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Brief {
    /// 1 to 120 characters.
    pub business_name: String,
    /// What the business is and wants, in the owner's words: 1 to 20,000 characters.
    pub summary: String,
    pub business_type_id: Option<Uuid>,
    /// A business type in the owner's words, at most 120 characters.
    pub custom_business_type: Option<String>,
    /// At most 10, each once.
    pub audience_profile_ids: Vec<Uuid>,
    /// At most 10, each once.
    pub brand_personality_ids: Vec<Uuid>,
    pub hero_imagery_direction_id: Option<Uuid>,
    /// At most 20 of at most 300 characters.
    pub objectives: Vec<String>,
    /// What the writer may state as true: at most 100 of at most 500 characters.
    pub facts: Vec<String>,
    /// BCP 47 tag in its usual spelling: `en`, `pt-BR`.
    pub language: String,
    pub style: Option<Style>,
}

/// How the owner wants the site to sound and look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Style {
    /// At most 300 characters.
    pub tone: Option<String>,
    /// At most 2,000 characters.
    pub notes: Option<String>,
    /// `#rrggbb` in lower case.
    pub primary_color: Option<String>,
}

/// The brief with white space trimmed, empty list entries left out and the language in its usual
/// spelling, or every rule it breaks. Paths start with `brief`.
pub fn validate(draft: Brief) -> Result<Brief, Vec<Problem>> {
    let mut check = Check::default();
    let brief = Brief {
        business_name: check.required(
            &["brief", "businessName"],
            &draft.business_name,
            NAME,
            "what the business is called",
        ),
        summary: check.required(
            &["brief", "summary"],
            &draft.summary,
            SUMMARY,
            "what the business is and what its site should achieve",
        ),
        business_type_id: draft.business_type_id,
        custom_business_type: check.optional(&["brief", "customBusinessType"], draft.custom_business_type, NAME),
        audience_profile_ids: check.ids("audienceProfileIds", draft.audience_profile_ids),
        brand_personality_ids: check.ids("brandPersonalityIds", draft.brand_personality_ids),
        hero_imagery_direction_id: draft.hero_imagery_direction_id,
        objectives: check.list("objectives", &draft.objectives, OBJECTIVES_MAX, OBJECTIVE),
        facts: check.list("facts", &draft.facts, FACTS_MAX, FACT),
        language: check.language(&draft.language),
        style: draft
            .style
            .map(|style| check.style(style))
            .filter(|style| *style != Style::default()),
    };
    check.finish(brief)
}

/// The name of a blueprint: 1 to 120 characters on one line. `path` is where it stands in the input.
pub fn validate_name(path: &[&str], name: &str) -> Result<String, Vec<Problem>> {
    let mut check = Check::default();
    let name = check.required(path, name, NAME, "what to call it");
    check.finish(name)
}

/// The description of a blueprint: at most 2,000 characters, possibly none.
pub fn validate_description(path: &[&str], description: &str) -> Result<String, Vec<Problem>> {
    let mut check = Check::default();
    let description = check.text(
        path,
        description,
        Limit {
            max: DESCRIPTION_MAX,
            lines: true,
        },
    );
    check.finish(description)
}

/// Instructions for one generation: at most 2,000 characters, none when empty.
pub fn validate_instructions(path: &[&str], instructions: Option<String>) -> Result<Option<String>, Vec<Problem>> {
    let mut check = Check::default();
    let instructions = check.optional(path, instructions, NOTES);
    check.finish(instructions)
}

#[derive(Clone, Copy)]
struct Limit {
    max: usize,
    /// Whether line breaks and tabs are allowed.
    lines: bool,
}

const NAME: Limit = Limit {
    max: NAME_MAX,
    lines: false,
};
const SUMMARY: Limit = Limit {
    max: SUMMARY_MAX,
    lines: true,
};
const OBJECTIVE: Limit = Limit {
    max: OBJECTIVE_MAX,
    lines: true,
};
const FACT: Limit = Limit {
    max: FACT_MAX,
    lines: true,
};
const TONE: Limit = Limit {
    max: TONE_MAX,
    lines: true,
};
const NOTES: Limit = Limit {
    max: NOTES_MAX,
    lines: true,
};

/// Collects every broken rule, so that a form can show all of them at once.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn finish<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.problems.is_empty() {
            Ok(value)
        } else {
            Err(self.problems)
        }
    }

    fn problem(&mut self, path: &[impl AsRef<str>], constraint: Constraint, message: String) {
        self.problems.push(Problem::new(path, constraint, message));
    }

    fn text(&mut self, path: &[impl AsRef<str>], raw: &str, limit: Limit) -> String {
        // Windows' line breaks are line breaks, not control characters.
        let unified = raw.replace("\r\n", "\n");
        let text = unified.trim();
        let length = text.chars().count();
        if length > limit.max {
            let message = format!("Shorten this to at most {} characters: it has {length}.", limit.max);
            self.problem(path, Constraint::TooLong, message);
        }
        if let Some(found) = text.chars().find(|c| text::is_forbidden(*c)) {
            let message = format!("Remove the invisible control character U+{:04X}.", u32::from(found));
            self.problem(path, Constraint::ControlCharacters, message);
        } else if !limit.lines && text.contains(['\n', '\t', '\u{2028}', '\u{2029}']) {
            let message = "Write this on one line: line breaks and tabs are not allowed here.".to_owned();
            self.problem(path, Constraint::ControlCharacters, message);
        }
        text.to_owned()
    }

    fn required(&mut self, path: &[impl AsRef<str>], raw: &str, limit: Limit, what: &str) -> String {
        let text = self.text(path, raw, limit);
        if text.is_empty() {
            self.problem(
                path,
                Constraint::Required,
                format!("Say {what}, in 1 to {} characters.", limit.max),
            );
        }
        text
    }

    fn optional(&mut self, path: &[impl AsRef<str>], raw: Option<String>, limit: Limit) -> Option<String> {
        raw.map(|raw| self.text(path, &raw, limit))
            .filter(|text| !text.is_empty())
    }

    /// Empty entries are what forms send for lines that were left empty: they are left out.
    fn list(&mut self, field: &str, raw: &[String], max: usize, limit: Limit) -> Vec<String> {
        let mut texts = Vec::new();
        for (number, raw) in raw.iter().enumerate() {
            let text = self.text(&["brief", field, &number.to_string()], raw, limit);
            if !text.is_empty() {
                texts.push(text);
            }
        }
        if texts.len() > max {
            let message = format!("Keep the {max} most important entries: there are {}.", texts.len());
            self.problem(&["brief", field], Constraint::TooMany, message);
        }
        texts
    }

    fn ids(&mut self, field: &str, ids: Vec<Uuid>) -> Vec<Uuid> {
        let mut unique: Vec<Uuid> = Vec::new();
        for id in ids {
            if !unique.contains(&id) {
                unique.push(id);
            }
            if unique.len() > OPTIONS_MAX {
                let message = format!("Choose at most {OPTIONS_MAX} of them.");
                self.problem(&["brief", field], Constraint::TooMany, message);
                break;
            }
        }
        unique
    }

    fn language(&mut self, raw: &str) -> String {
        match raw.trim() {
            "" => "en".to_owned(),
            tag => language_tag(tag).unwrap_or_else(|| {
                let message = "Give a language tag such as `en`, `de` or `pt-BR`.".to_owned();
                self.problem(&["brief", "language"], Constraint::Format, message);
                String::new()
            }),
        }
    }

    fn style(&mut self, style: Style) -> Style {
        let primary_color = style.primary_color.filter(|raw| !raw.trim().is_empty()).map(|raw| {
            let colour = raw.trim().to_ascii_lowercase();
            let digits = colour.strip_prefix('#').unwrap_or_default();
            if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let message = "Give a colour as `#` and six hexadecimal digits, such as `#1f4e79`.".to_owned();
                self.problem(&["brief", "style", "primaryColor"], Constraint::Format, message);
            }
            colour
        });
        Style {
            tone: self.optional(&["brief", "style", "tone"], style.tone, TONE),
            notes: self.optional(&["brief", "style", "notes"], style.notes, NOTES),
            primary_color,
        }
    }
}

/// `EN-gb` as people write it: `en-GB`. At most four parts; whether the language exists is not asked.
fn language_tag(raw: &str) -> Option<String> {
    let mut parts = raw.split('-');
    let language = parts.next().filter(|part| (2..=3).contains(&part.len()))?;
    if !language.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let mut tag = language.to_ascii_lowercase();
    for (number, part) in parts.enumerate() {
        let is_part = (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if number > 2 || !is_part {
            return None;
        }
        let is_word = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        tag.push('-');
        match part.len() {
            2 if is_word => tag.push_str(&part.to_ascii_uppercase()),
            4 if is_word => {
                tag.push_str(&part[..1].to_ascii_uppercase());
                tag.push_str(&part[1..].to_ascii_lowercase());
            }
            _ => tag.push_str(&part.to_ascii_lowercase()),
        }
    }
    Some(tag)
}

#[cfg(test)]
mod tests;
