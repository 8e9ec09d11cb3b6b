//! `sitewright eval` as its users run it: briefs in, a table or lines of JSON out, nothing left behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{self, Ended, sitewright};

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let temporary = folder.path().join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let mut command = sitewright(&["eval"]);
    command
        .args(arguments)
        .current_dir(folder.path())
        .env("TMPDIR", temporary);
    command
}

async fn eval(folder: &TempDir, arguments: &[&str]) -> Ended {
    let ended = binary::run(command(folder, arguments)).await;
    let left = fs::read_dir(folder.path().join("tmp")).unwrap().count();
    assert_eq!(left, 0, "a temporary database was left behind");
    ended
}

fn examples() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/briefs");
    path.to_str().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_briefs_become_a_line_each_and_the_same_score_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let ended = eval(&folder, &[&examples(), "--json", "--max-pages", "2"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let read = |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let lines = read(&ended.out);
    assert_eq!(lines.len(), 8);
    for line in &lines {
        assert_eq!(
            (line["state"].as_str(), line["pages"].as_i64()),
            (Some("succeeded"), Some(2)),
            "{line}"
        );
        let score = line["score"].as_i64().unwrap();
        assert!((60..=100).contains(&score), "{line}");
        assert!(line["completionTokens"].as_i64().unwrap() > 100 && line["blocks"].as_i64().unwrap() > 3);
    }
    let again = read(&eval(&folder, &[&examples(), "--json", "--max-pages", "2"]).await.out);
    let scores = |lines: &[Value]| {
        lines
            .iter()
            .map(|line| (line["score"].clone(), line["reasons"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(scores(&lines), scores(&again));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_for_people_and_a_failure_has_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bakery = format!("{}/bakery.toml", examples());
    let ended = eval(&folder, &[&bakery, "--max-pages", "1"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    for words in ["BRIEF", "SCORE", "bakery ", "1 briefs written by offline: mean score "] {
        assert!(ended.out.contains(words), "{words:?} is missing in {}", ended.out);
    }
    let mut command = command(&folder, &[&bakery, "--max-pages", "1", "--provider", "scripted"]);
    command.env("SITEWRIGHT_AI__SCRIPT", "structure -> fail refusal");
    let failed = binary::run(command).await;
    assert_eq!(failed.code, Some(4), "{}", failed.err);
    assert!(failed.out.contains("failed: REFUSED: "), "{}", failed.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_brief_is_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("bad.toml"), "[brief]\nbusiness_name = 7\n").unwrap();
    let bakery = format!("{}/bakery.toml", examples());
    for (arguments, words) in [
        (vec!["empty"], "There are no brief files"),
        (vec!["missing.toml"], "missing.toml"),
        (vec![bakery.as_str(), "bad.toml"], "bad.toml"),
        (vec![bakery.as_str(), "--provider", "nobody"], "ai.provider"),
        // What the configuration would be refused for.
        (vec![bakery.as_str(), "--provider", "openai"], "ai.model"),
    ] {
        let ended = eval(&folder, &arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.err);
        assert!(
            ended.err.contains(words) && ended.out.is_empty(),
            "{arguments:?}: {} {}",
            ended.err,
            ended.out
        );
    }
}
