//! The arguments of `watch`, and its help.

use clap::Args as ClapArgs;

/// What stands below the list of options.
const EXAMPLE: &str = r#"EXAMPLES
  sitewright watch job_0195a7c2f1a87c3e9d0b5a4e6f708192
  sitewright watch site_0195a7c2f1a87c3e9d0b5a4e6f708192 --url https://sites.example.org/graphql
  SITEWRIGHT_KEY=sw_live_… sitewright watch job_… --json | jq -c 'select(.type == "JobFinished")'

  A job is followed to its end, a SITE job with all its pages. A site is followed until the jobs that run
  now have ended; when none runs, the next one that starts. A lost connection is taken up again where it
  was lost. Ctrl-C ends the watching, not the job.

WITH --json
  One event of the GraphQL schema a line on standard output, with "type" (its type), "cursor", "at", "job"
  and its own fields. TextWritten is left out, because it would be most of the lines.

EXIT CODES
  0 succeeded, 1 something broke, 2 wrong input or no such server, 4 failed or quarantined, 130 cancelled or
  Ctrl-C."#;

/// Follow a job or a site of a server until it is done.
#[derive(Debug, ClapArgs)]
#[command(after_long_help = EXAMPLE, after_help = "Try --help for examples and exit codes.")]
pub struct Args {
    /// The id of a job (job_…) or of a site (site_…).
    #[arg(value_name = "JOB|BLUEPRINT")]
    pub id: String,

    /// The server's GraphQL address; without it the server of this folder's configuration on this machine.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// An API key, for a server that asks for one.
    #[arg(long, value_name = "KEY", env = "SITEWRIGHT_KEY", hide_env_values = true)]
    pub key: Option<String>,

    /// Print one JSON object a line instead of words.
    #[arg(long)]
    pub json: bool,
}
