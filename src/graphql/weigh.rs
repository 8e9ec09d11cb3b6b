//! How much a document asks for once its fragments are expanded, counted without expanding them.
//!
//! The executor's own limits walk every spread anew: a few hundred bytes of fragments that double each other cost it
//! seconds. Here each fragment is counted once. Whether fields and fragments exist is left to the validation.

use std::collections::{BTreeSet, HashMap};

use async_graphql::ServerError;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::error::Code;
use super::schema::FIELDS;

/// Levels of selections, fragments included: twice what the limit on nested fields leaves room for.
const LEVELS: usize = 32;

/// Refuses a document that selects too much, nests too deeply, or whose fragments contain themselves.
pub fn weigh(document: &ExecutableDocument) -> Result<(), ServerError> {
    let mut scale = Scale {
        document,
        known: HashMap::new(),
    };
    let mut fields = 0_usize;
    for (_, operation) in document.operations.iter() {
        let weight = scale.selections(&operation.node.selection_set.node, 1)?;
        fields = fields.saturating_add(weight.fields);
    }
    // Nothing spreads these, but the validation reads them too.
    for name in document.fragments.keys() {
        scale.fragment(name, 1)?;
    }
    if fields > FIELDS {
        let message = format!("The document selects {fields} fields, and {FIELDS} are allowed. Ask for less at once.");
        return Err(Code::TooComplex.server_error(message));
    }
    Ok(())
}

/// The root fields of a mutation run one after the other, each with its effects: two of one name are two effects with
/// one answer. Only for documents that [`weigh`] let through.
pub fn refuse_twins(document: &ExecutableDocument, root: &SelectionSet) -> Result<(), ServerError> {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![root];
    while let Some(set) = waiting.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) if field.node.name.node == "__typename" => {}
                Selection::Field(field) => {
                    let name = field.node.response_key().node.as_str();
                    if !seen.insert(name) {
                        let message = format!("The mutation selects {name} twice. Give one of them an alias.");
                        let mut error = Code::ValidationFailed.server_error(message);
                        error.locations = vec![item.pos];
                        return Err(error);
                    }
                }
                Selection::InlineFragment(inline) => waiting.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let found = document.fragments.get(&spread.node.fragment_name.node);
                    waiting.extend(found.map(|fragment| &fragment.node.selection_set.node));
                }
            }
        }
    }
    Ok(())
}

#[derive(Copy, Clone, Default)]
struct Weight {
    fields: usize,
    levels: usize,
}

struct Scale<'a> {
    document: &'a ExecutableDocument,
    /// By the fragment's name; none while it is being counted.
    known: HashMap<&'a str, Option<Weight>>,
}

impl<'a> Scale<'a> {
    fn selections(&mut self, set: &'a SelectionSet, level: usize) -> Result<Weight, ServerError> {
        if level > LEVELS {
            return Err(too_deep());
        }
        let mut sum = Weight::default();
        for item in &set.items {
            let (own, inner) = match &item.node {
                Selection::Field(field) if field.node.selection_set.node.items.is_empty() => (1, Weight::default()),
                Selection::Field(field) => (1, self.selections(&field.node.selection_set.node, level + 1)?),
                Selection::InlineFragment(inline) => (0, self.selections(&inline.node.selection_set.node, level + 1)?),
                Selection::FragmentSpread(spread) => (0, self.fragment(&spread.node.fragment_name.node, level + 1)?),
            };
            sum.fields = sum.fields.saturating_add(own).saturating_add(inner.fields);
            sum.levels = sum.levels.max(inner.levels);
        }
        sum.levels += 1;
        Ok(sum)
    }

    fn fragment(&mut self, name: &str, level: usize) -> Result<Weight, ServerError> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Weight::default());
        };
        match self.known.get(name.as_str()) {
            Some(Some(weight)) if level + weight.levels > LEVELS + 1 => return Err(too_deep()),
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = format!("The fragment {name} contains itself.");
                return Err(Code::ValidationFailed.server_error(message));
            }
            None => {}
        }
        self.known.insert(name, None);
        let weight = self.selections(&fragment.node.selection_set.node, level)?;
        self.known.insert(name, Some(weight));
        Ok(weight)
    }
}

fn too_deep() -> ServerError {
    let message = format!("The document nests more than {LEVELS} levels of selections. Ask for less at once.");
    Code::TooComplex.server_error(message)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;

    use super::*;

    fn verdict(text: &str) -> Result<(), String> {
        let refused = weigh(&parse_query(text).unwrap()).err();
        refused.map_or(Ok(()), |error| Err(error.message))
    }

    fn bomb(levels: usize, spreads: usize) -> String {
        let mut text = "{ ...F0 }".to_string();
        for level in 0..levels {
            let spread = format!("...F{} ", level + 1).repeat(spreads);
            let _ = write!(text, " fragment F{level} on Query {{ {spread}}}");
        }
        let _ = write!(text, " fragment F{levels} on Query {{ __typename }}");
        text
    }

    #[test]
    fn fragments_that_multiply_each_other_are_counted_without_expanding_them() {
        for (levels, spreads) in [(21, 2), (10, 10), (25, 100)] {
            assert!(
                verdict(&bomb(levels, spreads)).unwrap_err().contains("fields"),
                "{levels}"
            );
        }
        assert!(verdict(&bomb(100, 2)).unwrap_err().contains("levels"));
        assert_eq!(verdict(&bomb(10, 2)), Ok(()));
    }

    #[test]
    fn many_cheap_fields_are_many_fields() {
        let many = |count: usize| {
            let fields: String = (0..count).map(|number| format!("a{number}: __typename ")).collect();
            format!("{{ {fields}}}")
        };
        assert!(verdict(&many(20_000)).is_err() && verdict(&many(FIELDS + 1)).is_err());
        assert_eq!(verdict(&many(FIELDS)), Ok(()));
    }

    #[test]
    fn fragments_that_contain_themselves_are_refused() {
        let unused = "{ a } fragment A on Query { ...B } fragment B on Query { b { ...A } }";
        for text in ["{ ...A } fragment A on Query { a { ...A } }", unused] {
            assert!(verdict(text).unwrap_err().contains("contains itself"), "{text}");
        }
    }

    #[test]
    fn the_introspection_of_explorers_passes() {
        let text = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/graphql_introspection.graphql"
        ));
        assert_eq!(verdict(text), Ok(()));
    }
}
