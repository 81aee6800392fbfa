-- Signing a command line in from a browser (RFC 8628). A session that was approved from one that came from
-- a sign-in service ends with it.

CREATE TABLE device_grants (
  id UUID PRIMARY KEY,
  device_hash BYTEA NOT NULL,
  user_hash BYTEA NOT NULL,
  device_label TEXT NOT NULL,
  ip_address TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused')),
  pause_seconds BIGINT NOT NULL,
  polled_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  user_id UUID REFERENCES users (id),
  session_id UUID,
  strong BOOLEAN NOT NULL,
  methods TEXT NOT NULL
);
CREATE UNIQUE INDEX device_grants_device ON device_grants (device_hash);
CREATE UNIQUE INDEX device_grants_user ON device_grants (user_hash);
CREATE INDEX device_grants_person ON device_grants (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX device_grants_end ON device_grants (expires_at);

ALTER TABLE sessions ADD COLUMN parent_id UUID;
CREATE INDEX sessions_parent ON sessions (parent_id) WHERE parent_id IS NOT NULL;
