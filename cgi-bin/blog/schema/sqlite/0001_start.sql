-- Times are seconds since 1970 (UTC). Flags are 0 or 1. A month is 2026-11.

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL,
  session_number INTEGER NOT NULL DEFAULT 1,
  is_demo INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  slug TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  html TEXT NOT NULL,
  teaser TEXT NOT NULL,
  summary TEXT NOT NULL,
  is_published INTEGER NOT NULL DEFAULT 0,
  takes_comments INTEGER NOT NULL DEFAULT 1,
  revision INTEGER NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  published_at BIGINT,
  month TEXT
);
CREATE INDEX entries_newest ON entries (is_published, published_at DESC, id DESC);
CREATE INDEX entries_month ON entries (is_published, month);

CREATE TABLE tags (
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  PRIMARY KEY (entry_id, name)
);
CREATE INDEX tags_name ON tags (name);

CREATE TABLE comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  author TEXT NOT NULL,
  body TEXT NOT NULL,
  is_approved INTEGER NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL
);
CREATE INDEX comments_entry ON comments (entry_id, is_approved, created_at);
CREATE INDEX comments_state ON comments (is_approved, created_at);

CREATE TABLE images (
  name TEXT PRIMARY KEY,
  media_type TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  description TEXT NOT NULL,
  content BLOB NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE attempts (
  kind TEXT NOT NULL,
  address TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX attempts_recent ON attempts (kind, at);

-- The words of each entry, already folded by search.py; rowid is the entry's id.
CREATE VIRTUAL TABLE entry_words USING fts5 (title, tags, body, tokenize = "unicode61 remove_diacritics 0");
