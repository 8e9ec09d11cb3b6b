//! Holds and the append-only ledger: entries can be added, never changed or taken away.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &str = r#"
CREATE TABLE credit_holds (
  job_id {uuid} NOT NULL PRIMARY KEY REFERENCES jobs (id),
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  amount {bigint} NOT NULL CHECK (amount > 0),
  state text NOT NULL CHECK (state IN ('open', 'closed')),
  captured {bigint} NOT NULL DEFAULT 0 CHECK (captured >= 0),
  released {bigint} NOT NULL DEFAULT 0 CHECK (released >= 0),
  created_at {time} NOT NULL,
  closed_at {time},
  CHECK ((closed_at IS NULL) = (state = 'open')),
  CHECK ((state = 'open' AND captured = 0 AND released = 0) OR (state = 'closed' AND captured + released = amount))
){strict};
CREATE INDEX credit_holds_open ON credit_holds (account_id) WHERE state = 'open';

CREATE TABLE credit_entries (
  id {uuid} NOT NULL PRIMARY KEY,
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  seq {bigint} NOT NULL CHECK (seq >= 1),
  kind text NOT NULL CHECK (kind IN ('grant', 'hold', 'capture', 'release', 'refund', 'adjustment')),
  balance_delta {bigint} NOT NULL,
  held_delta {bigint} NOT NULL,
  balance_after {bigint} NOT NULL CHECK (balance_after >= 0),
  held_after {bigint} NOT NULL CHECK (held_after >= 0 AND held_after <= balance_after),
  job_id {uuid} REFERENCES jobs (id),
  ref text NOT NULL,
  reason text,
  created_at {time} NOT NULL,
  UNIQUE (account_id, seq),
  -- A second capture of one job, or a second top-up of one payment, cannot exist.
  UNIQUE (account_id, kind, ref),
  CHECK (CASE kind
    WHEN 'grant' THEN balance_delta > 0 AND held_delta = 0
    WHEN 'hold' THEN balance_delta = 0 AND held_delta > 0
    WHEN 'capture' THEN balance_delta < 0 AND held_delta = balance_delta
    WHEN 'release' THEN balance_delta = 0 AND held_delta < 0
    WHEN 'refund' THEN balance_delta > 0 AND held_delta = 0
    ELSE balance_delta <> 0 AND held_delta = 0 AND reason IS NOT NULL
  END)
){strict};
CREATE INDEX credit_entries_job ON credit_entries (job_id) WHERE job_id IS NOT NULL;
"#;

const SQLITE_GUARDS: &str = r#"
CREATE TRIGGER credit_entries_no_update BEFORE UPDATE ON credit_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER credit_entries_no_delete BEFORE DELETE ON credit_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"#;

const POSTGRES_GUARDS: &str = r#"
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER credit_entries_append_only BEFORE UPDATE OR DELETE ON credit_entries
FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER credit_entries_no_truncate BEFORE TRUNCATE ON credit_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
"#;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, TABLES).await?;
        let guards = if dialect::is_postgres(manager) {
            POSTGRES_GUARDS
        } else {
            SQLITE_GUARDS
        };
        dialect::run(manager, guards).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, "DROP TABLE credit_entries; DROP TABLE credit_holds;").await?;
        if dialect::is_postgres(manager) {
            dialect::run(manager, "DROP FUNCTION refuse_ledger_change;").await?;
        }
        Ok(())
    }
}
