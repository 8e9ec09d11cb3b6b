//! The arguments of `generate` and its help, which doubles as the format's documentation.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// What stands below the list of options.
const EXAMPLE: &str = r##"A BRIEF FILE
  name = "Rye & Shine website"          # optional; the business name when left out
  description = "Spring relaunch"       # optional; a note for yourself

  [brief]
  business_name = "Rye & Shine"         # required
  summary = "A sourdough bakery in Leith. We want more pre-orders."   # required
  business_type = "Bakery"              # a name or key of the list, or your own words
  audience_profiles = ["Families"]      # names or keys, at most 10
  brand_personalities = ["Friendly"]    # names or keys, at most 10
  hero_imagery_direction = "Still life"  # a name or key
  objectives = ["Sell bread ahead", "Bring people to the shop on weekdays"]
  facts = ["Open Tuesday to Saturday, 7:30 to 15:00", "A large loaf costs £4.80"]
  language = "en"                       # a tag such as en or pt-BR

  A name that is not in its list is answered with the names that come close to it.

EXAMPLES
  sitewright generate examples/briefs/bakery.toml --out site
  sitewright generate brief.toml --max-pages 4 --json | jq -c 'select(.event == "finished")'
  sitewright generate brief.toml --database sqlite://sitewright.db   # keep the site for the server

WHAT IT WRITES
  DIR/site.json and one HTML file a page; the home page is DIR/index.html. Files of these names are
  replaced, no other file is touched, and nothing is written unless every page was finished.

WITH --json
  One JSON object a line on standard output. Each has "event" and "seconds" (since the start):
    started         job, blueprint, provider, maxPages, held
    planning        phase, progress
    page_planned    page (slug, title), blocks
    page_started    page, attempt
    block_written   page, kind, written, planned
    page_finished   page, state, charged, released
    retrying        page (null while planning), reason, nextAttemptAt
    cancelling
    finished        state, pages, blocks, held, charged, released, balance, database, error (code,
                    message), notices, warnings, placeholders (slug, title, items), out, files
  States are succeeded, failed, cancelled and quarantined.

EXIT CODES
  0 done, 1 something broke, 2 wrong input, 3 not enough credits, 4 the generation failed, 130 cancelled.
  Ctrl-C cancels: it waits until the account is settled and says what was charged. A second Ctrl-C does
  not wait."##;

/// Make a whole website from a brief file, here and now.
///
/// Plans the site, writes every page, and leaves HTML files that open in any browser. Needs no server,
/// no account and no network: the offline writer works from the brief alone.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = EXAMPLE, after_help = "Try --help for the format of a brief file, examples and exit codes.")]
pub struct Args {
    /// The brief, a TOML file.
    #[arg(value_name = "BRIEF.toml")]
    pub brief: PathBuf,

    /// The folder for the pages; it is made when it is missing.
    #[arg(long, value_name = "DIR", default_value = "site")]
    pub out: PathBuf,

    /// Who writes; the configuration's ai.provider when left out.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,

    /// The most pages that the site may have, 1 to 12.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(i64).range(1..=12))]
    pub max_pages: i64,

    /// Print one JSON object a line instead of words.
    #[arg(long)]
    pub json: bool,

    /// Keep the site in this database (sqlite://FILE or postgres://…) instead of a temporary one.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,

    /// How fast the offline writer writes, in tokens a second; 0 is full speed.
    ///
    /// Without it: full speed, or on a terminal the configured ai.offline_tokens_per_second, so that
    /// there is something to watch.
    #[arg(long, value_name = "TOKENS")]
    pub pace: Option<u32>,
}
