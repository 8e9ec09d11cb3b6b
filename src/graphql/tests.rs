//! What must hold for the schema as a whole, read from its own introspection.

use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::{builder, sdl};

const INTROSPECTION: &str = "{ __schema { types { kind name description
    fields(includeDeprecated: true) { name description args { name description } type { ...T } }
    inputFields { name description }
    enumValues(includeDeprecated: true) { name description }
    possibleTypes { name } } } }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

async fn types() -> Vec<Value> {
    let response = builder().finish().execute(INTROSPECTION).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().unwrap();
    let is_ours = |ty: &&Value| {
        let name = ty["name"].as_str().unwrap();
        !name.starts_with("__") && !["Int", "Float", "String", "Boolean", "ID"].contains(&name)
    };
    data["__schema"]["types"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_ours)
        .cloned()
        .collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn name(value: &Value) -> &str {
    value["name"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn everything_is_described() {
    let mut bare = Vec::new();
    let mut check = |value: &Value, path: String| {
        if value["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            bare.push(path);
        }
    };
    for ty in types().await {
        check(&ty, name(&ty).to_string());
        for key in ["fields", "inputFields", "enumValues"] {
            for member in list(&ty, key) {
                check(member, format!("{}.{}", name(&ty), name(member)));
                for argument in list(member, "args") {
                    let path = format!("{}.{}({})", name(&ty), name(member), name(argument));
                    check(argument, path);
                }
            }
        }
    }
    assert!(bare.is_empty(), "without a description: {bare:#?}");
}

/// The types by name, to follow fields.
type Types<'a> = BTreeMap<&'a str, &'a Value>;

/// What GraphQL compares when two fields of one name are selected on different types: lists and nulls must agree, leaves
/// must be the same type, and of objects the fields that both have must agree in turn.
fn same_shape(types: &Types, left: &Value, right: &Value, depth: usize) -> Result<(), String> {
    if left["ofType"].is_object() || right["ofType"].is_object() {
        if left["kind"] != right["kind"] {
            return Err(format!("{} and {}", left["kind"], right["kind"]));
        }
        return same_shape(types, &left["ofType"], &right["ofType"], depth);
    }
    let is_object = |ty: &Value| ["OBJECT", "INTERFACE"].iter().any(|kind| ty["kind"] == **kind);
    if left["name"] == right["name"] {
        return Ok(());
    }
    if !is_object(left) || !is_object(right) {
        return Err(format!("{} and {}", left["name"], right["name"]));
    }
    let (left, right) = (types[name(left)], types[name(right)]);
    if depth == 0 {
        Ok(())
    } else {
        same_fields(types, left, right, depth - 1)
    }
}

fn same_fields(types: &Types, left: &Value, right: &Value, depth: usize) -> Result<(), String> {
    for field in list(left, "fields") {
        let twin = list(right, "fields").iter().find(|twin| name(twin) == name(field));
        if let Some(twin) = twin {
            same_shape(types, &field["type"], &twin["type"], depth)
                .map_err(|difference| format!("{} of {} and {}: {difference}", name(field), name(left), name(right)))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn one_query_can_select_every_field_of_every_kind() {
    let all = types().await;
    let types: Types = all.iter().map(|ty| (name(ty), ty)).collect();
    for interface in ["Block", "JobEvent", "AccountEvent", "UserError"] {
        let kinds: Vec<&Value> = list(types[interface], "possibleTypes")
            .iter()
            .map(|possible| types[name(possible)])
            .collect();
        assert!(kinds.len() > 2, "{interface}");
        for (at, left) in kinds.iter().enumerate() {
            for right in &kinds[at + 1..] {
                let verdict = same_fields(&types, left, right, 3);
                assert_eq!(verdict, Ok(()), "in {interface}");
            }
        }
    }
}

#[tokio::test]
async fn two_types_that_disagree_are_noticed() {
    let all = types().await;
    let types: Types = all.iter().map(|ty| (name(ty), ty)).collect();
    // `kind` is a JobKind in one and a BlockKind in the other.
    let verdict = same_fields(&types, types["GenerationJob"], types["HeroBlock"], 3);
    assert!(verdict.unwrap_err().contains("JobKind"));
}

#[test]
fn the_schema_as_text_is_stable_and_has_no_extra_nodes_field() {
    let text = sdl();
    assert_eq!(text, sdl());
    assert!(text.contains("type HeroBlock implements Block & Node"), "{text}");
    assert!(!text.contains("\tnodes: ") && text.ends_with('\n'));
}
