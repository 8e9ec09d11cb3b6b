//! The table's wire form.

use async_graphql::{Enum, Object};
use chrono::{DateTime, Utc};

use crate::doctor::{Category, Check, Health, Report};

/// What the system needs, at one moment.
pub struct SystemStatus(pub Report);

/// What the system needs, at one moment.
#[Object]
impl SystemStatus {
    /// The worst of all checks: OK, WARNING or BROKEN.
    async fn health(&self) -> SystemHealth {
        self.0.health.into()
    }

    /// When it was looked at.
    async fn checked_at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Every requirement, by category.
    async fn checks(&self) -> Vec<SystemCheck> {
        self.0.checks.iter().cloned().map(SystemCheck).collect()
    }
}

/// One requirement of the system.
pub struct SystemCheck(Check);

/// One requirement of the system.
#[Object]
impl SystemCheck {
    /// What it belongs to.
    async fn category(&self) -> SystemCategory {
        self.0.category.into()
    }

    /// A stable name, such as `migrations`.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it is met.
    async fn health(&self) -> SystemHealth {
        self.0.health.into()
    }

    /// What was found, as a sentence without secrets.
    async fn found(&self) -> &str {
        &self.0.found
    }

    /// What to do next; null unless the check is a WARNING or BROKEN.
    async fn action(&self) -> Option<&str> {
        self.0.action.as_deref()
    }

    /// One line a thing: a worker and what it runs, a migration, a contradiction. Often empty.
    async fn details(&self) -> &[String] {
        &self.0.details
    }
}

/// How a requirement is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SystemHealth {
    /// It is met.
    Ok,
    /// It was not looked at, because of another check or because nobody asked.
    Skipped,
    /// It is met, and will not be for ever.
    Warning,
    /// It is not met.
    Broken,
}

impl From<Health> for SystemHealth {
    fn from(health: Health) -> Self {
        match health {
            Health::Ok => SystemHealth::Ok,
            Health::Skipped => SystemHealth::Skipped,
            Health::Warning => SystemHealth::Warning,
            Health::Broken => SystemHealth::Broken,
        }
    }
}

/// What a requirement belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SystemCategory {
    /// The values that the server was started with.
    Configuration,
    /// Reachable, migrated, filled with what the product starts from.
    Database,
    /// The ledger and everything that must agree with it.
    Credits,
    /// Redis, when it is configured.
    Redis,
    /// The processes that run jobs, and what waits for them.
    Workers,
    /// Who writes.
    Model,
    /// Disk and files of the process that answers.
    Machine,
}

impl From<Category> for SystemCategory {
    fn from(category: Category) -> Self {
        match category {
            Category::Configuration => SystemCategory::Configuration,
            Category::Database => SystemCategory::Database,
            Category::Credits => SystemCategory::Credits,
            Category::Redis => SystemCategory::Redis,
            Category::Workers => SystemCategory::Workers,
            Category::Model => SystemCategory::Model,
            Category::Machine => SystemCategory::Machine,
        }
    }
}
