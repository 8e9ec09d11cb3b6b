//! What a credential may ask: one table of the fields that need more than VIEWER, and of what a watch token reads.
//!
//! Every operation passes here before anything of it runs, whatever transport it came by. Whose rows it sees is not a
//! question here: rows are found through their caller (`auth/reach.rs`). A field that a condition leaves out is not
//! asked for, so one document can serve every role.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::{Pos, Positioned, ServerError};

use super::error::Code;
use crate::auth::{Caller, Scope};
use crate::entities::Role;

/// The least role of each mutation, and of every other field that needs more than VIEWER. A test compares it with the
/// schema and with what the descriptions say.
#[rustfmt::skip]
pub const LEAST: &[(&str, &str, Role)] = &[
    ("Mutation", "cancelJob", Role::Editor),
    ("Mutation", "createBlueprint", Role::Editor),
    ("Mutation", "deleteBlueprint", Role::Editor),
    ("Mutation", "generatePage", Role::Editor),
    ("Mutation", "generatePages", Role::Editor),
    ("Mutation", "generateSite", Role::Editor),
    ("Mutation", "generateStructure", Role::Editor),
    ("Mutation", "updateBlueprint", Role::Editor),
    ("Mutation", "createApiKey", Role::Owner),
    ("Mutation", "revokeApiKey", Role::Owner),
    ("Mutation", "createWatchToken", Role::Viewer),
    ("Account", "allApiKeys", Role::Owner),
    ("Account", "apiKeys", Role::Owner),
    ("Mutation", "grantCredits", Role::Admin),
    ("Mutation", "saveBuilderOption", Role::Admin),
    ("Mutation", "savePrice", Role::Admin),
    ("Mutation", "savePromptTemplate", Role::Owner),
    ("Account", "auditEntries", Role::Owner),
    ("Account", "usage", Role::Owner),
    ("Query", "systemStatus", Role::Admin),
    ("Query", "account", Role::Admin),
    ("Query", "accounts", Role::Admin),
];

/// The roots that a watch token may ask. Which rows they find is narrowed elsewhere.
const WATCHABLE: &[&str] = &[
    "__schema",
    "__type",
    "__typename",
    "blueprint",
    "blueprintEvents",
    "job",
    "jobEvents",
    "node",
    "nodes",
    "page",
];

/// What one operation asks for, conditions decided.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The field that needs most, and the role that it needs.
    most: Option<(Role, &'static str, Pos)>,
    /// A root that no watch token may ask.
    unwatchable: Option<(String, Pos)>,
}

impl Asked {
    /// Reads the operation that is going to run.
    pub fn of(schema: &Schema, document: &ExecutableDocument) -> Self {
        let mut asked = Asked {
            most: None,
            unwatchable: None,
        };
        let DocumentOperations::Single(operation) = &document.operations else {
            return asked;
        };
        let root = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let selected = &operation.node.selection_set.node;
        asked.look_at(schema, root, selected);
        asked.look_at_roots(operation.node.ty, selected);
        asked
    }

    fn look_at(&mut self, schema: &Schema, ty: &str, selected: &SelectionSet) {
        for Positioned { node, .. } in &selected.items {
            match node {
                Selection::Field(field) => {
                    let (name, pos) = (field.node.name.node.as_str(), field.pos);
                    if let Some((role, what)) = least(schema, ty, name)
                        && self.most.is_none_or(|(most, ..)| role > most)
                    {
                        self.most = Some((role, what, pos));
                    }
                    let below = &field.node.selection_set.node;
                    if !below.items.is_empty()
                        && let Ok(found) = schema.type_field(ty, name)
                    {
                        self.look_at(schema, found.ty.inner_named_type(), below);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.node.type_condition.as_ref();
                    let on = on.map_or(ty, |on| on.node.on.node.as_str());
                    self.look_at(schema, on, &inline.node.selection_set.node);
                }
                // They were laid out before.
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn look_at_roots(&mut self, kind: OperationType, selected: &SelectionSet) {
        for Positioned { node, .. } in &selected.items {
            match node {
                Selection::Field(field) => {
                    let name = field.node.name.node.as_str();
                    if kind == OperationType::Mutation || !WATCHABLE.contains(&name) {
                        self.unwatchable.get_or_insert_with(|| (name.to_string(), field.pos));
                    }
                }
                Selection::InlineFragment(inline) => self.look_at_roots(kind, &inline.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    /// Refuses a caller who may not ask it.
    pub fn check(&self, caller: &Caller) -> Result<(), ServerError> {
        if caller.scope != Scope::Account
            && let Some((field, pos)) = &self.unwatchable
        {
            let message = format!(
                "A watch token reads one job or one site: it cannot ask {field}. Ask job, blueprint, page, node, \
                 jobEvents or blueprintEvents, or use an API key."
            );
            return Err(forbidden(message, *pos));
        }
        match self.most {
            Some((role, field, pos)) if caller.role < role => {
                let message = format!(
                    "This credential's role is {}, but {field} needs {}. Use one with that role.",
                    word(caller.role),
                    word(role)
                );
                Err(forbidden(message, pos))
            }
            _ => Ok(()),
        }
    }
}

/// The error of a field that cannot be null and lies beyond a watch token.
pub fn out_of_reach(what: &str) -> async_graphql::Error {
    Code::Forbidden.error(format!(
        "This watch token does not reach {what}. Ask for less, or use a token of the site."
    ))
}

fn forbidden(message: String, pos: Pos) -> ServerError {
    let mut error = Code::Forbidden.server_error(message);
    error.locations.push(pos);
    error
}

/// What a field needs; of an interface's field, what the most guarded of its objects needs.
fn least(schema: &Schema, ty: &str, field: &str) -> Option<(Role, &'static str)> {
    let entries = LEAST.iter().filter(|(_, name, _)| *name == field);
    let is_meant = |of: &str| match schema.types.get(of) {
        _ if of == ty => true,
        Some(ExtendedType::Object(object)) => object.implements_interfaces.iter().any(|name| name.as_str() == ty),
        _ => false,
    };
    let entries = entries.filter(|(of, ..)| is_meant(of));
    entries
        .map(|(_, name, role)| (*role, *name))
        .max_by_key(|(role, _)| *role)
}

/// A role as the schema writes it.
pub fn word(role: Role) -> String {
    role.as_str().to_uppercase()
}

#[cfg(test)]
mod tests {
    use apollo_compiler::ExecutableDocument as Document;
    use apollo_compiler::validation::Valid;
    use async_graphql::Request;

    use super::*;
    use crate::graphql::schema::sdl;
    use crate::graphql::strict::Strict;

    fn schema() -> Valid<Schema> {
        Schema::parse_and_validate(sdl(), "schema.graphql").unwrap()
    }

    /// Every field of an object, with its description.
    fn fields(schema: &Schema) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        for (ty, definition) in &schema.types {
            let ExtendedType::Object(object) = definition else {
                continue;
            };
            for (name, field) in &object.fields {
                let described = field
                    .description
                    .as_ref()
                    .map(|text| text.to_string())
                    .unwrap_or_default();
                let described = described.split_whitespace().collect::<Vec<_>>().join(" ");
                all.push((ty.to_string(), name.to_string(), described));
            }
        }
        all
    }

    #[test]
    fn every_mutation_has_a_role_and_every_description_says_the_role_of_the_table() {
        let schema = schema();
        let (mut seen, mut wrong) = (0, Vec::new());
        for (ty, name, described) in fields(&schema) {
            let entry = LEAST.iter().find(|(of, field, _)| *of == ty && *field == name);
            let says = Role::ALL
                .iter()
                .find(|role| described.contains(&format!("Needs the role {}.", word(**role))));
            seen += usize::from(entry.is_some());
            if entry.map(|(.., role)| role) != says || (ty == "Mutation" && entry.is_none()) {
                wrong.push(format!(
                    "{ty}.{name}: the table has {entry:?}, the description says {says:?}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(
            seen,
            LEAST.len(),
            "an entry for a field that does not exist, or one twice"
        );
    }

    #[test]
    fn what_a_watch_token_may_ask_exists() {
        let schema = schema();
        for root in WATCHABLE.iter().filter(|root| !root.starts_with("__")) {
            let exists = |ty| schema.type_field(ty, root).is_ok();
            assert!(exists("Query") || exists("Subscription"), "{root}");
        }
    }

    fn asked(text: &str, variables: serde_json::Value) -> Asked {
        let limits = crate::config::load(&crate::config::Source::default()).unwrap().graphql;
        let strict = Strict::new(&sdl(), limits).unwrap();
        assert!(
            Document::parse_and_validate(&schema(), text, "document.graphql").is_ok(),
            "{text}"
        );
        let request = Request::new(text).variables(async_graphql::Variables::from_json(variables));
        strict
            .ready(request)
            .unwrap_or_else(|errors| panic!("{errors:?}"))
            .asked
    }

    #[test]
    fn a_guarded_field_is_found_wherever_it_stands_and_only_if_it_is_asked_for() {
        let needs = |text: &str, on: bool| {
            let asked = asked(text, serde_json::json!({ "on": on }));
            asked.most.map(|(role, field, _)| (role, field))
        };
        let keys = Some((Role::Owner, "apiKeys"));
        let deep = "query($on: Boolean!) { node(id: \"acc_1\") { ...A } } fragment A on Account { k: apiKeys @include(if: $on) { id } name }";
        assert_eq!((needs(deep, true), needs(deep, false)), (keys, None));
        let skipped = "query($on: Boolean!) { viewer { ... @skip(if: $on) { account { apiKeys { id } } } role } }";
        assert_eq!((needs(skipped, false), needs(skipped, true)), (keys, None));
        let roots = "query($on: Boolean!) { viewer @include(if: $on) { role } accounts { pageInfo { hasNextPage } } }";
        assert_eq!(needs(roots, true), Some((Role::Admin, "accounts")));
        let below = "mutation($on: Boolean!) { cancelJob(input: { jobId: \"job_1\" }) { query { viewer @include(if: $on) { account { apiKeys { id } } } } } }";
        assert_eq!(needs(below, true), keys);
        assert_eq!(needs(below, false), Some((Role::Editor, "cancelJob")));
    }

    #[test]
    fn a_watch_token_asks_few_roots() {
        let caller = Caller {
            scope: Scope::Site(uuid::Uuid::nil()),
            role: Role::Viewer,
            ..Caller::local(uuid::Uuid::nil())
        };
        let may = |text: &str| asked(text, serde_json::json!({})).check(&caller).is_ok();
        assert!(may(
            "{ __typename job(id: \"x\") { id } ... { page(id: \"x\") { id } } }"
        ));
        assert!(may("subscription { jobEvents(jobId: \"x\") { cursor } }"));
        for text in [
            "{ viewer { role } }",
            "{ job(id: \"x\") { id } a: jobs { pageInfo { hasNextPage } } }",
            "{ ... on Query { builderMetadata { prices { amount } } } }",
            "subscription { accountEvents { cursor } }",
            "mutation { cancelJob(input: { jobId: \"x\" }) { query { job(id: \"x\") { id } } } }",
        ] {
            assert!(!may(text), "{text}");
        }
    }
}
