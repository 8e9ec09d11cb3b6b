//! What happens around each operation and each event of a subscription: fresh loaders, the event's cursor, and an
//! audit entry for each act.
//!
//! An event is resolved like a small request of its own. Its loaders are new, so that its entities show their
//! present state, and its cursor goes into `extensions.cursor` whether or not the client selected the field.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo};
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, Data, OutputType, Positioned, Response, ServerResult, Value};
use parking_lot::Mutex;

use super::audited;
use super::context::Session;
use super::loaders::Loaders;
use super::strict::Nulls;
use crate::app::App;

/// Where an event leaves its cursor on its way to the response.
#[derive(Clone, Default)]
struct CursorSlot(Arc<Mutex<Option<String>>>);

/// Creates [`AroundOperation`] for each request.
pub struct Operations;

impl ExtensionFactory for Operations {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::<AroundOperation>::default()
    }
}

#[derive(Default)]
struct AroundOperation {
    nulls: Nulls,
}

#[async_trait::async_trait]
impl Extension for AroundOperation {
    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        if !audited::is_act(&info) {
            return self.nulls.resolve(ctx, info, next).await;
        }
        let (app, session) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Session>());
        let (name, subjects) = (info.name.to_string(), audited::named(&info, &session.variables));
        let work = self.nulls.resolve(ctx, info, next);
        audited::act(&app.db, session, name, subjects, work).await
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let (app, session) = (ctx.data_unchecked::<App>(), ctx.data_unchecked::<Session>());
        let slot = CursorSlot::default();
        let mut data = Data::default();
        data.insert(Loaders::new(app.db.clone(), session.caller.clone(), session.remembers));
        data.insert(slot.clone());
        let mut response = next.run_with_data(ctx, operation_name, data).await;
        self.nulls.finish(&mut response);
        if let Some(cursor) = slot.0.lock().take() {
            response.extensions.insert("cursor".to_string(), Value::String(cursor));
        }
        response
    }
}

/// An event with its place in the stream.
pub struct Stamped<T> {
    pub cursor: String,
    pub event: T,
}

impl<T: OutputType> OutputType for Stamped<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        if let Some(slot) = ctx.data_opt::<CursorSlot>() {
            *slot.0.lock() = Some(self.cursor.clone());
        }
        self.event.resolve(ctx, field).await
    }
}
