//! Sites, their pages and blocks, as clients see them. The rules are in `crate::sites`.

mod block;
mod blueprint;
mod brief;
mod inputs;
mod mutations;
mod page;
mod quality;
mod queries;

pub use block::*;
pub use blueprint::SiteBlueprint;
pub use mutations::SiteMutations;
pub use page::PageBlueprint;
pub use quality::{QualityReport, of_job as job_quality};
pub use queries::SiteQueries;
