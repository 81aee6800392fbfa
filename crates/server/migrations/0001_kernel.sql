-- The audit record, its chain, kept answers, and marks that outlive a restart.

CREATE TABLE audit_entries (
  id UUID PRIMARY KEY,
  at BIGINT NOT NULL,
  actor_kind TEXT NOT NULL CHECK (actor_kind IN ('user', 'node', 'system', 'anonymous')),
  actor TEXT NOT NULL,
  org_id UUID,
  project_id UUID,
  action TEXT NOT NULL,
  target TEXT,
  outcome TEXT NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
  code TEXT,
  correlation_id TEXT NOT NULL,
  ip TEXT,
  count BIGINT NOT NULL CHECK (count > 0),
  detail TEXT NOT NULL
);
CREATE INDEX audit_entries_correlation ON audit_entries (correlation_id);
CREATE INDEX audit_entries_org ON audit_entries (org_id, id);

CREATE TABLE audit_chain (
  seq BIGINT PRIMARY KEY CHECK (seq > 0),
  entry_id UUID NOT NULL UNIQUE REFERENCES audit_entries (id),
  hash BYTEA NOT NULL,
  chained_at BIGINT NOT NULL
);

CREATE TABLE audit_waiting (
  entry_id UUID PRIMARY KEY
);

CREATE TABLE idempotency_keys (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BYTEA NOT NULL,
  status BIGINT NOT NULL,
  media_type TEXT NOT NULL,
  location TEXT NOT NULL,
  body BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE marks (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);

-- only: sqlite
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_entries_stays BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_chain_stays BEFORE DELETE ON audit_chain
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries
BEGIN INSERT INTO audit_waiting (entry_id) VALUES (NEW.id); END;
-- end
-- only: postgres
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append only';
END $$;
CREATE FUNCTION audit_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_waiting (entry_id) VALUES (NEW.id);
  RETURN NEW;
END $$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_chain
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_wait AFTER INSERT ON audit_entries
  FOR EACH ROW EXECUTE FUNCTION audit_wait();
-- end
