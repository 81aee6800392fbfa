-- Mail addresses somebody has shown to be theirs, and the links that show it.

ALTER TABLE users ADD COLUMN email_confirmed_at BIGINT;

CREATE TABLE mail_confirmations (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  email TEXT NOT NULL,
  token_hash BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT
);
CREATE UNIQUE INDEX mail_confirmations_token ON mail_confirmations (token_hash);
CREATE INDEX mail_confirmations_user ON mail_confirmations (user_id) WHERE used_at IS NULL;
