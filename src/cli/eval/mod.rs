//! `sitewright eval`: many briefs through one writer, and a table that says how good the sites are.
//!
//! Made for comparing prompts and models: the same briefs, the same measure, nothing kept. Absent: writing the
//! sites to files; `generate` does that.

mod run;
mod table;

pub use run::run;

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// What stands below the list of options.
const MORE: &str = "\
EXAMPLES
  sitewright eval examples/briefs
  sitewright eval examples/briefs/bakery.toml my-brief.toml --max-pages 3
  sitewright eval examples/briefs --json | jq -c '{brief, score}'

COLUMNS
  pages, blocks  what was written         confirm  phrases that a person must confirm or fill in
  score          0 to 100, as in the API  tokens   read and written, over all attempts and repetitions
  Below each line stand the reasons that cost most, with how often and how many points in all.

WITH --json
  One JSON object a line for each brief: brief, provider, model, state, error, pages, blocks, placeholders,
  score, readingGrade, reasons (code, count, points), findings (code, message, page, path, points),
  promptTokens, completionTokens, seconds.

EXIT CODES
  0 every site was written, 1 something broke, 2 wrong input, 4 a generation failed, 130 cancelled.";

/// Write a site for each of many briefs and measure the sites.
///
/// Works in a temporary database and keeps nothing; the score is counted without any model, so that two prompts
/// or two models can be compared.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = MORE, after_help = "Try --help for the columns, examples and exit codes.")]
pub struct Args {
    /// Brief files, or folders with brief files (*.toml).
    #[arg(value_name = "BRIEFS", required = true)]
    pub briefs: Vec<PathBuf>,

    /// Who writes; the configuration's ai.provider when left out.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,

    /// The most pages that a site may have, 1 to 12.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(i64).range(1..=12))]
    pub max_pages: i64,

    /// Print one JSON object a line instead of a table.
    #[arg(long)]
    pub json: bool,
}
