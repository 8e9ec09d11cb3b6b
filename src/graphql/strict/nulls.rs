//! Where an error's null goes while an operation runs, and what the error says of its place.
//!
//! The executor hands every error to the parent, also where the field itself may be null, and names the outermost of
//! its places. Here the innermost place is kept, a field or an item that may be null becomes null, and a resolver that
//! panics is one error at its field. Made for each operation; drained after each event of a subscription.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::extensions::{ExtensionContext, NextResolve, ResolveInfo};
use async_graphql::{PathSegment, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value};
use futures::FutureExt;
use parking_lot::Mutex;

use super::cures::{Cure, is_on};
use crate::graphql::error::{masked, told_panic};

tokio::task_local! {
    /// Which levels of the list that is being resolved may be null: the lowest bit is the next item's.
    static LEVELS: Cell<u32>;
}

/// The errors that became nulls so far.
#[derive(Default)]
pub struct Nulls(Mutex<Vec<ServerError>>);

/// An error's own place, and what it carried before.
struct Placed {
    path: Vec<PathSegment>,
    source: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

impl Nulls {
    /// Resolves one field or one item of a list.
    pub async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        // The schema's own fields do not fail, and explorers ask for thousands of them.
        if is_introspection(&info) {
            return next.run(ctx, info).await;
        }
        let node = *info.path_node;
        let is_item = matches!(node.segment, QueryPathSegment::Index(_));
        let levels = match is_item {
            true => LEVELS.try_with(Cell::get).unwrap_or_default(),
            false => levels(info.return_type),
        };
        let is_list = is_item || info.return_type.starts_with('[');
        let running = AssertUnwindSafe(next.run(ctx, info)).catch_unwind();
        let outcome = if is_list {
            LEVELS.scope(Cell::new(levels >> 1), running).await
        } else {
            running.await
        };
        let error = match outcome {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(panic) => {
                told_panic(&*panic);
                masked()
            }
        };
        let error = placed(error, &node);
        if levels & 1 == 1 && is_on(Cure::Nulls) {
            self.0.lock().push(settled(error));
            return Ok(Some(Value::Null));
        }
        Err(error)
    }

    /// Adds the errors to the response of the operation, or of one event.
    pub fn finish(&self, response: &mut Response) {
        let propagated = std::mem::take(&mut response.errors).into_iter().map(settled);
        let mut errors = std::mem::take(&mut *self.0.lock());
        errors.extend(propagated);
        response.errors = errors;
    }
}

fn is_introspection(info: &ResolveInfo<'_>) -> bool {
    info.parent_type.starts_with("__") || info.return_type.trim_start_matches('[').starts_with("__")
}

/// One bit a level of a type, the outermost lowest: whether it may be null.
fn levels(ty: &str) -> u32 {
    let (mut ty, mut bits, mut level) = (ty, 0, 0);
    loop {
        let inner = ty.strip_suffix('!');
        if inner.is_none() && level < u32::BITS {
            bits |= 1 << level;
        }
        ty = inner.unwrap_or(ty);
        match ty.strip_prefix('[').and_then(|ty| ty.strip_suffix(']')) {
            Some(item) => (ty, level) = (item, level + 1),
            None => return bits,
        }
    }
}

/// Notes where an error happened, unless it was noted further down.
fn placed(mut error: ServerError, node: &QueryPathNode<'_>) -> ServerError {
    if error.source::<Placed>().is_none() && is_on(Cure::Paths) {
        let (path, source) = (path(node), error.source.take());
        error.source = Some(Arc::new(Placed { path, source }));
    }
    error
}

fn settled(mut error: ServerError) -> ServerError {
    let placed = error
        .source::<Placed>()
        .map(|placed| (placed.path.clone(), placed.source.clone()));
    if let Some((path, source)) = placed {
        (error.path, error.source) = (path, source);
    }
    error
}

fn path(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let segment = |node: &QueryPathNode<'_>| match node.segment {
        QueryPathSegment::Name(name) => PathSegment::Field(name.to_string()),
        QueryPathSegment::Index(index) => PathSegment::Index(index),
    };
    let mut path: Vec<_> = std::iter::once(segment(node))
        .chain(node.parents().map(segment))
        .collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_of_a_type_may_be_null_or_not() {
        for (ty, bits) in [
            ("Int", 1),
            ("Int!", 0),
            ("[Int!]", 1),
            ("[Int]!", 2),
            ("[[Int]!]", 5),
            ("[[Int!]!]!", 0),
        ] {
            assert_eq!(levels(ty), bits, "{ty}");
        }
    }
}
