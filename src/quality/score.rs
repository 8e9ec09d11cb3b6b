//! Reasons and what they cost.

use uuid::Uuid;

/// The most reasons that a report lists; the dearest come first.
pub const FINDINGS_MAX: usize = 100;

/// What was found. Each code has a price and a ceiling, so that one habit does not eat the whole score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    Unplanned,
    Unwritten,
    TitleLength,
    TitleRepeated,
    DescriptionLength,
    HeadingOrder,
    AltMissing,
    DeadLink,
    OrphanPage,
    SentenceRepeated,
    ButtonRepeated,
    Placeholder,
    ReadingGrade,
    Contrast,
}

impl Code {
    pub const ALL: &'static [Code] = &[
        Code::Unplanned,
        Code::Unwritten,
        Code::TitleLength,
        Code::TitleRepeated,
        Code::DescriptionLength,
        Code::HeadingOrder,
        Code::AltMissing,
        Code::DeadLink,
        Code::OrphanPage,
        Code::SentenceRepeated,
        Code::ButtonRepeated,
        Code::Placeholder,
        Code::ReadingGrade,
        Code::Contrast,
    ];

    /// The stable word: `DEAD_LINK`.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Unplanned => "UNPLANNED",
            Code::Unwritten => "UNWRITTEN",
            Code::TitleLength => "TITLE_LENGTH",
            Code::TitleRepeated => "TITLE_REPEATED",
            Code::DescriptionLength => "DESCRIPTION_LENGTH",
            Code::HeadingOrder => "HEADING_ORDER",
            Code::AltMissing => "ALT_MISSING",
            Code::DeadLink => "DEAD_LINK",
            Code::OrphanPage => "ORPHAN_PAGE",
            Code::SentenceRepeated => "SENTENCE_REPEATED",
            Code::ButtonRepeated => "BUTTON_REPEATED",
            Code::Placeholder => "PLACEHOLDER",
            Code::ReadingGrade => "READING_GRADE",
            Code::Contrast => "CONTRAST",
        }
    }

    /// Points for one, and the most for all of this code on one page.
    fn price(self) -> (u32, u32) {
        match self {
            Code::Unplanned => (100, 100),
            Code::Unwritten => (15, 100),
            Code::TitleLength | Code::DescriptionLength => (4, 4),
            Code::TitleRepeated => (6, 6),
            Code::HeadingOrder => (5, 15),
            Code::AltMissing => (3, 15),
            Code::DeadLink => (6, 24),
            Code::OrphanPage => (10, 10),
            Code::SentenceRepeated => (3, 15),
            Code::ButtonRepeated => (2, 6),
            Code::Placeholder => (2, 20),
            Code::ReadingGrade => (6, 6),
            Code::Contrast => (10, 20),
        }
    }
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    /// What is so, and what to do about it.
    pub message: String,
    /// Where: none for the site as a whole.
    pub page: Option<Uuid>,
    pub block: Option<Uuid>,
    /// The field within the block, or within the page or the plan.
    pub path: Vec<String>,
    /// What it takes from the page's score, or from the site's when it concerns no page; 0 beyond a code's ceiling.
    pub points: u32,
}

/// A score with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// 0 to 100.
    pub score: u32,
    /// The dearest first.
    pub findings: Vec<Finding>,
    /// How many phrases a person must confirm.
    pub placeholders: usize,
    /// School years that the running text asks for; none in another language than English, or for too little text.
    pub reading_grade: Option<f64>,
}

/// Collects reasons and gives each its points.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    spent: std::collections::HashMap<Code, u32>,
}

impl Findings {
    pub fn add(&mut self, code: Code, message: impl Into<String>, block: Option<Uuid>, path: &[&str]) {
        let (one, most) = code.price();
        let spent = self.spent.entry(code).or_default();
        let points = one.min(most - *spent);
        *spent += points;
        self.all.push(Finding {
            code,
            message: message.into(),
            page: None,
            block,
            path: path.iter().map(|part| part.to_string()).collect(),
            points,
        });
    }

    pub fn points(&self) -> u32 {
        self.spent.values().sum()
    }

    /// The reasons, each with its page.
    pub fn of_page(self, page: Option<Uuid>) -> Vec<Finding> {
        let mut all = self.all;
        for finding in &mut all {
            finding.page = page;
        }
        all
    }
}

/// The dearest first; of equal ones, the order in which they were found.
pub fn ranked(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.points));
    findings.truncate(FINDINGS_MAX);
    findings
}
