-- People who sign in, their sessions, one-time links, and counts of wrong guesses.

CREATE TABLE users (
  id UUID PRIMARY KEY,
  email TEXT NOT NULL,
  display_name TEXT NOT NULL,
  password_hash TEXT,
  operator BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);

CREATE TABLE sessions (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN ('browser', 'cli')),
  token_hash BYTEA NOT NULL,
  device_label TEXT NOT NULL,
  ip_address TEXT NOT NULL,
  project_id UUID,
  signed_in_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  idle_micros BIGINT NOT NULL CHECK (idle_micros > 0),
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  revoke_reason TEXT
);
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE INDEX sessions_user ON sessions (user_id, id);

CREATE TABLE one_time_links (
  id UUID PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('first_sign_in')),
  token_hash BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE UNIQUE INDEX one_time_links_token ON one_time_links (token_hash);

CREATE TABLE guesses (
  bucket TEXT PRIMARY KEY,
  failures BIGINT NOT NULL CHECK (failures >= 0),
  window_from BIGINT NOT NULL,
  blocked_until BIGINT NOT NULL
);
