//! The three durable event streams: of a job, of a blueprint and of an account.
//!
//! Rows refer to nothing by foreign key: the last event of a deleted blueprint must still reach its watchers.

use crate::dialect::sql_migration;

sql_migration! {
    up: r#"
CREATE TABLE job_events (
  job_id {uuid} NOT NULL REFERENCES jobs (id),
  lease {bigint} NOT NULL CHECK (lease >= 1),
  n {bigint} NOT NULL CHECK (n >= 1),
  -- The durable event before this one; null for the first. Deltas in between have numbers but no rows.
  prev_lease {bigint},
  prev_n {bigint},
  kind text NOT NULL CHECK (kind IN ('queued', 'started', 'phase', 'page_planned', 'block_opened', 'block_closed', 'retrying', 'succeeded', 'failed', 'cancelled', 'quarantined')),
  payload {json} NOT NULL,
  at {time} NOT NULL,
  PRIMARY KEY (job_id, lease, n),
  CHECK ((prev_lease IS NULL) = (prev_n IS NULL))
){strict};
-- One successor an event, one end a job: a second writer cannot fork the chain.
CREATE UNIQUE INDEX job_events_chain ON job_events (job_id, prev_lease, prev_n) WHERE prev_lease IS NOT NULL;
CREATE UNIQUE INDEX job_events_one_start ON job_events (job_id) WHERE prev_lease IS NULL;
CREATE UNIQUE INDEX job_events_one_end ON job_events (job_id)
  WHERE kind IN ('succeeded', 'failed', 'cancelled', 'quarantined');

CREATE TABLE blueprint_events (
  blueprint_id {uuid} NOT NULL,
  seq {bigint} NOT NULL CHECK (seq >= 1),
  kind text NOT NULL,
  job_id {uuid},
  payload {json} NOT NULL,
  at {time} NOT NULL,
  PRIMARY KEY (blueprint_id, seq)
){strict};
CREATE INDEX blueprint_events_at ON blueprint_events (at);

CREATE TABLE account_events (
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  seq {bigint} NOT NULL CHECK (seq >= 1),
  kind text NOT NULL CHECK (kind IN ('credits_moved', 'job_state_changed')),
  job_id {uuid},
  entry_id {uuid},
  at {time} NOT NULL,
  PRIMARY KEY (account_id, seq)
){strict};
CREATE INDEX account_events_at ON account_events (at);
"#,
    down: r#"
DROP TABLE account_events;
DROP TABLE blueprint_events;
DROP TABLE job_events;
"#,
}
