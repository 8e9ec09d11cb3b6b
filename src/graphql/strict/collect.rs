//! One operation as the executor gets it: fragments laid out, conditions decided, each field once.
//!
//! The specification collects the fields of a selection by response key while it executes; the executor below does not
//! merge them and knows no union as a type condition. So it is done here, ahead of it: on an object everything is one
//! list of fields; on an interface or a union each group of fields stands under the types that it applies to.

use std::collections::{BTreeSet, HashMap, HashSet};

use apollo_compiler::ast::DirectiveList;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Node, Schema};
use async_graphql::parser::types::{
    Field as OutField, InlineFragment, Selection as OutSelection, SelectionSet as OutSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, ServerError};

use super::convert::{Places, literal, name};
use super::cures::{Cure, is_on};
use super::weigh::too_much;
use crate::graphql::error::Code;

/// The object types that an interface or a union can be; an object type is only itself.
pub struct Possible(HashMap<String, BTreeSet<String>>);

impl Possible {
    pub fn of(schema: &Valid<Schema>) -> Self {
        let mut possible: HashMap<String, BTreeSet<String>> = HashMap::new();
        let mut add = |of: &str, ty: &str| {
            possible.entry(of.to_string()).or_default().insert(ty.to_string());
        };
        for (name, ty) in &schema.types {
            match ty {
                ExtendedType::Object(object) => {
                    add(name, name);
                    for interface in &object.implements_interfaces {
                        add(interface, name);
                    }
                }
                ExtendedType::Union(union) => {
                    for member in &union.members {
                        add(name, member);
                    }
                }
                _ => {}
            }
        }
        Possible(possible)
    }

    fn get(&self, ty: &str) -> BTreeSet<&str> {
        let types = self.0.get(ty);
        types.into_iter().flatten().map(String::as_str).collect()
    }

    fn contains(&self, ty: &str, object: &str) -> bool {
        self.0.get(ty).is_some_and(|types| types.contains(object))
    }
}

pub struct Collector<'a> {
    pub schema: &'a Valid<Schema>,
    pub possible: &'a Possible,
    pub document: &'a ExecutableDocument,
    /// The coerced values of the variables; those that decide conditions are among them.
    pub values: &'a JsonMap,
    /// What `@skip` and `@include` look at: the same, unless a cure is off.
    pub conditions: &'a JsonMap,
    /// Fields that may still be written down: an interface within an interface multiplies them by its types.
    pub room: usize,
}

type Collected = Result<Vec<Positioned<OutSelection>>, ServerError>;

/// A field of an object: where it was selected first, and everything selected below it.
struct Merged<'a> {
    field: &'a Node<Field>,
    below: Vec<&'a SelectionSet>,
}

/// A field of an interface or a union, and the types it was selected for.
struct Guarded<'a> {
    key: &'a str,
    types: BTreeSet<&'a str>,
    merged: Merged<'a>,
}

impl<'a> Collector<'a> {
    /// The root selection of an operation.
    pub fn operation(&mut self, operation: &'a Operation) -> Result<Positioned<OutSet>, ServerError> {
        let root = &operation.selection_set;
        let places = Places(&self.document.sources);
        let pos = places.of(root.selections.first().and_then(place));
        if operation.is_subscription() {
            self.check_subscription(operation)?;
        }
        let ty = operation.object_type().as_str();
        let items = if operation.is_subscription() && !is_on(Cure::SubscriptionRoot) {
            self.direct(ty, root)?
        } else {
            self.below(ty, &[root])?
        };
        Ok(Positioned::new(OutSet { items }, pos))
    }

    /// The root of a subscription is one field, by its response key. Conditions were refused by the validation.
    fn check_subscription(&self, operation: &'a Operation) -> Result<(), ServerError> {
        let ty = operation.object_type().as_str();
        let (mut keys, mut order) = (HashMap::new(), Vec::new());
        self.gather(ty, &operation.selection_set, &mut HashSet::new(), &mut keys, &mut order);
        if order.len() == 1 || !is_on(Cure::SubscriptionRoot) {
            return Ok(());
        }
        let message = "A subscription selects exactly one field at its root. Subscribe to the others on their own.";
        let mut error = Code::ValidationFailed.server_error(message);
        error.locations =
            vec![Places(&self.document.sources).of(operation.selection_set.selections.first().and_then(place))];
        Err(error)
    }

    fn is_included(&self, directives: &DirectiveList) -> bool {
        directives.iter().all(|directive| {
            let wanted = match directive.name.as_str() {
                "skip" => false,
                "include" => true,
                _ => return true,
            };
            let condition = directive.specified_argument_by_name("if");
            let value = condition.is_some_and(|condition| match condition.as_variable() {
                Some(variable) => {
                    self.conditions.get(variable.as_str()).and_then(|value| value.as_bool()) == Some(true)
                }
                None => condition.to_bool() == Some(true),
            });
            value == wanted
        })
    }

    /// The fields selected on `ty` by all of `sets` together.
    fn below(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> Collected {
        if !is_on(Cure::Merge) {
            return self.unmerged(sets);
        }
        match self.schema.types.get(ty) {
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => self.of_abstract(ty, sets),
            _ => self.of_object(ty, sets),
        }
    }

    fn of_object(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> Collected {
        let (mut keys, mut order, mut spread) = (HashMap::new(), Vec::new(), HashSet::new());
        for set in sets {
            self.gather(ty, set, &mut spread, &mut keys, &mut order);
        }
        order.iter().map(|merged| self.field(ty, merged)).collect()
    }

    /// CollectFields of the specification.
    fn gather(
        &self,
        ty: &str,
        set: &'a SelectionSet,
        spread: &mut HashSet<&'a str>,
        keys: &mut HashMap<&'a str, usize>,
        order: &mut Vec<Merged<'a>>,
    ) {
        for selection in set.selections.iter().filter(|item| self.is_included(item.directives())) {
            match selection {
                Selection::Field(field) => {
                    let at = *keys.entry(field.response_key().as_str()).or_insert(order.len());
                    if at == order.len() {
                        let below = Vec::new();
                        order.push(Merged { field, below });
                    }
                    order[at].below.push(&field.selection_set);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.type_condition.as_ref();
                    if condition.is_none_or(|condition| self.possible.contains(condition, ty)) {
                        self.gather(ty, &inline.selection_set, spread, keys, order);
                    }
                }
                Selection::FragmentSpread(named) => {
                    if let Some(fragment) = self.document.fragments.get(&named.fragment_name)
                        && self.possible.contains(fragment.type_condition(), ty)
                        && spread.insert(named.fragment_name.as_str())
                    {
                        self.gather(ty, &fragment.selection_set, spread, keys, order);
                    }
                }
            }
        }
    }

    fn of_abstract(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> Collected {
        let all: BTreeSet<&'a str> = self.possible.get(ty);
        let (mut found, mut spread) = (Vec::new(), HashSet::new());
        let mut is_plain = true;
        for set in sets {
            is_plain &= self.gather_guarded(&all, set, &mut spread, &mut found);
        }
        if !is_plain {
            // Some field is selected for types that overlap without being the same: each type gets its own list.
            let list = |collector: &mut Self, object: &str| {
                let items = collector.of_object(object, sets)?;
                Ok(under(object, items))
            };
            return all.iter().map(|object| list(self, object)).collect();
        }
        let mut out = Vec::new();
        for group in found.chunk_by(|one, other| one.types == other.types) {
            let types = &group[0].types;
            let is_here = |guarded: &Guarded| self.schema.type_field(ty, &guarded.merged.field.name).is_ok();
            if types.len() == all.len() && group.iter().all(is_here) {
                let items = group.iter().map(|guarded| self.field(ty, &guarded.merged));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                out.push(under(ty, items));
                continue;
            }
            for object in types {
                let items = group.iter().map(|guarded| self.field(object, &guarded.merged));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                out.push(under(object, items));
            }
        }
        Ok(out)
    }

    /// CollectFields for all of `types` at once. False when a field would have to be merged for some types only.
    fn gather_guarded(
        &self,
        types: &BTreeSet<&'a str>,
        set: &'a SelectionSet,
        spread: &mut HashSet<(&'a str, BTreeSet<&'a str>)>,
        found: &mut Vec<Guarded<'a>>,
    ) -> bool {
        if types.is_empty() {
            return true;
        }
        let mut is_plain = true;
        for selection in set.selections.iter().filter(|item| self.is_included(item.directives())) {
            is_plain &= match selection {
                Selection::Field(field) => guard(types, field, found),
                Selection::InlineFragment(inline) => {
                    let narrowed = self.narrowed(types, inline.type_condition.as_deref());
                    self.gather_guarded(&narrowed, &inline.selection_set, spread, found)
                }
                Selection::FragmentSpread(named) => match self.document.fragments.get(&named.fragment_name) {
                    Some(fragment) => {
                        let narrowed = self.narrowed(types, Some(fragment.type_condition()));
                        let is_new = spread.insert((named.fragment_name.as_str(), narrowed.clone()));
                        !is_new || self.gather_guarded(&narrowed, &fragment.selection_set, spread, found)
                    }
                    None => true,
                },
            };
        }
        is_plain
    }

    fn narrowed(&self, types: &BTreeSet<&'a str>, condition: Option<&str>) -> BTreeSet<&'a str> {
        let applies = |ty: &&&str| condition.is_none_or(|condition| self.possible.contains(condition, ty));
        types.iter().filter(applies).copied().collect()
    }

    fn field(&mut self, parent: &str, merged: &Merged<'a>) -> Result<Positioned<OutSelection>, ServerError> {
        let field = merged.field;
        self.room = self.room.checked_sub(1).ok_or_else(no_room)?;
        let own = self.schema.type_field(parent, &field.name);
        let inner = own.map_or(&field.definition.ty, |own| &own.ty).inner_named_type();
        let items = match merged.below.iter().all(|set| set.selections.is_empty()) {
            true => Vec::new(),
            false => self.below(inner, &merged.below)?,
        };
        Ok(self.write(field, items))
    }

    fn write(&self, field: &Node<Field>, items: Vec<Positioned<OutSelection>>) -> Positioned<OutSelection> {
        let places = Places(&self.document.sources);
        let pos = places.of(field.location());
        // A variable without a value leaves its argument out, so that the argument's own default counts.
        let is_given = |value: &apollo_compiler::ast::Value| match value.as_variable() {
            Some(variable) => self.values.contains_key(variable.as_str()) || !is_on(Cure::Omitted),
            None => true,
        };
        let arguments = field.arguments.iter().filter(|argument| is_given(&argument.value));
        let arguments = arguments.map(|argument| {
            let pos = places.of(argument.location());
            (
                name(&argument.name, pos),
                Positioned::new(literal(&argument.value), pos),
            )
        });
        let out = OutField {
            alias: field.alias.as_ref().map(|alias| name(alias, pos)),
            name: name(&field.name, pos),
            arguments: arguments.collect(),
            directives: Vec::new(),
            selection_set: Positioned::new(OutSet { items }, pos),
        };
        Positioned::new(OutSelection::Field(Positioned::new(out, pos)), pos)
    }

    /// Every field as often as it was selected: what the executor got before there was a cure.
    fn unmerged(&mut self, sets: &[&'a SelectionSet]) -> Collected {
        let mut out = Vec::new();
        for selection in sets.iter().flat_map(|set| &set.selections) {
            if !self.is_included(selection.directives()) {
                continue;
            }
            self.room = self.room.checked_sub(1).ok_or_else(no_room)?;
            match selection {
                Selection::Field(field) => {
                    let items = self.unmerged(&[&field.selection_set])?;
                    out.push(self.write(field, items));
                }
                Selection::InlineFragment(inline) => {
                    let on = inline.type_condition.as_ref().unwrap_or(&inline.selection_set.ty);
                    out.push(under(on, self.unmerged(&[&inline.selection_set])?));
                }
                Selection::FragmentSpread(named) => {
                    if let Some(fragment) = self.document.fragments.get(&named.fragment_name) {
                        let items = self.unmerged(&[&fragment.selection_set])?;
                        out.push(under(fragment.type_condition(), items));
                    }
                }
            }
        }
        Ok(out)
    }

    /// The fields that stand directly in a selection, fragments ignored: how the executor reads a subscription's root.
    fn direct(&mut self, ty: &str, set: &'a SelectionSet) -> Collected {
        let mut out = Vec::new();
        for selection in &set.selections {
            if let Selection::Field(field) = selection {
                let below = vec![&field.selection_set];
                out.push(self.field(ty, &Merged { field, below })?);
            }
        }
        Ok(out)
    }
}

/// Adds a field that is selected for `types`. False when it was already selected for some of them only.
fn guard<'a>(types: &BTreeSet<&'a str>, field: &'a Node<Field>, found: &mut Vec<Guarded<'a>>) -> bool {
    let key = field.response_key().as_str();
    let is_leaf = field.selection_set.selections.is_empty();
    for known in found.iter_mut().filter(|known| known.key == key) {
        if known.types == *types || (is_leaf && known.types.is_superset(types)) {
            known.merged.below.push(&field.selection_set);
            return true;
        }
        if !known.types.is_disjoint(types) {
            return false;
        }
    }
    let below = vec![&field.selection_set];
    found.push(Guarded {
        key,
        types: types.clone(),
        merged: Merged { field, below },
    });
    true
}

fn under(ty: &str, items: Vec<Positioned<OutSelection>>) -> Positioned<OutSelection> {
    let pos = items.first().map_or(Pos::default(), |item| item.pos);
    let on = Positioned::new(Name::new(ty), pos);
    let inline = InlineFragment {
        type_condition: Some(Positioned::new(TypeCondition { on }, pos)),
        directives: Vec::new(),
        selection_set: Positioned::new(OutSet { items }, pos),
    };
    Positioned::new(OutSelection::InlineFragment(Positioned::new(inline, pos)), pos)
}

fn no_room() -> ServerError {
    too_much("fields, written down for every type that they apply to", usize::MAX, 0)
}

fn place(selection: &Selection) -> Option<apollo_compiler::parser::SourceSpan> {
    match selection {
        Selection::Field(field) => field.location(),
        Selection::InlineFragment(inline) => inline.location(),
        Selection::FragmentSpread(named) => named.location(),
    }
}
