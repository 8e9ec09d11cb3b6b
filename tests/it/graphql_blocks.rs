//! What every builder UI asks for: all fields of all kinds of blocks at once, and which pages the plan has.
//!
//! The query is written from the schema's own introspection, so that a new kind or field is part of it by itself.

use serde_json::{Value, json};
use sitewright::ids::{GlobalId, IdKind};

use crate::graphql_served::open;
use crate::support::Backend;

async fn one_query_selects_every_field_of_every_block(backend: Backend) {
    let served = open(backend).await;
    let site = served.world.planned(served.world.account).await;
    let job = served.world.start_page(served.world.account, site.pages[0].id).await;
    served.world.finished(job).await;
    let schema = served
        .data(include_str!("graphql_introspection.graphql"), json!({}))
        .await;
    let types = schema["__schema"]["types"].as_array().unwrap();
    let block = types.iter().find(|ty| ty["name"] == "Block").unwrap();
    assert_eq!(block["possibleTypes"].as_array().unwrap().len(), 16);
    let every_field = every_field(types, "Block");
    let query = format!("query($id: ID!) {{ blueprint(id: $id) {{ pages {{ blocks {every_field} }} }} }}");
    let id = GlobalId::new(IdKind::Blueprint, site.blueprint.id).to_string();
    let data = served.data(&query, json!({ "id": id })).await;
    let pages = data["blueprint"]["pages"].as_array().unwrap();
    let blocks = pages.iter().flat_map(|page| page["blocks"].as_array().unwrap());
    for block in blocks {
        let expected = ["PLANNED", "READY"];
        assert!(expected.contains(&block["status"].as_str().unwrap()), "{block}");
    }
    served.settle().await;
}

/// A selection of all fields of a type, of all its kinds and of all that hangs below. Menus refer to themselves and are
/// no part of a block.
fn every_field(types: &[Value], name: &str) -> String {
    let ty = types.iter().find(|ty| ty["name"] == name).unwrap();
    if ty["kind"] == "INTERFACE" {
        let kinds = ty["possibleTypes"].as_array().unwrap().iter();
        let kinds = kinds.map(|kind| kind["name"].as_str().unwrap());
        let kinds = kinds.map(|kind| format!("... on {kind} {}", every_field(types, kind)));
        return format!("{{ __typename {} }}", kinds.collect::<Vec<_>>().join(" "));
    }
    let fields = ty["fields"].as_array().unwrap().iter().map(|field| {
        let mut leaf = &field["type"];
        while leaf["ofType"].is_object() {
            leaf = &leaf["ofType"];
        }
        let field = field["name"].as_str().unwrap();
        match leaf["kind"].as_str().unwrap() {
            "OBJECT" => format!("{field} {}", every_field(types, leaf["name"].as_str().unwrap())),
            _ => field.to_string(),
        }
    });
    format!("{{ {} }}", fields.collect::<Vec<_>>().join(" "))
}

async fn a_page_that_a_new_plan_leaves_out_says_so(backend: Backend) {
    let served = open(backend).await;
    let world = &served.world;
    let blueprint = world.blueprint(world.account).await;
    let id = GlobalId::new(IdKind::Blueprint, blueprint).to_string();
    let pages = async || {
        let query = "query($id: ID!) { blueprint(id: $id) { pages { slug isPlanned status } } }";
        let data = served.data(query, json!({ "id": id })).await;
        let pages = data["blueprint"]["pages"].as_array().unwrap().clone();
        let ready = pages.iter().filter(|page| page["status"] == "READY").count();
        assert_eq!(ready, pages.len(), "nothing that was written is lost: {pages:?}");
        pages
            .iter()
            .map(|page| page["isPlanned"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    for most in [3, 1] {
        let job = world.start_site(world.account, blueprint, most).await;
        world.finished(job).await;
        let planned = (0..3).map(|place| place < most);
        assert_eq!(pages().await, planned.collect::<Vec<_>>());
    }
    served.settle().await;
}

on_both!(
    one_query_selects_every_field_of_every_block,
    a_page_that_a_new_plan_leaves_out_says_so,
);
