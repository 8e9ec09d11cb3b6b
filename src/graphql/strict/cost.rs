//! What an operation costs, in fields: what a credential's budget is charged.
//!
//! Every field is 1, together with what stands below it as often as it is asked for: a connection by its `first` or
//! `last` (20 when neither is given), `ids` by their number, another list 5 times. Of what differs by type only the
//! dearest type counts, because an object has one. Each field of the mutation root is 10 more, and 100 more if it
//! starts jobs. What a subscription brings later is free: the job behind it was paid for.

use std::collections::HashMap;

use apollo_compiler::ast::Value;
use apollo_compiler::executable::{Field, Operation, OperationType, Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};

const MUTATION: u64 = 10;
const START: u64 = 100;
/// What starts jobs is known by what it returns.
const START_PAYLOADS: &[&str] = &["StartJobPayload", "StartJobsPayload"];
/// Entries of a connection when the client does not say, and the most that it gets (`graphql::paging`).
const USUAL_SLICE: u64 = 20;
const LARGEST_SLICE: u64 = 100;
/// Entries that are assumed of a list whose length nobody says.
const USUAL_LIST: u64 = 5;

/// The cost, and whether it is the same for all variables.
pub fn cost(
    schema: &Schema,
    document: &Valid<ExecutableDocument>,
    operation: &Operation,
    values: &JsonMap,
) -> (u64, bool) {
    let mut count = Count {
        schema,
        document,
        values,
        fragments: HashMap::new(),
        is_fixed: true,
    };
    let mut cost = count.selections(&operation.selection_set, false);
    if operation.operation_type == OperationType::Mutation {
        for field in operation.root_fields(document) {
            let starts = START_PAYLOADS.contains(&field.ty().inner_named_type().as_str());
            cost = cost.saturating_add(MUTATION + if starts { START } else { 0 });
        }
    }
    (cost.max(1), count.is_fixed)
}

struct Count<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    values: &'a JsonMap,
    /// Each fragment is counted once, whoever spreads it.
    fragments: HashMap<&'a str, u64>,
    is_fixed: bool,
}

impl<'a> Count<'a> {
    fn selections(&mut self, set: &'a SelectionSet, is_meta: bool) -> u64 {
        let mut sum: u64 = 0;
        let mut by_type: HashMap<&str, u64> = HashMap::new();
        for selection in &set.selections {
            let (ty, cost) = match selection {
                Selection::Field(field) => (None, self.field(field, is_meta)),
                Selection::InlineFragment(inline) => {
                    let cost = self.selections(&inline.selection_set, is_meta);
                    (inline.type_condition.as_deref(), cost)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.fragment_name, is_meta),
            };
            let one_of_many = ty.filter(|ty| *ty != set.ty.as_str() && self.schema.get_object(ty).is_some());
            match one_of_many {
                Some(ty) => {
                    let own = by_type.entry(ty).or_default();
                    *own = own.saturating_add(cost);
                }
                None => sum = sum.saturating_add(cost),
            }
        }
        sum.saturating_add(by_type.into_values().max().unwrap_or_default())
    }

    fn fragment(&mut self, name: &str, is_meta: bool) -> (Option<&'a str>, u64) {
        let document = self.document;
        let Some((name, fragment)) = document.fragments.get_key_value(name) else {
            return (None, 0);
        };
        let cost = match self.fragments.get(name.as_str()) {
            Some(cost) => *cost,
            None => {
                let cost = self.selections(&fragment.selection_set, is_meta);
                self.fragments.insert(name.as_str(), cost);
                cost
            }
        };
        (Some(fragment.selection_set.ty.as_str()), cost)
    }

    fn field(&mut self, field: &'a Field, is_meta: bool) -> u64 {
        let is_meta = is_meta || field.name.starts_with("__");
        if field.selection_set.selections.is_empty() {
            return 1;
        }
        let each = self.selections(&field.selection_set, is_meta);
        let times = if is_meta { 1 } else { self.entries(field) };
        each.saturating_mul(times).saturating_add(1)
    }

    /// How many objects a field gives at most, or is assumed to give.
    fn entries(&mut self, field: &'a Field) -> u64 {
        let takes = |name: &str| field.definition.argument_by_name(name).is_some();
        if takes("first") && takes("last") {
            let asked = [self.number(field, "first"), self.number(field, "last")];
            let asked = asked.into_iter().flatten().max();
            return asked.unwrap_or(USUAL_SLICE).min(LARGEST_SLICE);
        }
        if !field.ty().is_list() || field.name == "edges" {
            return 1;
        }
        if takes("ids") {
            return self.length(field, "ids").unwrap_or(USUAL_LIST);
        }
        USUAL_LIST
    }

    fn number(&mut self, field: &'a Field, name: &str) -> Option<u64> {
        match &**self.argument(field, name)? {
            Value::Int(number) => number.try_to_i32().ok().and_then(|number| u64::try_from(number).ok()),
            Value::Variable(variable) => {
                self.is_fixed = false;
                self.values.get(variable.as_str())?.as_u64()
            }
            _ => None,
        }
    }

    fn length(&mut self, field: &'a Field, name: &str) -> Option<u64> {
        match &**self.argument(field, name)? {
            Value::List(items) => Some(items.len() as u64),
            Value::Variable(variable) => {
                self.is_fixed = false;
                Some(self.values.get(variable.as_str())?.as_array()?.len() as u64)
            }
            _ => Some(1),
        }
    }

    fn argument(&self, field: &'a Field, name: &str) -> Option<&'a apollo_compiler::Node<Value>> {
        let argument = field.arguments.iter().find(|argument| argument.name == name);
        argument.map(|argument| &argument.value)
    }
}
