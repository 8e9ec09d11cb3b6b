//! Requests that clients send, and how each wrong one is refused.

use async_graphql::parser::types::{DocumentOperations, OperationType, Selection};
use serde_json::{Value, json};

use super::{ask, code, ours, verdict};
use crate::graphql::strict::Ready;

const INTROSPECTION: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/it/graphql_introspection.graphql"
));
const OPERATIONS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/operations.graphql"));

/// The names of the root fields that the executor will meet, in order.
fn roots(ready: Ready) -> Vec<String> {
    let mut request = ready.request;
    let document = request.parsed_query().unwrap().clone();
    let DocumentOperations::Single(operation) = document.operations else {
        panic!("one operation runs")
    };
    let items = operation.node.selection_set.node.items.into_iter();
    let name = |selection| match selection {
        Selection::Field(field) => field.node.response_key().node.to_string(),
        other => panic!("not a field: {other:?}"),
    };
    items.map(|item| name(item.node)).collect()
}

#[test]
fn explorers_and_the_examples_pass_in_one_tab() {
    let strict = ours();
    assert_eq!(code(&strict, INTROSPECTION), "fine");
    let names: Vec<&str> = OPERATIONS
        .lines()
        .filter(|line| {
            ["query ", "mutation ", "subscription "]
                .iter()
                .any(|kind| line.starts_with(kind))
        })
        .filter_map(|line| line.split([' ', '(', '{']).nth(1))
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let refusal = verdict(&strict, OPERATIONS, Some(name), Value::Null);
        // Their variables are left out here, and nothing else is wrong with them.
        assert!(
            refusal.as_ref().is_none_or(|(code, _)| code == "BAD_USER_INPUT"),
            "{name}: {refusal:?}"
        );
    }
}

#[test]
fn the_operation_is_known_before_anything_runs() {
    let strict = ours();
    let two = "query A { viewer { role } } mutation B { cancelJob(input: {jobId: 1}) { job { id } } }";
    let picked = ask(&strict, two, Some("B"), Value::Null).ok().unwrap();
    assert!(picked.kind == OperationType::Mutation && picked.name.as_deref() == Some("B"));
    for (query, name) in [(two, None), (two, Some("C")), ("{ viewer { role } }", Some("A"))] {
        let (code, _) = verdict(&strict, query, name, Value::Null).unwrap();
        assert_eq!(code, "OPERATION_RESOLUTION_FAILURE", "{query}");
    }
}

#[test]
fn a_field_selected_twice_is_met_once() {
    let strict = ours();
    let one = "cancelJob(input: {jobId: 1}) { job { id } }";
    let spread = format!("mutation {{ {one} ...M }} fragment M on Mutation {{ ... {{ {one} b: {one} }} }}");
    let ready = ask(&strict, &spread, None, Value::Null).ok().unwrap();
    assert_eq!(roots(ready), ["cancelJob", "b"]);
}

#[test]
fn what_cannot_be_merged_is_refused() {
    let strict = ours();
    for query in [
        "mutation { cancelJob(input: {jobId: 1}) { job { id } } cancelJob(input: {jobId: 2}) { job { id } } }",
        "{ ...A ...B } fragment A on Query { x: viewer { role } } fragment B on Query { x: node(id: 1) { id } }",
        "{ nope }",
        "{ viewer }",
        "query($a: Nope) { viewer { role } }",
        "subscription { accountEvents { at } jobEvents(jobId: 1) { at } }",
        "subscription { ...S } fragment S on Subscription { accountEvents { at } b: accountEvents { at } }",
        "subscription($a: Boolean!) { accountEvents @include(if: $a) { at } }",
        "{ quote(input: { site: { blueprintId: 1 }, page: { pageId: 1 } }) { total } }",
        "{ quote(input: { }) { total } }",
        "query($i: QuoteInput = { page: null }) { quote(input: $i) { total } }",
    ] {
        assert_eq!(code(&strict, query), "GRAPHQL_VALIDATION_FAILED", "{query}");
    }
    assert_eq!(
        code(
            &strict,
            "subscription { accountEvents { at } ... { accountEvents { at } } }"
        ),
        "fine"
    );
    for query in ["{ viewer", "{ node(id: 1, x) { id } }", "{ node(id) { id } }"] {
        assert_eq!(code(&strict, query), "GRAPHQL_PARSE_FAILED", "{query}");
    }
}

#[test]
fn a_refusal_says_where() {
    let errors = ask(&ours(), "{\n  nope\n  viewer { nope }\n}", None, Value::Null)
        .err()
        .unwrap();
    let places: Vec<_> = errors
        .iter()
        .map(|error| (error.locations[0].line, error.locations[0].column))
        .collect();
    assert_eq!(places, [(2, 3), (3, 12)]);
    let told = "Cannot query field \"nope\" on type \"Query\". Did you mean \"node\"?";
    assert_eq!(errors[0].message, told);
}

#[test]
fn variables_are_fitted_before_anything_runs() {
    let strict = ours();
    let query = |declared: &str| format!("query({declared}) {{ node(id: $a) {{ id }} }}");
    let (must, has) = ("$a: ID!", "$a: ID! = 1");
    for (declared, given) in [
        (must, json!({})),
        (must, json!({ "a": null })),
        (has, json!({ "a": null })),
        (must, json!({ "a": [1] })),
        (must, json!({ "a": {} })),
    ] {
        let (code, message) = verdict(&strict, &query(declared), None, given).unwrap();
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(message.contains('a') && message.ends_with('.'), "{message}");
    }
    for (declared, given) in [
        (must, json!({ "a": "1" })),
        (must, json!({ "a": 1.0 })),
        (has, json!({})),
    ] {
        assert_eq!(verdict(&strict, &query(declared), None, given), None, "{declared}");
    }
    let one_of = "query($i: QuoteInput!) { quote(input: $i) { total } }";
    for given in [
        json!({}),
        json!({ "page": null }),
        json!({ "page": { "pageId": "1" }, "site": { "blueprintId": "1" } }),
    ] {
        let refusal = verdict(&strict, one_of, None, json!({ "i": given })).unwrap();
        assert_eq!(refusal.0, "BAD_USER_INPUT", "{refusal:?}");
    }
}

#[test]
fn a_mistyped_name_is_answered_with_the_one_that_was_meant() {
    let strict = ours();
    let message = |query: &str, given| verdict(&strict, query, None, given).unwrap().1;
    for (query, told) in [
        (
            "{ viewer { account { credit { held } } } }",
            "Cannot query field \"credit\" on type \"Account\". Did you mean \"credits\"?",
        ),
        ("{ zebra }", "Cannot query field \"zebra\" on type \"Query\"."),
        (
            "{ viewer { role }",
            "The document cannot be read: expected `}`, got the end of the text.",
        ),
    ] {
        assert_eq!(message(query, json!({})), told);
    }
    let create = "mutation($i: CreateBlueprintInput!) { createBlueprint(input: $i) { userErrors { code } } }";
    let brief = json!({ "businessName": "Rye", "sumary": "Bread.", "summary": "Bread." });
    let told = message(create, json!({ "i": { "name": "Rye", "brief": brief } }));
    assert!(told.ends_with("Did you mean \"summary\"?"), "{told}");
    let whole = message("{ viewer { account } }", json!({}));
    assert!(whole.ends_with('?') || whole.ends_with('.'), "{whole}");
    assert!(!whole.contains("?."), "{whole}");
}

#[test]
fn conditions_are_decided_each_time() {
    let strict = ours();
    let query =
        "query($a: Boolean = true, $b: Boolean) { viewer @include(if: $a) { role } x: __typename @skip(if: $a) }";
    for (given, expected) in [
        (json!({}), vec!["viewer"]),
        (json!({ "a": false }), vec!["x"]),
        (json!({ "a": true }), vec!["viewer"]),
    ] {
        let query = query.replace(", $b: Boolean", "");
        let ready = ask(&strict, &query, None, given).ok().unwrap();
        assert_eq!(roots(ready), expected);
    }
    assert_eq!(code(&strict, query), "GRAPHQL_VALIDATION_FAILED", "an unused variable");
    let query = query.replace(", $b: Boolean", "");
    let refusal = verdict(&strict, &query, None, json!({ "a": null })).unwrap();
    assert!(refusal.0 == "BAD_USER_INPUT" && refusal.1.contains("$a"), "{refusal:?}");
}

#[test]
fn a_document_of_fragments_only_is_refused_by_the_validation() {
    let strict = ours();
    let fragments = "fragment F on Query { __typename } fragment G on Query { ...F }";
    for name in [None, Some("F")] {
        let (code, message) = verdict(&strict, fragments, name, Value::Null).unwrap();
        assert_eq!(code, "GRAPHQL_VALIDATION_FAILED");
        assert!(message.contains("no operation"), "{message}");
    }
}

/// As the reference implementation: what a scalar of ours cannot be refuses the request, and nothing runs.
#[test]
fn a_value_that_is_none_of_our_scalars_refuses_the_request() {
    let strict = ours();
    let key =
        |given: &str| format!("mutation {{ createApiKey(input: {{ name: \"k\", expiresAt: {given} }}) {{ secret }} }}");
    for given in [
        "\"tomorrow\"",
        "1",
        "true",
        "TODAY",
        "{ at: 1 }",
        "[\"2030-01-01T00:00:00Z\"]",
    ] {
        assert_eq!(code(&strict, &key(given)), "GRAPHQL_VALIDATION_FAILED", "{given}");
    }
    for given in ["\"2030-01-01T00:00:00Z\"", "\"2030-01-01T00:00:00.5+02:00\"", "null"] {
        assert_eq!(code(&strict, &key(given)), "fine", "{given}");
    }
    let (_, message) = verdict(&strict, &key("\"tomorrow\""), None, Value::Null).unwrap();
    assert!(message.contains("RFC 3339") && message.ends_with('.'), "{message}");
    let by_variable = "mutation($at: DateTime) { createApiKey(input: { name: \"k\", expiresAt: $at }) { secret } }";
    let by_input = "mutation($in: CreateApiKeyInput!) { createApiKey(input: $in) { secret } }";
    let cursor = "subscription($at: Cursor) { accountEvents(after: $at) { at } }";
    for given in [json!("tomorrow"), json!(1), json!({}), json!(["2030-01-01T00:00:00Z"])] {
        let within = json!({ "in": { "name": "k", "expiresAt": given } });
        for (query, variables) in [(by_variable, json!({ "at": given })), (by_input, within)] {
            let (code, message) = verdict(&strict, query, None, variables).unwrap();
            assert_eq!(code, "BAD_USER_INPUT", "{given}");
            assert!(message.ends_with('.'), "{message}");
        }
    }
    assert_eq!(
        verdict(&strict, cursor, None, json!({ "at": 1 })).unwrap().0,
        "BAD_USER_INPUT"
    );
    assert_eq!(verdict(&strict, cursor, None, json!({ "at": "j.1" })), None);
    let default = "query($at: Cursor = 1) { viewer { role @skip(if: false) } }";
    assert_eq!(code(&strict, default), "GRAPHQL_VALIDATION_FAILED");
}
