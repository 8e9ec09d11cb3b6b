//! Accounts with their guarded balances, API keys, the processes that run jobs, and the database's epoch.

use crate::dialect::sql_migration;

sql_migration! {
    up: r#"
CREATE TABLE accounts (
  id {uuid} NOT NULL PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 120),
  balance {bigint} NOT NULL DEFAULT 0 CHECK (balance BETWEEN 0 AND 2000000000),
  held {bigint} NOT NULL DEFAULT 0 CHECK (held >= 0 AND held <= balance),
  running {bigint} NOT NULL DEFAULT 0 CHECK (running >= 0),
  credit_seq {bigint} NOT NULL DEFAULT 0 CHECK (credit_seq >= 0),
  event_seq {bigint} NOT NULL DEFAULT 0 CHECK (event_seq >= 0),
  created_at {time} NOT NULL
){strict};

CREATE TABLE api_keys (
  id {uuid} NOT NULL PRIMARY KEY,
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  prefix text NOT NULL,
  hash text NOT NULL UNIQUE,
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'owner', 'admin')),
  created_at {time} NOT NULL,
  expires_at {time},
  revoked_at {time},
  last_used_at {time}
){strict};
CREATE INDEX api_keys_account ON api_keys (account_id);

CREATE TABLE workers (
  id {uuid} NOT NULL PRIMARY KEY,
  version text NOT NULL,
  process_id {bigint} NOT NULL,
  slots {int} NOT NULL CHECK (slots >= 0),
  running {int} NOT NULL DEFAULT 0 CHECK (running >= 0),
  started_at {time} NOT NULL,
  last_seen_at {time} NOT NULL
){strict};

CREATE TABLE meta (
  key text NOT NULL PRIMARY KEY,
  value text NOT NULL
){strict};
"#,
    down: r#"
DROP TABLE meta;
DROP TABLE workers;
DROP TABLE api_keys;
DROP TABLE accounts;
"#,
}
