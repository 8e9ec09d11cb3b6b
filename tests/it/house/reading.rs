//! Reads the sources the way the checks of the house need them: as files, and as names without comments and literals.
//! A real parser would be one more crate to build for every test; this one knows just enough of Rust's grammar to find
//! paths. It does not see through macros that build a path.

use std::fs;
use std::path::Path;

/// A path relative to the repository, with `/` between its parts, and the file's text.
pub type Source = (String, String);

/// `src/jobs/store.rs` belongs to `jobs`; the two roots of the crate, `lib.rs` and `main.rs`, belong to nobody.
pub fn top_module(path: &str) -> Option<String> {
    module_path(path).into_iter().next()
}

fn module_path(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    if inner == "lib" || inner == "main" {
        vec![]
    } else {
        inner.split('/').map(str::to_owned).collect()
    }
}

/// Every top module that a file names through `crate::` or a `super::` that climbs to the root, with its line.
pub fn named_modules(path: &str, text: &str) -> Vec<(usize, String)> {
    let tokens = tokens(text);
    let depth = module_path(path).len();
    let mut inline: Vec<bool> = Vec::new(); // one entry an open brace: whether a module opened it
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let word = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text.as_str());
        let before = |offset: usize| at.checked_sub(offset).map_or("", |at| tokens[at].text.as_str());
        match token.text.as_str() {
            "{" => inline.push(before(2) == "mod"),
            "}" => drop(inline.pop()),
            "crate" if word(1) == "::" => found.extend(heads(&tokens[at + 2..])),
            "super" if before(1) != "::" => {
                let climbed = (0..)
                    .take_while(|step| word(step * 2) == "super" && word(step * 2 + 1) == "::")
                    .count();
                let levels = depth + inline.iter().filter(|module| **module).count();
                if climbed == levels && climbed > 0 {
                    found.extend(heads(&tokens[at + climbed * 2..]));
                }
            }
            _ => {}
        }
    }
    found
}

/// The first names of a path or of a group in braces: `a::b` gives a, `{a::b, c::{d, e}, self}` gives a and c.
fn heads(tokens: &[Token]) -> Vec<(usize, String)> {
    let is_name = |token: &Token| token.text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let head = |token: &Token| (token.line, token.text.clone());
    match tokens.first() {
        Some(first) if is_name(first) => vec![head(first)],
        Some(first) if first.text == "{" => {
            let mut found = Vec::new();
            let mut depth = 0;
            let mut starts = false;
            for token in tokens {
                match token.text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                if starts && is_name(token) && token.text != "self" {
                    found.push(head(token));
                }
                starts = depth == 1 && (token.text == "," || token.text == "{");
            }
            found
        }
        _ => vec![],
    }
}

#[derive(Debug)]
pub struct Token {
    pub line: usize,
    pub text: String,
}

/// Names, `::` and single signs of the code. Comments and literals fall away, so that prose may name anything.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let (length, token) = match rest {
            ['/', '/', ..] => (length_until(rest, &['\n']), None),
            ['/', '*', ..] => (block_comment(rest), None),
            ['"', ..] => (quoted(rest, '"'), None),
            ['r', '"' | '#', ..] | ['b' | 'c', 'r', '"' | '#', ..] if raw_string(rest).is_some() => {
                (raw_string(rest).unwrap_or(1), None)
            }
            ['\'', '\\', ..] | ['\'', _, '\'', ..] => (quoted(rest, '\''), None),
            [':', ':', ..] => (2, Some("::".to_owned())),
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let name: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                (name.chars().count(), Some(name))
            }
            [c, ..] if c.is_whitespace() => (1, None),
            _ => (1, Some(rest[0].to_string())),
        };
        found.extend(token.map(|text| Token { line, text }));
        let length = length.min(rest.len());
        line += rest[..length].iter().filter(|c| **c == '\n').count();
        at += length;
    }
    found
}

fn length_until(rest: &[char], end: &[char]) -> usize {
    rest.windows(end.len())
        .position(|window| window == end)
        .unwrap_or(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of `r"…"`, `r#"…"#`, `br"…"` and their like; none for a raw name such as `r#type`.
fn raw_string(rest: &[char]) -> Option<usize> {
    let prefix = rest.iter().take_while(|c| c.is_alphabetic()).count();
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let start = prefix + hashes + 1;
    if rest.get(start - 1) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.extend(std::iter::repeat_n('#', hashes));
    Some(start + length_until(&rest[start..], &end) + end.len())
}

/// Every Rust file below these folders of the repository; a folder that does not exist has none.
pub fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut waiting: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "node_modules" {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root)
                    .expect("a path below the repository")
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((name, fs::read_to_string(&path).expect("read a source file")));
            }
        }
    }
    assert!(!found.is_empty(), "no Rust file was found in {folders:?}");
    found.sort();
    found
}
