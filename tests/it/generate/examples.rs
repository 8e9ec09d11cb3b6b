//! The briefs of `examples/briefs`: each becomes a whole site that says what its owner said.
//!
//! Judged is what a visitor reads, not what the files contain.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sitewright::jobs::invariants::verify;

use super::{Bench, captures};

fn briefs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/briefs");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The pages of a folder by name, as a visitor reads them: no tags, entities as characters.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".html") {
            let document = fs::read_to_string(folder.join(&name)).unwrap();
            pages.insert(name, visible(&document));
        }
    }
    pages
}

fn visible(document: &str) -> String {
    let body = document.split_once("<body").expect("a page has a body").1;
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        text.push(' ');
        text.push_str(part.split_once('>').map_or("", |(_, text)| text));
    }
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

/// Letters, digits and signs of money in lower case, without anything between them.
fn squeezed(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || "€£$".contains(*c))
        .collect()
}

/// The words of a fact that say something: a page may arrange them anew and join them otherwise.
fn telling(fact: &str) -> Vec<String> {
    const JOINING: &[&str] = &[
        "a", "an", "the", "and", "to", "of", "in", "for", "is", "are", "with", "costs", "cost", "takes", "open",
        "hours", "office",
    ];
    let words = fact.to_lowercase();
    let words = words.split(|c: char| c.is_whitespace() || c == ',').map(squeezed);
    words
        .filter(|word| !word.is_empty() && !JOINING.contains(&word.as_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_becomes_a_site_that_states_every_fact_and_costs_what_the_ledger_says() {
    let examples = briefs();
    assert_eq!(examples.len(), 8);
    for path in examples {
        let bench = Bench::new();
        let database = bench.database();
        let path = path.to_str().unwrap();
        let run = bench
            .run(&[path, "--out", "site", "--json", "--database", &database])
            .await;
        assert_eq!(run.code, Some(0), "{path}: {}", run.err);
        let finished = run.finished();
        for file in finished["files"].as_array().unwrap() {
            let file = bench.path("site").join(file.as_str().unwrap());
            assert!(file.metadata().unwrap().len() > 500, "{}", file.display());
        }
        let pages = pages(&bench.path("site"));
        assert_eq!(pages.len() as u64, finished["pages"].as_u64().unwrap(), "{path}");
        assert!(pages.contains_key("index.html"), "{path}");
        let brief: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let facts = brief["brief"]["facts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fact| fact.as_str().unwrap());
        for fact in facts {
            let words = telling(fact);
            let states = |page: &String| {
                let page = squeezed(page);
                words.iter().all(|word| page.contains(word))
            };
            assert!(pages.values().any(states), "{path}: no page says \"{fact}\"");
        }
        let db = crate::support::connect(&database).await.unwrap();
        assert_eq!(verify(&db).await.unwrap(), Vec::new());
        let captured: i64 = captures(&db).await;
        assert_eq!(finished["charged"].as_i64(), Some(captured), "{path}");
        assert_eq!(finished["balance"].as_i64(), Some(10_000 - captured), "{path}");
        db.close().await;
        bench.check_tidy();
    }
}
