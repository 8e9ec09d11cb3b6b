//! How JSON that a model wrote becomes one of our types: cleaned, cut to size, checked.
//!
//! The rules are not written twice: the bounds stand as attributes on the structs, `schemars` derives
//! a schema from them, and this folder reads that schema (`shape`), obeys it (`read`) and publishes
//! the strict form that providers accept (`schema`). Nothing here knows a block kind or a page.

mod read;
mod schema;
mod shape;

#[cfg(test)]
pub(crate) mod schema_rules;

pub(crate) use read::Reader;
pub(crate) use schema::strict;
#[cfg(test)]
pub(crate) use shape::Form;
pub(crate) use shape::Shape;

use schemars::{SchemaGenerator, generate::SchemaSettings};

/// A generator that writes every schema in place: providers do not accept references.
pub(crate) fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
}
