//! Watch tokens, of which only the hash is kept, and which account a person of the operator's identity provider has.

use crate::dialect::sql_migration;

// A token's job or site is no reference: a token whose target is gone finds nothing.
sql_migration! {
    up: r#"
CREATE TABLE watch_tokens (
  id {uuid} NOT NULL PRIMARY KEY,
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  hash text NOT NULL UNIQUE,
  job_id {uuid},
  blueprint_id {uuid},
  api_key_id {uuid} REFERENCES api_keys (id),
  created_at {time} NOT NULL,
  expires_at {time} NOT NULL,
  CHECK ((job_id IS NULL) <> (blueprint_id IS NULL))
){strict};
CREATE INDEX watch_tokens_account ON watch_tokens (account_id, expires_at);

CREATE TABLE identities (
  issuer text NOT NULL,
  subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  created_at {time} NOT NULL,
  PRIMARY KEY (issuer, subject)
){strict};
CREATE INDEX identities_account ON identities (account_id);
"#,
    down: r#"
DROP TABLE identities;
DROP TABLE watch_tokens;
"#,
}
