//! A brief file: TOML that people write by hand, read with the place of every word.
//!
//! Whatever is wrong is answered with one message that says where it stands and what is allowed there.
//! Every text keeps its place, so that the rules of the content model can point at a line too. Options are
//! only names here; the database knows them (`choices`).

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::cli::failure::Failure;
use crate::sites::brief::{self, Brief};
use crate::sites::problem::Problem;

/// The longest file, in bytes: more than every allowed text at its longest.
const LIMIT: u64 = 256 * 1024;

const ALLOWED: &str = "A brief file has `name` and `description` (texts, both optional) and a section `[brief]` with \
     `business_name` and `summary` (texts, both required), `business_type`, `hero_imagery_direction` and `language` \
     (texts), `audience_profiles`, `brand_personalities`, `objectives` and `facts` (lists of texts). \
     `sitewright generate --help` shows one.";

type Text = Spanned<String>;
type Texts = Spanned<Vec<Text>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: Option<Text>,
    description: Option<Text>,
    brief: Section,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    business_name: Text,
    summary: Text,
    business_type: Option<Text>,
    audience_profiles: Option<Texts>,
    brand_personalities: Option<Texts>,
    hero_imagery_direction: Option<Text>,
    objectives: Option<Texts>,
    facts: Option<Texts>,
    language: Option<Text>,
}

/// A brief file that obeys every rule but those of the options.
#[derive(Debug)]
pub struct BriefFile {
    pub name: String,
    pub description: String,
    /// Without the options, which are named below.
    pub brief: Brief,
    pub business_type: Option<Text>,
    pub audience_profiles: Vec<Text>,
    pub brand_personalities: Vec<Text>,
    pub hero_imagery_direction: Option<Text>,
    source: Source,
}

/// The text of the file, to say where something stands.
#[derive(Debug)]
struct Source {
    path: String,
    text: String,
}

/// Reads and checks a file.
pub fn read(path: &Path) -> Result<BriefFile, Failure> {
    let source = Source {
        path: path.display().to_string(),
        text: text_of(path)?,
    };
    parse(source)
}

impl BriefFile {
    /// A failure that points at a text of the file.
    pub fn wrong(&self, at: &Text, message: &str) -> Failure {
        self.source.wrong(Some(at.span()), message)
    }
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let unreadable = |cause: std::io::Error| {
        Failure::bad_input(match cause.kind() {
            std::io::ErrorKind::NotFound => {
                format!("There is no file {shown}. Name a brief file, such as examples/briefs/bakery.toml.")
            }
            _ => format!("{shown} cannot be read: {cause}."),
        })
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Failure::bad_input(format!(
            "{shown} is a folder. Name the brief file in it."
        )));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells a long file from a full one, also when it has no end.
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LIMIT {
        let message = format!(
            "{shown} is larger than {} KB. A brief file is a page or two of text.",
            LIMIT / 1024
        );
        return Err(Failure::bad_input(message));
    }
    let text = String::from_utf8(bytes).map_err(|cause| {
        let at = cause.utf8_error().valid_up_to();
        let line = cause.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        Failure::bad_input(format!(
            "{shown}, line {line}: this is not UTF-8 text. Save the file as UTF-8."
        ))
    })?;
    // Some editors put a mark at the beginning; to TOML it is a stray character.
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

fn parse(source: Source) -> Result<BriefFile, Failure> {
    let document: Document = toml::from_str(&source.text).map_err(|cause| {
        let message = format!("{}.\n{ALLOWED}", sentence(cause.message()));
        source.wrong(cause.span(), &message)
    })?;
    let section = document.brief;
    let plain = |texts: &Option<Texts>| -> Vec<String> {
        let texts = texts.iter().flat_map(|texts| texts.get_ref());
        texts.map(|text| text.get_ref().clone()).collect()
    };
    let draft = Brief {
        business_name: section.business_name.get_ref().clone(),
        summary: section.summary.get_ref().clone(),
        objectives: plain(&section.objectives),
        facts: plain(&section.facts),
        language: section
            .language
            .as_ref()
            .map(|tag| tag.get_ref().clone())
            .unwrap_or_default(),
        // It may turn out to be one; either way the rules for words of one's own hold.
        custom_business_type: section.business_type.as_ref().map(|name| name.get_ref().clone()),
        ..Brief::default()
    };
    let place = |problem: &Problem| section.place(&problem.path);
    let mut brief = brief::validate(draft).map_err(|problems| source.all_wrong(&problems, place))?;
    brief.custom_business_type = None;
    let name = document.name.as_ref().unwrap_or(&section.business_name);
    let name_at = |_: &Problem| Some(name.span());
    let name =
        brief::validate_name(&["name"], name.get_ref()).map_err(|problems| source.all_wrong(&problems, name_at))?;
    let (words, description_at) = match &document.description {
        Some(text) => (text.get_ref().as_str(), Some(text.span())),
        None => ("", None),
    };
    let description = brief::validate_description(&["description"], words)
        .map_err(|problems| source.all_wrong(&problems, |_| description_at.clone()))?;
    let list = |texts: Option<Texts>| texts.map(Spanned::into_inner).unwrap_or_default();
    Ok(BriefFile {
        name,
        description,
        brief,
        business_type: section.business_type,
        audience_profiles: list(section.audience_profiles),
        brand_personalities: list(section.brand_personalities),
        hero_imagery_direction: section.hero_imagery_direction,
        source,
    })
}

impl Section {
    /// Where the field stands that a rule of the content model names.
    fn place(&self, path: &[String]) -> Option<Range<usize>> {
        let texts = |texts: &Option<Texts>| {
            let texts = texts.as_ref()?;
            let entry = path.get(2).and_then(|number| number.parse::<usize>().ok());
            let entry = entry.and_then(|number| texts.get_ref().get(number));
            Some(entry.map_or_else(|| texts.span(), Spanned::span))
        };
        match path.get(1)?.as_str() {
            "businessName" => Some(self.business_name.span()),
            "summary" => Some(self.summary.span()),
            "customBusinessType" => self.business_type.as_ref().map(Spanned::span),
            "language" => self.language.as_ref().map(Spanned::span),
            "objectives" => texts(&self.objectives),
            "facts" => texts(&self.facts),
            _ => None,
        }
    }
}

impl Source {
    /// `brief.toml, line 7, column 3: …`, with the line itself below.
    fn wrong(&self, at: Option<Range<usize>>, message: &str) -> Failure {
        Failure::bad_input(match at {
            Some(at) => {
                let (line, column, shown) = self.line(at.start);
                let margin = " ".repeat(column.saturating_sub(1));
                let (path, first) = (&self.path, message.lines().next().unwrap_or_default());
                let rest: String = message.lines().skip(1).map(|line| format!("\n{line}")).collect();
                format!("{path}, line {line}, column {column}: {first}\n  {shown}\n  {margin}^{rest}")
            }
            None => format!("{}: {message}", self.path),
        })
    }

    fn all_wrong(&self, problems: &[Problem], place: impl Fn(&Problem) -> Option<Range<usize>>) -> Failure {
        let messages = problems
            .iter()
            .map(|problem| self.wrong(place(problem), &problem.message).to_string());
        Failure::bad_input(messages.collect::<Vec<_>>().join("\n"))
    }

    /// Line and column, both from 1 and in characters, and the line as far as a terminal should show it.
    fn line(&self, at: usize) -> (usize, usize, String) {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[start..].chars().count() + 1;
        let shown = self.text[start..].lines().next().unwrap_or_default();
        // Control characters of a stranger's file must not steer the reader's terminal.
        let harmless = |c: char| {
            if crate::sites::text::is_forbidden(c) || c == '\t' {
                ' '
            } else {
                c
            }
        };
        (line, column, shown.chars().take(column + 80).map(harmless).collect())
    }
}

/// The parser's words on one line, without the full stop that the caller adds.
fn sentence(message: &str) -> String {
    let line = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    let line: String = line.chars().filter(|c| !crate::sites::text::is_forbidden(*c)).collect();
    line.trim_end_matches('.').to_string()
}
