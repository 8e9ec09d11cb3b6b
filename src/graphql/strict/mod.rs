//! What the specification asks of a server and the executor below does not do, in one place that is easy to remove.
//!
//! A request goes through [`Strict::ready`]: its document is counted, limited and validated, once for each text; its
//! variables are coerced; its fields are collected, so that the executor meets each of them once. While it runs,
//! [`Nulls`] puts errors where they belong. Each cure has a number ([`Cure`]); the differential test against the
//! reference implementation shows that each of them is needed. Introspection is left to the executor.

mod collect;
mod convert;
mod cost;
mod cures;
mod documents;
mod inputs;
mod meant;
mod nulls;
mod read;
mod tokens;
mod variables;
mod weigh;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use apollo_compiler::executable::OperationType as Kind;
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Schema, name, ty};
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, VariableDefinition,
};
use async_graphql::{Pos, Positioned, Request, ServerError, Variables};

use collect::{Collector, Possible};
use convert::Places;
pub use cures::Cure;
use cures::is_on;
pub use documents::Checked;
use documents::{Documents, Variant};
use inputs::{Inputs, Scalars};
pub use nulls::Nulls;

use super::error::Code;
use super::guard::Asked;
use crate::config::Graphql;

/// One field may be written down for several types; all of them together are at most this many times the fields that
/// an operation may have.
const WRITTEN: usize = 4;

/// A schema, the limits on what is asked of it, and the documents that were found good.
pub struct Strict {
    schema: Valid<Schema>,
    possible: Possible,
    scalars: Scalars,
    limits: Graphql,
    documents: Documents,
}

/// A request that can run.
pub struct Ready {
    /// With its document, its coerced variables and nothing of its text.
    pub request: Request,
    pub kind: OperationType,
    pub name: Option<String>,
    /// The names of the fields at the root.
    pub roots: Arc<[String]>,
    /// What its caller must be allowed.
    pub asked: Asked,
    /// What a budget is charged for it (`cost`).
    pub cost: u64,
    /// What it came from, the same for every request with this text.
    pub checked: Arc<Checked>,
    variant: Arc<Variant>,
}

/// What a request executes, to be executed again.
pub struct Again {
    variant: Arc<Variant>,
    variables: Variables,
}

impl Ready {
    pub fn again(&self) -> Again {
        Again {
            variant: self.variant.clone(),
            variables: self.request.variables.clone(),
        }
    }
}

impl Again {
    /// With its fragments laid out and its conditions decided.
    pub fn document(&self) -> &ExecutableDocument {
        &self.variant.runnable
    }

    pub fn request(&self) -> Request {
        let mut request = Request::new(String::new()).variables(self.variables.clone());
        request.set_parsed_query(self.variant.runnable.clone());
        request
    }
}

impl Strict {
    /// Reads the schema; the error is one of the schema's own.
    pub fn new(sdl: &str, limits: Graphql) -> Result<Self, String> {
        let mut schema = Schema::parse(sdl, "schema.graphql").map_err(|found| found.errors.to_string())?;
        add_is_one_of(&mut schema);
        let schema = schema.validate().map_err(|found| found.errors.to_string())?;
        Ok(Strict {
            possible: Possible::of(&schema),
            scalars: |_, _| Ok(()),
            documents: Documents::new(),
            schema,
            limits,
        })
    }

    /// The same with rules for the schema's own scalars, which the schema itself does not have.
    pub fn with_scalars(self, scalars: Scalars) -> Self {
        Strict { scalars, ..self }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            schema: &self.schema,
            scalars: self.scalars,
        }
    }

    /// Makes a request ready to run, or says everything that is wrong with it.
    pub fn ready(&self, request: Request) -> Result<Ready, Vec<ServerError>> {
        let checked = self.read(&request)?;
        self.fit(&checked, request)
    }

    /// The document of a request and its chosen operation, once they are known to be valid.
    pub fn read(&self, request: &Request) -> Result<Arc<Checked>, Vec<ServerError>> {
        self.checked(&request.query, request.operation_name.as_deref())
    }

    /// Makes a request ready whose document was read.
    pub fn fit(&self, checked: &Arc<Checked>, mut request: Request) -> Result<Ready, Vec<ServerError>> {
        let one = |error| vec![error];
        let values = variables::coerce(self.inputs(), &checked.document, &checked.operation, &request.variables);
        let values = values.map_err(one)?;
        if let Some(variable) = checked.undecided(&values) {
            let message = format!("The variable ${variable} decides a condition and is null. Give true or false.");
            return Err(vec![Code::BadUserInput.server_error(message)]);
        }
        let raw;
        let conditions = if is_on(Cure::Conditions) {
            &values
        } else {
            raw = given(&request.variables);
            &raw
        };
        let variant = match checked.variant(&values) {
            Some(variant) => variant,
            None => {
                let runnable = self.collect(checked, &values, conditions).map_err(one)?;
                let asked = Asked::of(&self.schema, &runnable);
                let made = Arc::new(Variant { runnable, asked });
                checked.keep(&values, made.clone());
                made
            }
        };
        let cost = checked.cost(|| cost::cost(&self.schema, &checked.document, &checked.operation, &values));
        // A budget takes no more than its burst for one operation, however dear that is.
        if cost > self.limits.max_cost {
            let allowed = self.limits.max_cost;
            let message = format!(
                "The operation costs {cost}, and {allowed} are allowed. Take fewer entries of the lists within lists, by \
                 first or last."
            );
            return Err(vec![Code::TooComplex.server_error(message)]);
        }
        request.query = String::new();
        request.operation_name = None;
        request.variables = convert::variables(&values);
        request.set_parsed_query(variant.runnable.clone());
        Ok(Ready {
            request,
            kind: checked.kind(),
            name: checked.operation.name.as_ref().map(|name| name.to_string()),
            roots: checked.roots.clone(),
            asked: variant.asked.clone(),
            cost,
            checked: checked.clone(),
            variant,
        })
    }

    /// Whether every operation of a document could run; the words say why not.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let told = |errors: Vec<ServerError>| errors.into_iter().map(|error| error.message).next().unwrap_or_default();
        for name in read::names(text).map_err(told)? {
            self.checked(text, name.as_deref()).map_err(told)?;
        }
        Ok(())
    }

    fn checked(&self, text: &str, name: Option<&str>) -> Result<Arc<Checked>, Vec<ServerError>> {
        if let Some(checked) = self.documents.get(text, name) {
            return Ok(checked);
        }
        let document = read::read(&self.schema, text, name, &self.limits)?;
        let checked = self.inputs().check_document(&document);
        checked.map_err(|error| vec![error])?;
        let checked = Arc::new(Checked::new(document, name).map_err(|error| vec![error])?);
        self.documents.keep(text, name, checked.clone());
        Ok(checked)
    }

    fn collect(
        &self,
        checked: &Checked,
        values: &JsonMap,
        conditions: &JsonMap,
    ) -> Result<ExecutableDocument, ServerError> {
        let operation = &checked.operation;
        let mut collector = Collector {
            schema: &self.schema,
            possible: &self.possible,
            document: &checked.document,
            values,
            conditions,
            room: self.limits.max_expanded_fields.saturating_mul(WRITTEN),
        };
        let selection_set = collector.operation(operation)?;
        let places = Places(&checked.document.sources);
        let definitions = operation.variables.iter().map(|variable| {
            let pos = places.of(variable.location());
            let definition = VariableDefinition {
                name: convert::name(&variable.name, pos),
                var_type: Positioned::new(convert::ty(&variable.ty), pos),
                directives: Vec::new(),
                default_value: None,
            };
            Positioned::new(definition, pos)
        });
        let definition = OperationDefinition {
            ty: kind(operation.operation_type),
            variable_definitions: definitions.collect(),
            directives: Vec::new(),
            selection_set,
        };
        Ok(ExecutableDocument {
            operations: DocumentOperations::Single(Positioned::new(definition, Pos::default())),
            fragments: Default::default(),
        })
    }
}

fn kind(kind: Kind) -> OperationType {
    match kind {
        Kind::Query => OperationType::Query,
        Kind::Mutation => OperationType::Mutation,
        Kind::Subscription => OperationType::Subscription,
    }
}

fn given(variables: &Variables) -> JsonMap {
    let values = variables.iter();
    values
        .map(|(name, value)| (name.as_str().into(), convert::to_json(value)))
        .collect()
}

/// Explorers ask for `isOneOf`, which the executor answers and the compiler does not know yet.
fn add_is_one_of(schema: &mut Schema) {
    if let Some(ExtendedType::Object(object)) = schema.types.get_mut("__Type") {
        let field = FieldDefinition {
            description: None,
            name: name!("isOneOf"),
            arguments: Vec::new(),
            ty: ty!(Boolean),
            directives: Default::default(),
        };
        object.make_mut().fields.entry(name!("isOneOf")).or_insert(field.into());
    }
}
