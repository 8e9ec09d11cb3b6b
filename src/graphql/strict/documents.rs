//! Documents that were found good, by their text: the validation costs more than most operations.
//!
//! Only good ones are kept, and by weight, so that nobody fills the memory with them.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use apollo_compiler::ast::DirectiveList;
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Node};
use async_graphql::ServerError;
use async_graphql::parser::types::{ExecutableDocument as Runnable, OperationType};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use crate::graphql::error::Code;
use crate::graphql::guard::Asked;

/// Bytes of memory that all of them may take, by the estimate below.
const MEMORY: u64 = 64 * 1024 * 1024;
/// A document in memory, for each byte of its text.
const MEMORY_PER_BYTE: u64 = 60;
/// Ways in which the conditions and missing values of one operation may be decided and still be remembered.
const VARIANTS: usize = 16;

/// What runs, with its conditions decided, and what that asks for.
pub struct Variant {
    pub runnable: Runnable,
    pub asked: Asked,
}

/// A valid document and the operation of it that runs.
pub struct Checked {
    pub document: Valid<ExecutableDocument>,
    pub operation: Node<Operation>,
    pub roots: Arc<[String]>,
    /// The variable that gives the root field of a subscription its place, and nothing else.
    begins: Option<String>,
    /// Variables that decide a `@skip` or an `@include`.
    conditions: HashSet<String>,
    /// Its cost, where that does not depend on the variables.
    cost: OnceLock<u64>,
    variants: Mutex<HashMap<Vec<u8>, Arc<Variant>>>,
}

impl Checked {
    pub fn new(document: Valid<ExecutableDocument>, name: Option<&str>) -> Result<Self, ServerError> {
        let operation = document.operations.get(name);
        let operation =
            operation.map_err(|error| Code::OperationResolution.server_error(error.message().to_string()))?;
        let mut conditions = HashSet::new();
        for operation in document.operations.iter() {
            note_conditions(&operation.selection_set, &mut conditions);
        }
        for fragment in document.fragments.values() {
            note_conditions(&fragment.selection_set, &mut conditions);
        }
        let roots = operation.root_fields(&document);
        Ok(Checked {
            begins: begins(&document, operation),
            operation: operation.clone(),
            roots: roots.map(|field| field.name.to_string()).collect(),
            document,
            conditions,
            cost: OnceLock::new(),
            variants: Mutex::default(),
        })
    }

    /// What the operation costs; counted once where it is always the same.
    pub fn cost(&self, count: impl FnOnce() -> (u64, bool)) -> u64 {
        if let Some(cost) = self.cost.get() {
            return *cost;
        }
        let (cost, is_fixed) = count();
        if is_fixed {
            let _ = self.cost.set(cost);
        }
        cost
    }

    pub fn kind(&self) -> OperationType {
        super::kind(self.operation.operation_type)
    }

    /// The variable whose value says only where the stream begins, and not what its events look like.
    pub fn begins(&self) -> Option<&str> {
        self.begins.as_deref()
    }

    /// A variable that decides a condition and is null: neither yes nor no.
    pub fn undecided(&self, values: &JsonMap) -> Option<&str> {
        let mut names = self.conditions.iter().map(String::as_str);
        names.find(|name| values.get(*name).is_some_and(|value| value.is_null()))
    }

    /// What was collected for values that decide the same.
    pub fn variant(&self, values: &JsonMap) -> Option<Arc<Variant>> {
        self.variants.lock().get(&self.shape(values)).cloned()
    }

    pub fn keep(&self, values: &JsonMap, variant: Arc<Variant>) {
        let mut variants = self.variants.lock();
        if variants.len() < VARIANTS {
            variants.insert(self.shape(values), variant);
        }
    }

    /// A byte a variable: whether it has a value, and which if it decides a condition.
    fn shape(&self, values: &JsonMap) -> Vec<u8> {
        let shape = self.operation.variables.iter().map(|variable| {
            let name = variable.name.as_str();
            match values.get(name) {
                None => 0,
                Some(value) if self.conditions.contains(name) => 2 + u8::from(value.as_bool() == Some(true)),
                Some(_) => 1,
            }
        });
        shape.collect()
    }
}

/// Where a subscription begins, its root field says with this argument.
const AFTER: &str = "after";

fn begins(document: &ExecutableDocument, operation: &Operation) -> Option<String> {
    let mut roots = operation.root_fields(document);
    let argument = roots.next()?.specified_argument_by_name(AFTER)?;
    let name = argument.as_variable().filter(|_| operation.is_subscription())?;
    let (text, word) = (document.to_string(), format!("${name}"));
    let is_whole = |rest: &&str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    // Its definition and this use of it.
    let uses = text.split(&word).skip(1).filter(is_whole).count();
    (uses == 2).then(|| name.to_string())
}

fn note_conditions(set: &SelectionSet, names: &mut HashSet<String>) {
    let mut note = |directives: &DirectiveList| {
        let arguments = directives.iter().flat_map(|directive| &directive.arguments);
        names.extend(arguments.filter_map(|argument| argument.value.as_variable().map(|name| name.to_string())));
    };
    for selection in &set.selections {
        note(selection.directives());
    }
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => note_conditions(&field.selection_set, names),
            Selection::InlineFragment(inline) => note_conditions(&inline.selection_set, names),
            Selection::FragmentSpread(_) => {}
        }
    }
}

pub struct Documents(Cache<Key, Arc<Checked>, ByText>);

impl Documents {
    pub fn new() -> Self {
        Documents(Cache::with_weighter(1_000, MEMORY, ByText))
    }

    pub fn get(&self, text: &str, name: Option<&str>) -> Option<Arc<Checked>> {
        self.0.get(&(text, name))
    }

    pub fn keep(&self, text: &str, name: Option<&str>, checked: Arc<Checked>) {
        self.0.insert(Key(text.into(), name.map(Into::into)), checked);
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Key(Box<str>, Option<Box<str>>);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&*self.0, self.1.as_deref()).hash(state);
    }
}

impl Equivalent<Key> for (&str, Option<&str>) {
    fn equivalent(&self, key: &Key) -> bool {
        *self.0 == *key.0 && self.1 == key.1.as_deref()
    }
}

#[derive(Clone)]
struct ByText;

impl Weighter<Key, Arc<Checked>> for ByText {
    fn weight(&self, key: &Key, _: &Arc<Checked>) -> u64 {
        key.0.len() as u64 * MEMORY_PER_BYTE + 1_000
    }
}
