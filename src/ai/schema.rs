//! What a reply has to look like, made once for all calls of its shape.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A JSON Schema (draft 2020-12), and the words in which it is sent. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schema(Arc<Made>);

#[derive(Debug)]
struct Made {
    schema: Value,
    strict: OnceLock<Box<RawValue>>,
}

impl Schema {
    pub fn value(&self) -> &Value {
        &self.0.schema
    }

    /// As a strict mode reads it, which `change` makes of it, always the same: it is asked the first time only.
    pub(super) fn strict(&self, change: fn(Value) -> Value) -> &RawValue {
        let made = || to_raw_value(&change(self.0.schema.clone()));
        // A JSON value always has words.
        self.0.strict.get_or_init(|| made().expect("a schema in JSON"))
    }
}

impl From<Value> for Schema {
    fn from(schema: Value) -> Self {
        let strict = OnceLock::new();
        Schema(Arc::new(Made { schema, strict }))
    }
}
