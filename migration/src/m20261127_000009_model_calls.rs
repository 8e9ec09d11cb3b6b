//! Calls to writers, one row each, and what a queued job waits for.

use crate::dialect::sql_migration;

sql_migration! {
    up: r#"
ALTER TABLE jobs ADD COLUMN waits_for text CHECK (waits_for IN ('provider'));
CREATE TABLE model_calls (
  id {uuid} NOT NULL PRIMARY KEY,
  job_id {uuid} NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  account_id {uuid} NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  attempt {int} NOT NULL,
  function text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  prompt_tokens {bigint} NOT NULL CHECK (prompt_tokens >= 0),
  completion_tokens {bigint} NOT NULL CHECK (completion_tokens >= 0),
  is_estimate {bool} NOT NULL,
  first_token_ms {bigint} CHECK (first_token_ms >= 0),
  total_ms {bigint} NOT NULL CHECK (total_ms >= 0),
  outcome text NOT NULL,
  cost_micros {bigint} CHECK (cost_micros >= 0),
  ended_at {time} NOT NULL
){strict};
CREATE INDEX model_calls_job ON model_calls (job_id);
CREATE INDEX model_calls_account ON model_calls (account_id, ended_at);
"#,
    down: "DROP TABLE model_calls; ALTER TABLE jobs DROP COLUMN waits_for;",
}
