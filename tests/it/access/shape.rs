//! The schema as a test needs it: every place that takes a global id, and the role that each field says it needs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::graphql_served::Served;

const QUERY: &str = "{ __schema { types { kind name
    fields { name description args { name type { ...T } } } inputFields { name type { ...T } } } } }
    fragment T on __Type { name ofType { name ofType { name ofType { name } } } }";

pub struct Shape(BTreeMap<String, Value>);

impl Shape {
    pub async fn of(served: &Served) -> Shape {
        let types = served.data(QUERY, json!({})).await["__schema"]["types"].take();
        let types = types.as_array().unwrap().iter();
        Shape(types.map(|ty| (word(&ty["name"]), ty.clone())).collect())
    }

    /// Each place as `Type.field argument.path`; places in lists end with `[]`.
    pub fn ids(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, ty) in self.0.iter().filter(|(name, _)| !name.starts_with("__")) {
            for field in list(&ty["fields"]) {
                for argument in list(&field["args"]) {
                    let at = format!("{name}.{} {}", word(&field["name"]), word(&argument["name"]));
                    self.walk(&argument["type"], at, &mut Vec::new(), &mut found);
                }
            }
        }
        found
    }

    fn walk(&self, ty: &Value, at: String, within: &mut Vec<String>, found: &mut Vec<String>) {
        let name = inner(ty);
        if name == "ID" {
            found.push(at);
            return;
        }
        if within.contains(&name) {
            return;
        }
        within.push(name.clone());
        for field in list(&self.0[&name]["inputFields"]) {
            self.walk(&field["type"], format!("{at}.{}", word(&field["name"])), within, found);
        }
        within.pop();
    }

    /// The place of a role among the roles, as the description of `Type.field` says it; 0 is VIEWER.
    pub fn least(&self, ty: &str, field: &str) -> usize {
        let fields = list(&self.0[ty]["fields"]);
        let field = fields.iter().find(|known| known["name"] == field).unwrap();
        let says = |role: &&str| {
            word(&field["description"])
                .replace('\n', " ")
                .contains(&format!("Needs the role {role}."))
        };
        ["VIEWER", "EDITOR", "OWNER", "ADMIN"]
            .iter()
            .position(says)
            .unwrap_or(0)
    }
}

fn inner(ty: &Value) -> String {
    match &ty["name"] {
        Value::String(name) => name.clone(),
        _ => inner(&ty["ofType"]),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
