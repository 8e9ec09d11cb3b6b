//! Writes the accounts of ended calls, apart from the jobs that made them: nobody waits for it.

use std::time::Duration;

use sea_orm::DatabaseTransaction;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ai::Call;
use crate::db::{Db, execute, places};
use crate::error::Result;

/// Rows of one statement.
const BATCH: usize = 64;
/// Accounts that may wait for a database that is away; the oldest are kept.
const WAITING: usize = 10_000;
/// How long a database that failed is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// The most that one transaction takes.
const ROUND: usize = 16 * BATCH;
/// For how many times as long as a write took none follows: of calls that end one by one, as a crowd's do, those that come
/// meanwhile share the next commit.
const REST: u32 = 3;
const LONGEST_REST: Duration = Duration::from_millis(250);

/// Runs until it is told to end; then it writes what it still has, once.
pub async fn record(db: Db, mut calls: Receiver<Call>, end: CancellationToken) {
    let mut waiting: Vec<Call> = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = end.cancelled() => break,
            // The sender lives as long as the process: none came means that it ends.
            came = calls.recv_many(&mut waiting, ROUND) => if came == 0 { break },
        }
        let mut begun = Instant::now();
        while let Err(error) = write_down(&db, &mut waiting).await {
            tracing::warn!(
                cause = error.cause(),
                calls = waiting.len(),
                "the accounts of calls could not be written yet"
            );
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(PAUSE) => {}
            }
            while waiting.len() < WAITING
                && let Ok(call) = calls.try_recv()
            {
                waiting.push(call);
            }
            begun = Instant::now();
        }
        tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep((REST * begun.elapsed()).min(LONGEST_REST)) => {}
        }
    }
    while let Ok(call) = calls.try_recv() {
        waiting.push(call);
    }
    if !waiting.is_empty()
        && let Err(error) = write_down(&db, &mut waiting).await
    {
        tracing::error!(
            cause = error.cause(),
            calls = waiting.len(),
            "the accounts of calls are lost"
        );
    }
}

/// Writes all that waits and forgets it. A row that the database refuses for what it holds is dropped, so that it does
/// not keep the others.
async fn write_down(db: &Db, waiting: &mut Vec<Call>) -> Result<()> {
    match db.unless_away(write(db, waiting)).await {
        Ok(()) => waiting.clear(),
        Err(error) if !error.is_about_values() => return Err(error),
        Err(_) => {
            while let Some(call) = waiting.last() {
                match db.unless_away(write(db, std::slice::from_ref(call))).await {
                    Err(error) if !error.is_about_values() => return Err(error),
                    Err(error) => {
                        tracing::error!(cause = error.cause(), job.id = %call.job, "the account of a call is refused and lost");
                    }
                    Ok(()) => {}
                }
                waiting.pop();
            }
        }
    }
    Ok(())
}

/// Written again after a commit whose reply was lost, a row stays one.
async fn write(db: &Db, calls: &[Call]) -> Result<()> {
    let tx = db.write().await?;
    for calls in calls.chunks(BATCH) {
        insert(&tx, calls).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The account is the job's; a call on behalf of no job leaves no row.
async fn insert(tx: &DatabaseTransaction, calls: &[Call]) -> Result<()> {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let mut values = Vec::new();
    let rows = calls.iter().map(|call| {
        [
            call.id.into(),
            call.job.into(),
            call.attempt.into(),
            call.function.into(),
            call.provider.clone().into(),
            call.model.clone().into(),
            i64::from(call.prompt_tokens).into(),
            i64::from(call.completion_tokens).into(),
            call.is_estimate.into(),
            call.first_token.map(ms).into(),
            ms(call.total).into(),
            call.outcome.as_str().into(),
            call.cost_micros.into(),
            call.ended_at.into(),
        ]
    });
    let places = places(&mut values, rows);
    let text = format!(
        "INSERT INTO model_calls (id, job_id, account_id, attempt, function, provider, model, prompt_tokens, \
         completion_tokens, is_estimate, first_token_ms, total_ms, outcome, cost_micros, ended_at) \
         SELECT new.column1, jobs.id, jobs.account_id, new.column3, new.column4, new.column5, new.column6, new.column7, \
         new.column8, new.column9, new.column10, new.column11, new.column12, new.column13, new.column14 \
         FROM (VALUES {places}) AS new, jobs WHERE jobs.id = new.column2 ON CONFLICT (id) DO NOTHING"
    );
    execute(tx, &text, values).await?;
    Ok(())
}
