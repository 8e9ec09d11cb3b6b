//! The roots of the schema, made of one part a noun, and the schema as text.

use async_graphql::{MergedObject, SDLExportOptions, SchemaBuilder, ValidationMode};

use super::accounts::{AccountMutations, AccountQueries, WatchMutations};
use super::credits::CreditMutations;
use super::jobs::{JobMutations, JobQueries, Subscription};
use super::node::NodeQueries;
use super::operation::Operations;
use super::options::{MetadataCache, OptionMutations, OptionQueries};
use super::prompts::{PromptMutations, PromptQueries};
use super::sites::{SiteMutations, SiteQueries};
use super::status::StatusQueries;
use crate::app::App;

pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// What can be read. Everything is found through the account of the request: what is not yours does not exist.
#[derive(MergedObject, Default)]
pub struct Query(
    NodeQueries,
    AccountQueries,
    OptionQueries,
    SiteQueries,
    JobQueries,
    PromptQueries,
    StatusQueries,
);

/// What can be changed. An expected failure is an entry of the payload's `userErrors`, and then nothing was written;
/// top-level `errors` are for missing rights, malformed requests and bugs.
#[derive(MergedObject, Default)]
pub struct Mutation(
    AccountMutations,
    WatchMutations,
    SiteMutations,
    JobMutations,
    CreditMutations,
    OptionMutations,
    PromptMutations,
);

/// The schema over a running application.
pub fn schema(app: App) -> Schema {
    builder()
        .extension(Operations)
        .data(MetadataCache::default())
        .data(app)
        .finish()
}

pub(super) fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    // What runs was limited and validated by `strict`; every list of fields it wrote down may be one level more.
    Schema::build(Query::default(), Mutation::default(), Subscription)
        .validation_mode(ValidationMode::Fast)
        .limit_recursive_depth(200)
}

/// The schema as text, in an order that does not depend on the code's.
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .use_space_ident();
    let sdl = builder().finish().sdl_with_options(options);
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim())
}
