//! A small schema whose every value follows from its path by arithmetic, behind the same layer and executor as the
//! product's. `mirror.mjs` computes the same values for the reference implementation; `differential.test.mjs` compares.
//!
//! Reads one request a line (`{"query", "operationName", "variables"}`) and writes one line an answer, until its input
//! ends. With the argument `sdl` it prints the schema.

mod schema;

use std::io::{BufRead, Write};
use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::{Request, Response, ServerResult, ValidationMode, Value, Variables};
use futures::StreamExt;
use schema::{Counted, Mutation, Query, Subscription};
use serde_json::json;
use sitewright::config::{Source, load};
use sitewright::graphql::strict::{Nulls, Strict};

type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

struct Mirrored;

impl ExtensionFactory for Mirrored {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::<AsInTheProduct>::default()
    }
}

#[derive(Default)]
struct AsInTheProduct(Nulls);

#[async_trait::async_trait]
impl Extension for AsInTheProduct {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        self.0.resolve(ctx, info, next).await
    }

    async fn execute(&self, ctx: &ExtensionContext<'_>, name: Option<&str>, next: NextExecute<'_>) -> Response {
        let mut response = next.run(ctx, name).await;
        self.0.finish(&mut response);
        response
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let schema = Schema::build(Query, Mutation, Subscription)
        .validation_mode(ValidationMode::Fast)
        .limit_recursive_depth(200)
        .extension(Mirrored)
        .finish();
    if std::env::args().nth(1).as_deref() == Some("sdl") {
        print!("{}", schema.sdl());
        return;
    }
    // Limits have tests of their own: here they would hide differences.
    let mut limits = load(&Source::default()).expect("the defaults are good").graphql;
    limits.max_bytes = 1_000_000;
    limits.max_tokens = 10_000;
    limits.max_cost = u64::MAX;
    for limit in [
        &mut limits.max_depth,
        &mut limits.max_aliases,
        &mut limits.max_root_fields,
        &mut limits.max_directives,
        &mut limits.max_expanded_fields,
    ] {
        *limit = 100_000;
    }
    let strict = Strict::new(&schema.sdl(), limits).expect("the mirror's schema is valid");
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line of text");
        let asked: serde_json::Value = serde_json::from_str(&line).expect("a request in JSON");
        let answer = answer(&schema, &strict, &asked).await;
        writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .expect("somebody reads");
    }
}

/// The responses, one but for subscriptions; or that the request was refused.
async fn answer(schema: &Schema, strict: &Strict, asked: &serde_json::Value) -> serde_json::Value {
    let mut request = Request::new(asked["query"].as_str().unwrap_or_default());
    request.operation_name = asked["operationName"].as_str().map(str::to_string);
    request = request.variables(Variables::from_json(asked["variables"].clone()));
    match strict.ready(request) {
        Ok(ready) => {
            let request = ready.request.data(Counted::default());
            let responses: Vec<Response> = schema.execute_stream(request).collect().await;
            json!({ "responses": responses })
        }
        Err(errors) => json!({ "refused": errors }),
    }
}
