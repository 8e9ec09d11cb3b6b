//! Each check of the house, shown to fail on the smallest house that breaks its rule and to accept one that does not.
//! A check that reads text can stop finding anything without a word; these tests are how that is noticed.

use super::*;

fn house(files: &[(&str, &str)]) -> Vec<Source> {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

#[track_caller]
fn refused(found: Vec<String>, times: usize) {
    assert_eq!(found.len(), times, "{found:#?}");
}

#[test]
fn a_path_that_points_up_is_refused() {
    refused(
        band_violations(&house(&[("src/jobs/store.rs", "use crate::sites::Page;")])),
        1,
    );
    refused(
        band_violations(&house(&[("src/ai/mod.rs", "fn f() { crate::jobs::run() }")])),
        1,
    );
    refused(
        band_violations(&house(&[("src/sites/page.rs", "use crate::options::Kind;")])),
        1,
    );
    refused(
        band_violations(&house(&[(
            "src/credits/mod.rs",
            "use crate::{db, jobs::{self, Job}, ids::Id};",
        )])),
        1,
    );
    refused(
        band_violations(&house(&[("src/jobs/mod.rs", "use super::graphql;")])),
        1,
    );
    refused(
        band_violations(&house(&[("src/jobs/store.rs", "use super::super::http::Routes;")])),
        1,
    );
    refused(
        band_violations(&house(&[(
            "src/jobs.rs",
            "mod tests {\n use super::super::app::App; }",
        )])),
        1,
    );
    refused(
        band_violations(&house(&[(
            "src/sites/page.rs",
            r#"let x = r"\"; use crate::options::Kind;"#,
        )])),
        1,
    );
}

#[test]
fn a_path_that_points_down_or_stays_is_accepted() {
    let fine = [
        ("src/lib.rs", "pub use crate::graphql::Schema;"),
        ("src/cli/serve.rs", "use crate::{http::Routes, config::{Config, Role}};"),
        (
            "src/jobs/store.rs",
            "use crate::credits::Hold; use super::state::State; use crate::jobs::Job;",
        ),
        ("src/jobs/mod.rs", "mod tests { use super::state; use super::*; }"),
        (
            "src/ai/mod.rs",
            "// not crate::sites\n/* nor crate::jobs /* nested */ */ const A: &str = \"crate::http\"; const B: char = '\"';",
        ),
        (
            "src/ids.rs",
            "pub(crate) struct Id<'a>(&'a str); use crate::error::Failure;",
        ),
        (
            "src/error.rs",
            "const T: &str = r#\"a \" crate::http::x\"#; let r#type = 1;",
        ),
    ];
    assert_none(band_violations(&house(&fine)));
}

#[test]
fn a_module_without_a_band_is_refused() {
    refused(band_violations(&house(&[("src/shiny/mod.rs", "")])), 1);
    refused(band_violations(&house(&[("src/ids.rs", "use crate::Failure;")])), 1);
}

#[test]
fn a_circle_is_refused() {
    let circle = [
        ("src/ids.rs", "use crate::error::E;"),
        ("src/error.rs", "use crate::db;"),
        ("src/db.rs", "use crate::ids;"),
    ];
    refused(cycles(&house(&circle)), 1);
    assert_none(cycles(&house(&circle[..2])));
}

#[test]
fn an_outside_crate_in_the_wrong_place_is_refused() {
    refused(
        fence_violations(&house(&[("src/sites/page.rs", "use axum::Router;")])),
        1,
    );
    refused(
        fence_violations(&house(&[(
            "src/jobs/mod.rs",
            "#[derive(async_graphql::Enum)] enum A {}",
        )])),
        1,
    );
    refused(
        fence_violations(&house(&[("src/jobs/wake.rs", "use fred::prelude::*;")])),
        1,
    );
    let two = [
        ("src/ai/openai.rs", "use async_openai::Client;"),
        ("src/ai/error.rs", "use async_openai::error;"),
    ];
    refused(fence_violations(&house(&two)), 1);
    let fine = [
        ("src/http/mod.rs", "use axum::Router;"),
        (
            "src/sites/block/hero.rs",
            "#[derive(async_graphql::SimpleObject)] struct Hero {}",
        ),
        ("src/events/redis.rs", "use fred::prelude::*;"),
        ("src/jobs/mod.rs", "// axum is not used here"),
        two[0],
    ];
    assert_none(fence_violations(&house(&fine)));
}

#[test]
fn a_transaction_opened_outside_of_db_is_refused() {
    refused(
        transaction_violations(&house(&[("src/jobs/store.rs", "let tx = db.begin().await?;")])),
        1,
    );
    refused(
        transaction_violations(&house(&[("src/dbx.rs", "db\n    .begin_with_config(None, None)")])),
        1,
    );
    assert_none(transaction_violations(&house(&[
        ("src/db.rs", "db.begin().await"),
        ("src/jobs/a.rs", "begin(); at.beginning()"),
    ])));
}

#[test]
fn a_file_without_an_opening_is_refused() {
    refused(without_opening(&house(&[("src/a.rs", "use b;"), ("src/c.rs", "")])), 2);
    assert_none(without_opening(&house(&[("src/a.rs", "//! What it is.\n")])));
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let long = "x\n".repeat(LINE_LIMIT + 1);
    refused(too_long(&house(&[("src/a.rs", &long)]), &[]), 1);
    assert_none(too_long(&house(&[("src/a.rs", &long)]), &[("src/a.rs", "a table")]));
    assert_none(too_long(&house(&[("src/a.rs", &long[2..])]), &[]));
}

#[test]
fn a_drawer_is_refused() {
    refused(
        drawers(&house(&[("src/util.rs", ""), ("src/jobs/helpers/mod.rs", "")])),
        2,
    );
    assert_none(drawers(&house(&[("src/jobs/core_loop.rs", "")])));
}
