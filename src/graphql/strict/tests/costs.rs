//! What operations cost.

use serde_json::{Value, json};

use super::{ask, ours};

fn cost(query: &str, variables: Value) -> u64 {
    match ask(&ours(), query, None, variables) {
        Ok(ready) => ready.cost,
        Err(errors) => panic!("{query}: {errors:?}"),
    }
}

fn plain(query: &str) -> u64 {
    cost(query, json!({}))
}

#[test]
fn fields_are_counted_as_often_as_they_are_asked_for() {
    assert_eq!(plain("{ __typename }"), 1);
    assert_eq!(plain("{ viewer { role account { id } } }"), 4);
    // 1 + n × (edges + node + 2).
    assert_eq!(plain("{ blueprints { edges { node { id name } } } }"), 81);
    assert_eq!(plain("{ blueprints(first: 3) { edges { node { id name } } } }"), 13);
    assert_eq!(plain("{ blueprints(last: 3) { edges { node { id name } } } }"), 13);
    assert_eq!(plain("{ blueprints(first: 5000) { edges { node { id name } } } }"), 401);
    assert_eq!(plain("{ blueprints(first: 0) { edges { node { id name } } } }"), 1);
    let paged = "query($n: Int) { blueprints(first: $n) { edges { node { id name } } } }";
    assert_eq!(cost(paged, json!({ "n": 3 })), 13);
    assert_eq!(cost(paged, json!({})), 81);
    assert_eq!(cost(paged, json!({ "n": -5 })), 81);
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    assert_eq!(cost(nodes, json!({ "ids": ["a", "b", "c"] })), 4);
    assert_eq!(plain("{ nodes(ids: [\"a\", \"b\"]) { id } }"), 3);
    // A list of unknown length, and one within it.
    assert_eq!(
        plain("{ blueprint(id: 1) { pages { blocks { id } } } }"),
        1 + 1 + 5 * (1 + 5)
    );
}

#[test]
fn of_what_differs_by_type_the_dearest_counts() {
    let page = "{ page(id: 1) { blocks { id ... on HeroBlock { headline goal } ... on FaqBlock { goal } ... on Block { kind } } } }";
    assert_eq!(plain(page), 1 + 1 + 5 * (1 + 2 + 1));
    let spread =
        "{ page(id: 1) { blocks { ...A ...B } } } fragment A on HeroBlock { id goal } fragment B on Block { kind }";
    assert_eq!(plain(spread), 1 + 1 + 5 * (2 + 1));
}

#[test]
fn changes_and_starts_cost_more() {
    let change = "mutation { cancelJob(input: { jobId: 1 }) { job { id } } }";
    assert_eq!(plain(change), 3 + 10);
    let start = "mutation { generatePage(input: { pageId: 1, idempotencyKey: \"k\" }) { job { id } } }";
    assert_eq!(plain(start), 3 + 110);
    let subscription = "subscription { accountEvents { at } }";
    assert_eq!(plain(subscription), 2);
}

#[test]
fn the_cost_of_a_document_that_multiplies_itself_is_counted_without_multiplying_it() {
    let mut document =
        "{ blueprints(first: 10) { edges { node { jobs(first: 10) { edges { node { ...F0 } } } } } } }".to_string();
    for level in 0..3 {
        document += &format!(
            " fragment F{level} on GenerationJob {{ parent {{ ...F{0} }} children {{ ...F{0} }} }}",
            level + 1
        );
    }
    document += " fragment F3 on GenerationJob { id }";
    assert!(plain(&document) > 30_000);
}

#[test]
fn introspection_is_counted_by_its_fields() {
    let query = "{ __schema { types { name fields { name args { name } } } } }";
    assert_eq!(plain(query), 7);
}

#[test]
fn what_costs_more_than_one_operation_may_is_refused_whoever_asks() {
    let jobs = "jobs(first: 100) { edges { node { id";
    let close = " } } }";
    let once = format!("{{ blueprints(first: 30) {{ edges {{ node {{ id {jobs} {close} }} }} }} }}");
    assert!(plain(&once) > 9_000);
    let paged = format!("query($n: Int) {{ blueprints(first: $n) {{ edges {{ node {{ id {jobs} {close} }} }} }} }}");
    assert!(cost(&paged, json!({ "n": 100 })) < 100_000);
    let twice = format!(
        "query($n: Int) {{ blueprints(first: $n) {{ edges {{ node {{ {jobs} blueprint {{ {jobs} {close} }} {close} }} }} }} }}"
    );
    let strict = ours();
    // The document is the same, and what it costs is the variables' doing.
    assert!(ask(&strict, &twice, None, json!({ "n": 1 })).is_ok());
    let errors = ask(&strict, &twice, None, json!({ "n": 100 }))
        .err()
        .expect("it costs too much");
    assert!(errors[0].message.starts_with("The operation costs 3"), "{errors:?}");
}
