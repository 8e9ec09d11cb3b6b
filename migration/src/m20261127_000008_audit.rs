//! Who did what, and the number that changes with everything a wizard is shown.
//!
//! An entry is written once, completed once and then stands. It goes only when it is older than what is kept, and the
//! server says in `meta` how far that reaches before it deletes.

use sea_orm_migration::prelude::*;

use crate::dialect;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &str = r#"
CREATE TABLE audit_entries (
  id {uuid} NOT NULL PRIMARY KEY,
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  at {time} NOT NULL,
  actor text NOT NULL CHECK (actor IN ('key', 'jwt', 'watch', 'local', 'command')),
  actor_id text,
  actor_name text,
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'owner', 'admin')),
  mutation text NOT NULL CHECK (length(mutation) BETWEEN 1 AND 64),
  -- Global ids and codes, separated by spaces: neither holds one.
  subjects text NOT NULL,
  result text NOT NULL CHECK (result IN ('unfinished', 'done', 'refused', 'failed')),
  codes text NOT NULL,
  request_id text,
  address text
){strict};
CREATE INDEX audit_entries_account ON audit_entries (account_id, id);
CREATE INDEX audit_entries_mutation ON audit_entries (account_id, mutation, id);
CREATE INDEX audit_entries_at ON audit_entries (at);

CREATE TABLE data_versions (
  name text NOT NULL PRIMARY KEY,
  version {bigint} NOT NULL CHECK (version >= 1)
){strict};
INSERT INTO data_versions (name, version) VALUES ('builder', 1);
"#;

const SQLITE_GUARDS: &str = r#"
CREATE TRIGGER audit_entries_complete_once BEFORE UPDATE ON audit_entries
WHEN OLD.result <> 'unfinished' OR NEW.result = 'unfinished' OR NEW.id <> OLD.id OR NEW.account_id <> OLD.account_id
  OR NEW.at <> OLD.at OR NEW.actor <> OLD.actor OR NEW.actor_id IS NOT OLD.actor_id
  OR NEW.actor_name IS NOT OLD.actor_name OR NEW.role <> OLD.role OR NEW.mutation <> OLD.mutation
  OR NEW.request_id IS NOT OLD.request_id OR NEW.address IS NOT OLD.address
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_entries_keep BEFORE DELETE ON audit_entries
WHEN OLD.at >= COALESCE((SELECT value FROM meta WHERE key = 'audit_kept_from'), '')
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
"#;

const POSTGRES_GUARDS: &str = r#"
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF TG_OP = 'UPDATE' AND OLD.result = 'unfinished' AND NEW.result <> 'unfinished'
    AND (NEW.id, NEW.account_id, NEW.at, NEW.actor, NEW.role, NEW.mutation)
      = (OLD.id, OLD.account_id, OLD.at, OLD.actor, OLD.role, OLD.mutation)
    AND (NEW.actor_id, NEW.actor_name, NEW.request_id, NEW.address)
      IS NOT DISTINCT FROM (OLD.actor_id, OLD.actor_name, OLD.request_id, OLD.address)
  THEN RETURN NEW; END IF;
  IF TG_OP = 'DELETE' AND OLD.at < (SELECT value::timestamptz FROM meta WHERE key = 'audit_kept_from')
  THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
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
        dialect::run(manager, "DROP TABLE data_versions; DROP TABLE audit_entries;").await?;
        if dialect::is_postgres(manager) {
            dialect::run(manager, "DROP FUNCTION refuse_audit_change;").await?;
        }
        Ok(())
    }
}
