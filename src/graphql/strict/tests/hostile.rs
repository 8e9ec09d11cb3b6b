//! Documents made to hurt: counted without being laid out, refused before anything walks them.

use std::fmt::Write;
use std::time::{Duration, Instant};

use apollo_compiler::ast::{Definition, Document};
use proptest::prelude::*;
use serde_json::Value;

use super::{code, limits, ours, verdict};
use crate::graphql::strict::weigh::weigh;

fn bomb(levels: usize, spreads: usize) -> String {
    let mut text = "{ ...F0 }".to_string();
    for level in 0..levels {
        let spread = format!("...F{} ", level + 1).repeat(spreads);
        let _ = write!(text, " fragment F{level} on Query {{ {spread}}}");
    }
    let _ = write!(text, " fragment F{levels} on Query {{ __typename }}");
    text
}

fn steps(text: &str) -> Result<usize, String> {
    let document = Document::parse(text, "bomb").unwrap();
    let Definition::OperationDefinition(operation) = &document.definitions[0] else {
        panic!("the operation comes first")
    };
    let mut generous = limits();
    generous.max_expanded_fields = usize::MAX;
    generous.max_root_fields = usize::MAX;
    generous.max_tokens = usize::MAX;
    let weight = weigh(text, &document, operation, &generous).map_err(|error| error.message)?;
    Ok(weight.steps)
}

/// The executor alone takes seconds and gigabytes for the first of them. The clock is generous: the steps are exact.
#[test]
fn fragments_that_multiply_each_other_are_counted_once_each() {
    let strict = ours();
    for (levels, spreads) in [(20, 2), (21, 2), (10, 10), (18, 10)] {
        let text = bomb(levels, spreads);
        let began = Instant::now();
        assert_eq!(
            code(&strict, &text),
            "QUERY_TOO_COMPLEX",
            "{levels} levels of {spreads}"
        );
        assert!(began.elapsed() < Duration::from_millis(250), "{:?}", began.elapsed());
        assert_eq!(steps(&text), Ok(levels * spreads + 2));
    }
    assert_eq!(code(&strict, &bomb(4, 2)), "fine");
}

#[test]
fn a_bomb_that_is_not_chosen_costs_nothing_either() {
    let strict = ours();
    let text = bomb(20, 2).replacen('{', "query Bomb {", 1) + " query Fine { __typename }";
    let began = Instant::now();
    assert_eq!(verdict(&strict, &text, Some("Fine"), Value::Null), None);
    assert!(began.elapsed() < Duration::from_millis(250), "{:?}", began.elapsed());
}

#[test]
fn each_limit_is_named_when_it_is_passed() {
    let strict = ours();
    let nested = |levels: usize| {
        let (open, close) = (
            "jobs { edges { node { children { ".repeat(levels),
            "} ".repeat(levels * 4),
        );
        format!("{{ {open} id {close} }}")
    };
    let aliases = |count: usize| (0..count).map(|at| format!("a{at}: __typename ")).collect::<String>();
    for (query, what) in [
        (format!("{{ {}}}", aliases(31)), "aliases"),
        (format!("{{ {}}}", aliases(10_000)), "bytes"),
        (format!("{{ viewer {{ {} }} }}", aliases(300)), "aliases"),
        (format!("{{ {} }}", "a ".repeat(1_001)), "tokens"),
        (format!("{{ {} }}", "a ".repeat(5_001)), "tokens"),
        (format!("{{ a {} }}", "@a ".repeat(51)), "directives"),
        (nested(4), "levels"),
        (" ".repeat(30_001), "bytes"),
        (format!("{{ {}{} }}", "a { ".repeat(250), "} ".repeat(250)), "nests"),
        (format!("{{ a(x: {}{}) }}", "[".repeat(400), "]".repeat(400)), "nests"),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".into(),
            "introspection",
        ),
        (format!("{{ {} }}", "__schema { types { name } } ".repeat(21)), "root"),
    ] {
        let (code, message) = verdict(&strict, &query, None, Value::Null).unwrap_or_else(|| panic!("{query} passes"));
        assert_eq!(code, "QUERY_TOO_COMPLEX", "{query}: {message}");
        assert!(message.contains(what) && message.ends_with('.'), "{what}: {message}");
    }
}

#[test]
fn fragments_that_contain_themselves_are_refused() {
    let strict = ours();
    let unused = "{ __typename } fragment A on Query { ...B } fragment B on Query { node(id: 1) { ...A } }";
    for text in [
        "{ ...A } fragment A on Query { viewer { ...A } }",
        unused,
        "{ ...A } fragment A on Query { ...A }",
    ] {
        assert_eq!(code(&strict, text), "GRAPHQL_VALIDATION_FAILED", "{text}");
    }
}

/// Pieces that make documents, nearly documents, and nonsense.
const PIECES: &str = r#"{ } ( ) [ ] : ! = @ $ ... | & " """ \ , query mutation subscription fragment on F G a viewer node job
    id role __typename __schema types fields Query Job Node include skip if true null 1 -1 1e9 0.5 é type extend $a"#;
const LARGER_PIECES: &[&str] = &[
    "#",
    "\n",
    "\u{FEFF}",
    "\u{1F680}",
    "\0",
    "{ ...F }",
    "fragment F on Query { ...G }",
    "fragment G on Node { id }",
    "viewer { role }",
    "node(id: $a) { id }",
    "query($a: ID = 1)",
];

fn piece() -> impl Strategy<Value = String> {
    let small: Vec<&str> = PIECES.split_whitespace().collect();
    prop_oneof![
        6 => prop::sample::select(small).prop_map(str::to_string),
        3 => prop::sample::select(LARGER_PIECES).prop_map(str::to_string),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever the text is: no panic, an answer soon, and every refusal is a sentence with a code.
    #[test]
    fn any_text_is_answered(pieces in prop::collection::vec(piece(), 0..120), with_spaces: bool) {
        thread_local!(static STRICT: super::Strict = ours());
        let text = pieces.join(if with_spaces { " " } else { "" });
        let began = Instant::now();
        let refusal = STRICT.with(|strict| verdict(strict, &text, None, Value::Null));
        prop_assert!(began.elapsed() < Duration::from_secs(1), "{:?} for {text:?}", began.elapsed());
        if let Some((code, message)) = refusal {
            prop_assert!(code.len() > 5 && message.ends_with('.') && message.len() < 20_000, "{code}: {message}");
        }
    }
}
