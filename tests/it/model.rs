//! A real model's interface, over real HTTP: what is asked, what comes back, what it took, and how a job survives
//! everything that such a server does.

mod accounts;
mod again;
mod asking;
mod breaking;
mod cancelling;
mod early;
mod faults;
mod last;
mod probing;
mod secrets;

use model_server::Model;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sitewright::config::{Config, ProviderName};
use sitewright::entities::model_call;
use uuid::Uuid;

use crate::support::{Backend, World};

/// What no log, no error and no answer may ever hold.
pub const KEY: &str = "sk-very-secret-0123456789";

/// Points a configuration at a model.
pub fn ask(config: &mut Config, model: &Model) {
    config.ai.provider = ProviderName::Openai;
    config.ai.base_url = model.url();
    config.ai.model = "scripted".to_string();
    config.ai.api_key = KEY.into();
}

/// A world that runs jobs with this model, and gives up on nothing before a test wants it.
pub async fn world(backend: Backend, model: &Model, change: impl FnOnce(&mut Config)) -> World {
    let world = backend.world_with(|config| {
        ask(config, model);
        config.ai.breaker_failures = 0;
        change(config);
    });
    world.await.started().await
}

/// The accounts of a job's calls, oldest first, as soon as there are so many.
pub async fn calls_of(world: &World, job: Uuid, count: usize) -> Vec<model_call::Model> {
    let look = async {
        loop {
            let calls = model_call::Entity::find()
                .filter(model_call::Column::JobId.eq(job))
                .order_by_asc(model_call::Column::EndedAt);
            let calls = calls.all(world.app.db.reader()).await.unwrap();
            if calls.len() >= count {
                return calls;
            }
            // They are written apart from the job; no signal tells of it.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let calls = tokio::time::timeout(crate::support::PATIENCE, look).await;
    calls.unwrap_or_else(|_| panic!("fewer than {count} calls of {job} have an account"))
}
