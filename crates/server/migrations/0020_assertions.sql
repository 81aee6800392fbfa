-- Keys that are shown by a signature instead of a secret (RFC 7523), and the assertions that were used.

ALTER TABLE api_keys ADD COLUMN public_key TEXT;

CREATE TABLE assertions (
  key_id UUID NOT NULL REFERENCES api_keys (id),
  name_hash BYTEA NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (key_id, name_hash)
);
CREATE INDEX assertions_over ON assertions (expires_at);
