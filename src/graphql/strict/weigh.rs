//! How much an operation asks for once its fragments are expanded, counted without expanding them.
//!
//! The executor's own limits walk every spread anew: a few hundred bytes of fragments that double each other cost it
//! seconds and gigabytes. Here each fragment is counted once, whoever spreads it. Whether fields and fragments exist is
//! left to the validation; introspection has limits of its own, because explorers ask deeper than anybody else.

use std::collections::{HashMap, HashSet};

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, Document, FragmentDefinition, OperationDefinition, Selection};
use async_graphql::ServerError;

use super::tokens;
use crate::config::Graphql;
use crate::graphql::error::Code;

/// GraphiQL's introspection needs 15.
const INTROSPECTION_DEPTH: usize = 20;
/// GraphiQL's introspection needs 229.
const INTROSPECTION_FIELDS: usize = 1_000;
/// Fields of introspection that lead from a type to many others, within each other: each level multiplies the answer
/// by the size of the schema.
const INTROSPECTION_LISTS: usize = 2;
const MULTIPLYING: &[&str] = &["fields", "interfaces", "possibleTypes", "inputFields"];

/// Refuses an operation that asks for more than the limits allow, or whose fragments contain themselves.
pub fn weigh(
    text: &str,
    document: &Document,
    operation: &Node<OperationDefinition>,
    limits: &Graphql,
) -> Result<Weight, ServerError> {
    let mut scale = Scale::new(document);
    scale.weigh_tokens(text, operation, limits.max_tokens)?;
    let mut weight = scale.selections(&operation.selection_set)?;
    weight.directives += operation.directives.len();
    weight.steps = scale.steps;
    let checks = [
        ("fields, fragments expanded", weight.fields, limits.max_expanded_fields),
        ("levels of fields", weight.depth, limits.max_depth),
        ("aliases", weight.aliases, limits.max_aliases),
        ("fields at its root", weight.width, limits.max_root_fields),
        ("directives", weight.directives, limits.max_directives),
        ("fields of introspection", weight.meta.fields, INTROSPECTION_FIELDS),
        ("levels of introspection", weight.meta.depth, INTROSPECTION_DEPTH),
        (
            "lists of introspection within each other",
            weight.meta.lists,
            INTROSPECTION_LISTS,
        ),
    ];
    match checks.iter().find(|(_, given, allowed)| given > allowed) {
        Some((what, given, allowed)) => Err(too_much(what, *given, *allowed)),
        None => Ok(weight),
    }
}

pub fn too_much(what: &str, given: usize, allowed: usize) -> ServerError {
    let given = if given == usize::MAX {
        "countless".to_string()
    } else {
        given.to_string()
    };
    let message = format!("The operation has {given} {what}, and {allowed} are allowed. Ask for less at once.");
    Code::TooComplex.server_error(message)
}

/// What a selection weighs, everything below it included.
#[derive(Copy, Clone, Default, Debug)]
pub struct Weight {
    pub fields: usize,
    depth: usize,
    /// Fields of the selection itself.
    width: usize,
    aliases: usize,
    directives: usize,
    /// Multiplying fields of introspection within each other.
    lists: usize,
    meta: Meta,
    /// Selections that were looked at to find this out.
    pub steps: usize,
}

/// The part below `__schema` and `__type`.
#[derive(Copy, Clone, Default, Debug)]
struct Meta {
    fields: usize,
    depth: usize,
    lists: usize,
}

impl Weight {
    fn add(&mut self, other: &Weight) {
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
        self.width = self.width.saturating_add(other.width);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.lists = self.lists.max(other.lists);
        self.meta.fields = self.meta.fields.saturating_add(other.meta.fields);
        self.meta.depth = self.meta.depth.max(other.meta.depth);
        self.meta.lists = self.meta.lists.max(other.meta.lists);
    }

    /// The weight of a field whose selection weighs this much.
    fn within(mut self, name: &str, is_aliased: bool, directives: usize) -> Weight {
        self.width = 1;
        self.aliases = self.aliases.saturating_add(usize::from(is_aliased));
        self.directives = self.directives.saturating_add(directives);
        self.fields = self.fields.saturating_add(1);
        self.depth = self.depth.saturating_add(1);
        self.lists += usize::from(MULTIPLYING.contains(&name));
        if name == "__schema" || name == "__type" {
            let fields = self.meta.fields.saturating_add(self.fields);
            let (depth, lists) = (self.meta.depth.max(self.depth), self.meta.lists.max(self.lists));
            self.meta = Meta { fields, depth, lists };
            (self.fields, self.depth, self.lists) = (0, 0, 0);
        }
        self
    }
}

struct Scale<'a> {
    fragments: HashMap<&'a str, &'a FragmentDefinition>,
    /// Where a fragment's text is.
    spans: HashMap<&'a str, (usize, usize)>,
    /// By the fragment's name; none while it is being counted.
    known: HashMap<&'a str, Option<Weight>>,
    steps: usize,
}

impl<'a> Scale<'a> {
    fn new(document: &'a Document) -> Self {
        let (mut fragments, mut spans) = (HashMap::new(), HashMap::new());
        for definition in &document.definitions {
            if let Definition::FragmentDefinition(fragment) = definition {
                let name = fragment.name.as_str();
                fragments.entry(name).or_insert(&**fragment);
                if let Some(span) = fragment.location() {
                    spans.entry(name).or_insert((span.offset(), span.end_offset()));
                }
            }
        }
        Scale {
            fragments,
            spans,
            known: HashMap::new(),
            steps: 0,
        }
    }

    /// The tokens of the operation and of every fragment that it reaches. It also bounds how deep the walk can get.
    fn weigh_tokens(
        &self,
        text: &str,
        operation: &'a Node<OperationDefinition>,
        limit: usize,
    ) -> Result<(), ServerError> {
        let mut reached: HashSet<&str> = HashSet::new();
        let mut waiting: Vec<&[Selection]> = vec![&operation.selection_set];
        while let Some(selections) = waiting.pop() {
            for selection in selections {
                match selection {
                    Selection::Field(field) => waiting.push(&field.selection_set),
                    Selection::InlineFragment(inline) => waiting.push(&inline.selection_set),
                    Selection::FragmentSpread(spread) => {
                        if let Some((name, fragment)) = self.fragments.get_key_value(spread.fragment_name.as_str())
                            && reached.insert(name)
                        {
                            waiting.push(&fragment.selection_set);
                        }
                    }
                }
            }
        }
        let own = operation.location().map(|span| (span.offset(), span.end_offset()));
        let own = own.unwrap_or((0, text.len()));
        let spans = reached.iter().filter_map(|name| self.spans.get(name));
        let mut tokens: usize = 0;
        for (from, to) in spans.chain([&own]) {
            tokens += tokens::count(text.get(*from..*to).unwrap_or(text), limit);
        }
        if tokens > limit {
            return Err(too_much("tokens", tokens, limit));
        }
        Ok(())
    }

    fn selections(&mut self, selections: &'a [Selection]) -> Result<Weight, ServerError> {
        let mut sum = Weight::default();
        for selection in selections {
            self.steps += 1;
            let weight = match selection {
                Selection::Field(field) => self.selections(&field.selection_set)?.within(
                    &field.name,
                    field.alias.is_some(),
                    field.directives.len(),
                ),
                Selection::InlineFragment(inline) => {
                    let mut weight = self.selections(&inline.selection_set)?;
                    weight.directives = weight.directives.saturating_add(inline.directives.len());
                    weight
                }
                Selection::FragmentSpread(spread) => {
                    let mut weight = self.fragment(&spread.fragment_name)?;
                    weight.directives = weight.directives.saturating_add(spread.directives.len());
                    weight
                }
            };
            sum.add(&weight);
        }
        Ok(sum)
    }

    fn fragment(&mut self, name: &str) -> Result<Weight, ServerError> {
        let Some((name, fragment)) = self.fragments.get_key_value(name) else {
            return Ok(Weight::default());
        };
        let (name, fragment) = (*name, *fragment);
        match self.known.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = format!("The fragment {name} contains itself. Take it out of its own selection.");
                return Err(Code::ValidationFailed.server_error(message));
            }
            None => {}
        }
        self.known.insert(name, None);
        let mut weight = self.selections(&fragment.selection_set)?;
        weight.directives = weight.directives.saturating_add(fragment.directives.len());
        self.known.insert(name, Some(weight));
        Ok(weight)
    }
}
