//! What a wizard offers (builder options) and what a start costs (prices with a validity interval).

use crate::dialect::sql_migration;

sql_migration! {
    up: r#"
CREATE TABLE builder_options (
  id {uuid} NOT NULL PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('business_type', 'audience_profile', 'brand_personality', 'hero_imagery_direction')),
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 64),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  description text NOT NULL,
  is_active {bool} NOT NULL,
  position {int} NOT NULL,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  UNIQUE (kind, key)
){strict};

CREATE TABLE prices (
  id {uuid} NOT NULL PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('structure', 'page', 'block')),
  amount {bigint} NOT NULL CHECK (amount BETWEEN 0 AND 1000000),
  valid_from {time} NOT NULL,
  valid_to {time},
  CHECK (valid_to IS NULL OR valid_to > valid_from),
  UNIQUE (kind, valid_from)
){strict};
-- At most one open price a kind: two would make a quote ambiguous.
CREATE UNIQUE INDEX prices_one_open ON prices (kind) WHERE valid_to IS NULL;
"#,
    down: r#"
DROP TABLE prices;
DROP TABLE builder_options;
"#,
}
