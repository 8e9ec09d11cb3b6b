//! The layer over our own schema: what it refuses and what it lets through. How what it lets through behaves is compared
//! with the reference implementation in `tests/judges`.

mod costs;
mod hostile;
mod requests;

use async_graphql::{Request, ServerError, Variables};
use serde_json::Value;

use super::{Ready, Strict};
use crate::config::{Graphql, Source, load};
use crate::graphql::scalars::check;
use crate::graphql::schema::sdl;

fn limits() -> Graphql {
    load(&Source::default()).unwrap().graphql
}

fn ours() -> Strict {
    Strict::new(&sdl(), limits()).unwrap().with_scalars(check)
}

fn ask(strict: &Strict, query: &str, name: Option<&str>, variables: Value) -> Result<Ready, Vec<ServerError>> {
    let mut request = Request::new(query).variables(Variables::from_json(variables));
    request.operation_name = name.map(str::to_string);
    strict.ready(request)
}

/// The code and the words of a refusal; nothing when it was none.
fn verdict(strict: &Strict, query: &str, name: Option<&str>, variables: Value) -> Option<(String, String)> {
    let errors = ask(strict, query, name, variables).err()?;
    let first = &errors[0];
    let code = first.extensions.as_ref().and_then(|values| values.get("code"));
    let code = code.map(|code| code.to_string().trim_matches('"').to_string());
    Some((code.unwrap_or_default(), first.message.clone()))
}

fn code(strict: &Strict, query: &str) -> String {
    verdict(strict, query, None, Value::Null).map_or("fine".to_string(), |(code, _)| code)
}
