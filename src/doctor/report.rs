//! The table: rows by category, each with what was found and what to do.

use serde::Serialize;

use crate::error::Instant;

/// From good to bad, so that the worst row is the table's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Ok,
    /// Not looked at: another row stands in the way, or nobody asked.
    Skipped,
    /// It works, and will not for ever.
    Warning,
    /// Something that the product promises does not work.
    Broken,
}

impl Health {
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Skipped => "skipped",
            Health::Warning => "warning",
            Health::Broken => "BROKEN",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Configuration,
    Database,
    Credits,
    Redis,
    Workers,
    Model,
    Machine,
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Configuration => "configuration",
            Category::Database => "database",
            Category::Credits => "credits",
            Category::Redis => "redis",
            Category::Workers => "workers",
            Category::Model => "model",
            Category::Machine => "machine",
        }
    }
}

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub category: Category,
    /// A stable name, for scripts.
    pub name: String,
    pub health: Health,
    /// What was found, as a sentence without secrets.
    pub found: String,
    /// What to do next; exactly when it is a warning or broken.
    pub action: Option<String>,
    /// One line a thing: a worker, a violation, a missing table.
    pub details: Vec<String>,
}

impl Check {
    pub fn ok(category: Category, name: &str, found: impl Into<String>) -> Self {
        Check::new(category, name, Health::Ok, found, None)
    }

    /// `because` says what stands in the way.
    pub fn skipped(category: Category, name: &str, because: impl Into<String>) -> Self {
        Check::new(category, name, Health::Skipped, because, None)
    }

    pub fn warning(category: Category, name: &str, found: impl Into<String>, action: impl Into<String>) -> Self {
        Check::new(category, name, Health::Warning, found, Some(action.into()))
    }

    pub fn broken(category: Category, name: &str, found: impl Into<String>, action: impl Into<String>) -> Self {
        Check::new(category, name, Health::Broken, found, Some(action.into()))
    }

    pub fn with(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    fn new(category: Category, name: &str, health: Health, found: impl Into<String>, action: Option<String>) -> Self {
        Check {
            category,
            name: name.to_string(),
            health,
            found: found.into(),
            action,
            details: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub at: Instant,
    /// The worst of the rows; a skipped row is not bad by itself.
    pub health: Health,
    pub checks: Vec<Check>,
}

impl Report {
    pub fn new(at: Instant, checks: Vec<Check>) -> Self {
        let worst = checks.iter().map(|check| check.health).max().unwrap_or(Health::Ok);
        let health = if worst == Health::Skipped { Health::Ok } else { worst };
        Report { at, health, checks }
    }

    pub fn count(&self, health: Health) -> usize {
        self.checks.iter().filter(|check| check.health == health).count()
    }
}
