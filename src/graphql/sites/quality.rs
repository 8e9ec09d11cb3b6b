//! The measured quality of a page or a site, as clients see it. The rules are in `crate::quality`.

use async_graphql::{Context, Enum, ID, Result, SimpleObject};
use uuid::Uuid;

use crate::entities::{blueprint, page};
use crate::graphql::context::Reach;
use crate::graphql::{guard, node};
use crate::ids::IdKind;
use crate::quality::{Finding, Report, Site};

/// What lowers a score.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::quality::Code")]
pub enum QualityCode {
    /// The site has no pages yet.
    Unplanned,
    /// A section has no content yet.
    Unwritten,
    /// The search title is too short or too long.
    TitleLength,
    /// Two pages have the same search title.
    TitleRepeated,
    /// The search description is too short or too long.
    DescriptionLength,
    /// The main heading is missing or doubled, or a level of headings is left out.
    HeadingOrder,
    /// A picture has no description for people who do not see it.
    AltMissing,
    /// A link leads to a page that does not exist.
    DeadLink,
    /// Nothing leads to the page.
    OrphanPage,
    /// A sentence of six words or more, not counting numbers, stands on the site more than once, and is not the brief's own.
    SentenceRepeated,
    /// A button text stands on the page more than once.
    ButtonRepeated,
    /// A person must confirm or fill in something.
    Placeholder,
    /// The text is hard to read. English only.
    ReadingGrade,
    /// Two colours of the theme are too much alike.
    Contrast,
}

/// One reason for a lower score.
#[derive(SimpleObject)]
pub struct QualityFinding {
    /// What it is, for programs.
    code: QualityCode,
    /// What is so and what to do about it, for people, in English.
    message: String,
    /// The page concerned, by its global id; null when it concerns the site as a whole.
    page_id: Option<ID>,
    /// The block concerned, by its global id; null when it concerns none.
    block_id: Option<ID>,
    /// The field within the block, the page or the plan, from the outside in; list entries by their number from 0.
    path: Vec<String>,
    /// What it takes from the score of its page, or of the site where no page is concerned. 0 when others of its code have
    /// taken all that the code may take.
    points: u32,
}

/// How good a page or a site is, measured by counting and without any model: the same content has the same report.
#[derive(SimpleObject)]
pub struct QualityReport {
    /// 0 to 100. Of a site: the mean of its pages, less what concerns the site as a whole.
    score: u32,
    /// The reasons, those that cost most first; at most 100.
    findings: Vec<QualityFinding>,
    /// How many phrases a person must confirm or fill in.
    placeholder_count: usize,
    /// How many years of school the running text asks for (Flesch-Kincaid; of a site: the mean of its pages). Null for other
    /// languages than English, and for too little text.
    reading_grade: Option<f64>,
}

impl From<Report> for QualityReport {
    fn from(report: Report) -> Self {
        QualityReport {
            score: report.score,
            findings: report.findings.into_iter().map(QualityFinding::from).collect(),
            placeholder_count: report.placeholders,
            reading_grade: report.reading_grade,
        }
    }
}

impl From<Finding> for QualityFinding {
    fn from(finding: Finding) -> Self {
        QualityFinding {
            code: finding.code.into(),
            message: finding.message,
            page_id: finding.page.map(|id| node::id(IdKind::Page, id)),
            block_id: finding.block.map(|id| node::id(IdKind::Block, id)),
            path: finding.path,
            points: finding.points,
        }
    }
}

/// The report of a whole site.
pub async fn of_site(ctx: &Context<'_>, blueprint: &blueprint::Model) -> Result<QualityReport> {
    measure(ctx, blueprint, |site| Some(site.report()))
        .await
        .map(Option::unwrap_or_default)
}

/// The report of a page, empty when it was deleted meanwhile. It is measured against the whole site, and so it is for
/// those who reach the site.
pub async fn of_page(ctx: &Context<'_>, page: &page::Model) -> Result<QualityReport> {
    if !ctx.caller().reaches_site(page.blueprint_id) {
        return Err(guard::out_of_reach(
            "the quality of the page, which is measured against its whole site",
        ));
    }
    let Some(blueprint) = ctx.loaders().blueprint(page.blueprint_id).await? else {
        return Ok(QualityReport::default());
    };
    let id = page.id;
    measure(ctx, &blueprint.0, |site| site.page(id))
        .await
        .map(Option::unwrap_or_default)
}

/// The report of what a job wrote: of its page, or else of its site. None when that was deleted, and for a caller who
/// does not reach the site.
pub async fn of_job(ctx: &Context<'_>, page: Option<Uuid>, site: Option<Uuid>) -> Result<Option<QualityReport>> {
    if site.is_some_and(|id| !ctx.caller().reaches_site(id)) {
        return Ok(None);
    }
    let loaders = ctx.loaders();
    if let Some(id) = page {
        return match loaders.page(id).await? {
            Some(page) => of_page(ctx, &page.0).await.map(Some),
            None => Ok(None),
        };
    }
    match site {
        Some(id) => match loaders.blueprint(id).await? {
            Some(blueprint) => of_site(ctx, &blueprint.0).await.map(Some),
            None => Ok(None),
        },
        None => Ok(None),
    }
}

/// All pages with their blocks are loaded at once: what repeats itself is known only of all of them together.
async fn measure(
    ctx: &Context<'_>,
    blueprint: &blueprint::Model,
    report: impl FnOnce(&Site<'_>) -> Option<Report>,
) -> Result<Option<QualityReport>> {
    let loaders = ctx.loaders();
    let pages = loaders.pages_of(blueprint.id).await?;
    let blocks = loaders.block_rows(pages.iter().map(|page| page.0.id)).await?;
    let pages = pages.iter().map(|page| &*page.0);
    let site = Site::of(blueprint, pages, blocks.iter().map(|block| &**block));
    Ok(report(&site).map(QualityReport::from))
}

impl Default for QualityReport {
    /// Of what is gone: nothing, and no reasons.
    fn default() -> Self {
        QualityReport {
            score: 0,
            findings: Vec::new(),
            placeholder_count: 0,
            reading_grade: None,
        }
    }
}
