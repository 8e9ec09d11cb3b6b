//! Jobs, the keys that make their starts idempotent, and the indexes that forbid two at a time.
//!
//! `blueprint_id`, `page_id` and `block_id` are not foreign keys: a job outlives what it wrote, because
//! the ledger refers to it for ever.

use crate::dialect::sql_migration;

sql_migration! {
    up: r#"
CREATE TABLE idempotency_keys (
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
  request_hash text NOT NULL,
  created_at {time} NOT NULL,
  PRIMARY KEY (account_id, key)
){strict};

CREATE TABLE jobs (
  id {uuid} NOT NULL PRIMARY KEY,
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  blueprint_id {uuid},
  page_id {uuid},
  block_id {uuid},
  parent_id {uuid} REFERENCES jobs (id),
  start_key text,
  kind text NOT NULL CHECK (kind IN ('structure', 'page', 'block', 'site', 'publish', 'export')),
  state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'quarantined')),

  -- The fence: up by one on every change of writer.
  run_lease {bigint} NOT NULL CHECK (run_lease >= 1),
  attempt {int} NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  max_attempts {int} NOT NULL CHECK (max_attempts >= 1),
  crashes {int} NOT NULL DEFAULT 0 CHECK (crashes >= 0),
  run_at {time} NOT NULL,
  lease_owner {uuid},
  lease_expires_at {time},
  deadline_at {time},
  cancel_requested_at {time},

  price {bigint} NOT NULL CHECK (price >= 0),
  page_price {bigint} CHECK (page_price >= 0),
  charged {bigint} CHECK (charged >= 0),
  planned {int} NOT NULL DEFAULT 0 CHECK (planned >= 0),
  written {int} NOT NULL DEFAULT 0 CHECK (written >= 0),
  closed_since_claim {bool} NOT NULL,
  phase text CHECK (phase IN ('preparing', 'waiting_for_model', 'writing', 'checking', 'saving')),
  progress {real} NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),

  fanned_out {bool} NOT NULL,
  children_total {int} NOT NULL DEFAULT 0 CHECK (children_total >= 0),
  children_open {int} NOT NULL DEFAULT 0 CHECK (children_open >= 0 AND children_open <= children_total),

  input {json} NOT NULL,
  -- Block ids and revisions when the job started: what it may replace.
  baseline {json} NOT NULL,
  result {json},
  correction text,
  error_code text,
  error_message text,
  error_retryable {bool},
  prompt_tokens {bigint} NOT NULL DEFAULT 0,
  completion_tokens {bigint} NOT NULL DEFAULT 0,
  model text,

  -- Position of the newest durable event of the job's stream.
  event_lease {bigint} NOT NULL,
  event_n {bigint} NOT NULL,
  version {bigint} NOT NULL DEFAULT 1,
  queued_at {time} NOT NULL,
  started_at {time},
  finished_at {time},

  CHECK ((finished_at IS NULL) = (state IN ('queued', 'running'))),
  CHECK (state = 'running' OR (lease_owner IS NULL AND lease_expires_at IS NULL)),
  CHECK ((lease_owner IS NULL) = (lease_expires_at IS NULL)),
  CHECK ((result IS NULL) = (state <> 'succeeded')),
  CHECK (charged IS NULL OR state NOT IN ('queued', 'running') OR kind = 'site')
){strict};
CREATE INDEX jobs_due ON jobs (run_at, id) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_expires_at) WHERE state = 'running';
CREATE INDEX jobs_account ON jobs (account_id, id);
CREATE INDEX jobs_blueprint ON jobs (blueprint_id, id);
CREATE INDEX jobs_parent ON jobs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX jobs_start_key ON jobs (account_id, start_key) WHERE start_key IS NOT NULL;
CREATE UNIQUE INDEX jobs_one_per_page ON jobs (page_id)
  WHERE state IN ('queued', 'running') AND kind IN ('page', 'block');
CREATE UNIQUE INDEX jobs_one_plan_per_blueprint ON jobs (blueprint_id)
  WHERE state IN ('queued', 'running') AND kind IN ('structure', 'site') AND NOT fanned_out;
"#,
    down: r#"
DROP TABLE jobs;
DROP TABLE idempotency_keys;
"#,
}
