//! What accounts put in the place of the built-in prompts, every version of it.

use crate::dialect::sql_migration;

sql_migration! {
    up: r#"
CREATE TABLE prompt_templates (
  id {uuid} NOT NULL PRIMARY KEY,
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  -- A function of the program; which ones there are is the program's to know.
  function text NOT NULL CHECK (length(function) BETWEEN 1 AND 40),
  version {bigint} NOT NULL CHECK (version >= 1),
  -- Both null: the built-in text, also when a later release changes it.
  system_text text,
  user_text text,
  created_at {time} NOT NULL,
  CHECK ((system_text IS NULL) = (user_text IS NULL)),
  UNIQUE (account_id, function, version)
){strict};
"#,
    down: r#"
DROP TABLE prompt_templates;
"#,
}
