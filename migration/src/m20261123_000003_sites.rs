//! Blueprints, their pages and blocks, and every revision of a block.
//!
//! There is no unique key on a page's or block's position: a reorder would have to dodge it row by row,
//! and two equal positions are harmless because the id breaks the tie.

use crate::dialect::sql_migration;

sql_migration! {
    up: r#"
CREATE TABLE blueprints (
  id {uuid} NOT NULL PRIMARY KEY,
  account_id {uuid} NOT NULL REFERENCES accounts (id),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  description text NOT NULL,
  brief {json} NOT NULL,
  structure {json},
  status text NOT NULL CHECK (status IN ('draft', 'generating', 'ready', 'deployed')),
  hosting_type text NOT NULL CHECK (hosting_type IN ('built_in', 'wordpress', 'shopify', 'multi')),
  version {bigint} NOT NULL DEFAULT 1 CHECK (version >= 1),
  event_seq {bigint} NOT NULL DEFAULT 0 CHECK (event_seq >= 0),
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL
){strict};
CREATE INDEX blueprints_account ON blueprints (account_id, id);

CREATE TABLE pages (
  id {uuid} NOT NULL PRIMARY KEY,
  blueprint_id {uuid} NOT NULL REFERENCES blueprints (id) ON DELETE CASCADE,
  slug text NOT NULL CHECK (length(slug) <= 80),
  title text NOT NULL,
  page_type text NOT NULL CHECK (page_type IN ('home', 'about', 'services', 'products', 'pricing', 'blog', 'portfolio', 'faq', 'contact', 'landing', 'legal', 'custom')),
  seo_title text NOT NULL,
  seo_description text NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'generating', 'ready', 'failed')),
  position {int} NOT NULL,
  version {bigint} NOT NULL DEFAULT 1 CHECK (version >= 1),
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  UNIQUE (blueprint_id, slug)
){strict};

CREATE TABLE blocks (
  id {uuid} NOT NULL PRIMARY KEY,
  page_id {uuid} NOT NULL REFERENCES pages (id) ON DELETE CASCADE,
  kind text NOT NULL,
  position {int} NOT NULL,
  status text NOT NULL CHECK (status IN ('planned', 'writing', 'ready', 'failed')),
  locked {bool} NOT NULL,
  origin text NOT NULL CHECK (origin IN ('ai', 'human')),
  heading text NOT NULL,
  goal text NOT NULL,
  content {json},
  placeholders {json} NOT NULL,
  revision {bigint} NOT NULL DEFAULT 0 CHECK (revision >= 0),
  -- The job that wrote the present revision; null for a plan or a person's edit.
  job_id {uuid},
  updated_at {time} NOT NULL,
  CHECK (content IS NOT NULL OR status <> 'ready')
){strict};
CREATE INDEX blocks_page ON blocks (page_id, position);

CREATE TABLE revisions (
  id {uuid} NOT NULL PRIMARY KEY,
  block_id {uuid} NOT NULL REFERENCES blocks (id) ON DELETE CASCADE,
  revision {bigint} NOT NULL CHECK (revision >= 1),
  origin text NOT NULL CHECK (origin IN ('ai', 'human')),
  job_id {uuid},
  content {json} NOT NULL,
  placeholders {json} NOT NULL,
  created_at {time} NOT NULL,
  UNIQUE (block_id, revision)
){strict};
"#,
    down: r#"
DROP TABLE revisions;
DROP TABLE blocks;
DROP TABLE pages;
DROP TABLE blueprints;
"#,
}
