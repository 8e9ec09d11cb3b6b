//! What every write transaction of a task begins with: a statement that commits with the change, or not at all.
//!
//! The audit trail stands on it. A change that was committed has its entry, whatever happens to the process a moment
//! later, and no mutation can leave it out, because [`Db::write`](super::Db::write) is the only way to write. The
//! statement must be harmless when it is repeated: a task may write several times.

use std::sync::Arc;

use sea_orm::{DatabaseTransaction, Value};

use super::execute;
use crate::error::Result;

tokio::task_local! {
    static FIRST: Arc<Vec<Statement>>;
}

/// A statement in the words of [`sql`](super::sql).
#[derive(Debug)]
pub struct Statement {
    pub text: &'static str,
    pub values: Vec<Value>,
}

/// Lets every transaction that the work opens begin with these statements.
pub async fn each_beginning_with<W: Future>(statements: Arc<Vec<Statement>>, work: W) -> W::Output {
    FIRST.scope(statements, work).await
}

pub(super) async fn write(transaction: &DatabaseTransaction) -> Result<()> {
    let Ok(statements) = FIRST.try_with(Arc::clone) else {
        return Ok(());
    };
    for statement in statements.iter() {
        execute(transaction, statement.text, statement.values.clone()).await?;
    }
    Ok(())
}
