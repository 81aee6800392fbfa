-- What a session has proven; second factors, what proves them, and the way back when they are lost.
-- Notices and mails are written with the change they tell of.

ALTER TABLE users ADD COLUMN glass BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE sessions ADD COLUMN stage TEXT NOT NULL DEFAULT 'full' CHECK (stage IN ('half', 'enrol', 'full'));
ALTER TABLE sessions ADD COLUMN strong BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE sessions ADD COLUMN fresh_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN fresh_by UUID;

CREATE INDEX users_operators ON users (id) WHERE operator;

CREATE TABLE seal_keys (
  place BIGINT PRIMARY KEY CHECK (place = 1),
  key_id TEXT NOT NULL
);

CREATE TABLE factors (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN ('totp', 'passkey')),
  name TEXT NOT NULL,
  secret BYTEA NOT NULL,
  credential_id BYTEA,
  last_step BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  confirmed_at BIGINT,
  last_used_at BIGINT,
  CHECK (kind = 'totp' OR credential_id IS NOT NULL)
);
CREATE INDEX factors_user ON factors (user_id, id);
CREATE UNIQUE INDEX factors_credential ON factors (credential_id);

CREATE TABLE recovery_codes (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  code_hash BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE UNIQUE INDEX recovery_codes_code ON recovery_codes (user_id, code_hash);

CREATE TABLE factor_challenges (
  id UUID PRIMARY KEY,
  session_id UUID,
  purpose TEXT NOT NULL CHECK (purpose IN ('enrol', 'prove', 'sign_in')),
  state BYTEA NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX factor_challenges_end ON factor_challenges (expires_at);

CREATE TABLE recovery_requests (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'completed', 'refused', 'cancelled', 'expired')),
  started_by UUID NOT NULL REFERENCES users (id),
  approvals_needed BIGINT NOT NULL CHECK (approvals_needed BETWEEN 1 AND 2),
  created_at BIGINT NOT NULL,
  ready_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  end_reason TEXT,
  code_hash BYTEA
);
CREATE UNIQUE INDEX recovery_requests_open ON recovery_requests (user_id) WHERE ended_at IS NULL;
CREATE INDEX recovery_requests_queue ON recovery_requests (ended_at, id);

CREATE TABLE recovery_approvals (
  id UUID PRIMARY KEY,
  request_id UUID NOT NULL REFERENCES recovery_requests (id),
  approver_id UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX recovery_approvals_once ON recovery_approvals (request_id, approver_id);

CREATE TABLE break_glass_codes (
  id UUID PRIMARY KEY,
  code_hash BYTEA NOT NULL,
  made_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  used_at BIGINT,
  use_reason TEXT,
  ended_at BIGINT
);
CREATE UNIQUE INDEX break_glass_codes_code ON break_glass_codes (code_hash);

CREATE TABLE notices (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL,
  security BOOLEAN NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  href TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  read_at BIGINT
);
CREATE INDEX notices_user ON notices (user_id, id);
CREATE INDEX notices_unread ON notices (user_id) WHERE read_at IS NULL;

CREATE TABLE mails (
  id UUID PRIMARY KEY,
  address TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  sent_at BIGINT,
  fault TEXT
);
CREATE INDEX mails_due ON mails (due_at, id) WHERE sent_at IS NULL;
CREATE INDEX mails_old ON mails (created_at) WHERE sent_at IS NULL;
CREATE INDEX mails_sent ON mails (sent_at) WHERE sent_at IS NOT NULL;
