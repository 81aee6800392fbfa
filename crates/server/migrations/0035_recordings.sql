-- What terminals showed: what an organization records, recordings, and their sealed parts.

CREATE TABLE recording_policies (
  org_id UUID PRIMARY KEY REFERENCES organizations (id),
  mode TEXT NOT NULL CHECK (mode IN ('off', 'on', 'required')),
  keep_days BIGINT NOT NULL CHECK (keep_days BETWEEN 1 AND 3650),
  changed_by UUID NOT NULL REFERENCES users (id),
  changed_at BIGINT NOT NULL
);

CREATE TABLE recordings (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  terminal_id UUID NOT NULL,
  part BIGINT NOT NULL CHECK (part > 0),
  way TEXT NOT NULL CHECK (way IN ('terminal', 'ssh')),
  workload TEXT NOT NULL,
  columns BIGINT NOT NULL,
  lines BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'ended', 'erased')),
  looks BIGINT NOT NULL,
  position BIGINT NOT NULL,
  chunks BIGINT NOT NULL,
  bytes BIGINT NOT NULL CHECK (bytes >= 0),
  plain BIGINT NOT NULL CHECK (plain >= 0),
  left_out BIGINT NOT NULL,
  sha256 BYTEA,
  started_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  ended_at BIGINT,
  erase_at BIGINT,
  UNIQUE (terminal_id, part),
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
);
CREATE INDEX recordings_project ON recordings (project_id, id);
CREATE INDEX recordings_owner ON recordings (project_id, user_id, id);
CREATE INDEX recordings_live ON recordings (last_at) WHERE state = 'live';
CREATE INDEX recordings_due ON recordings (erase_at) WHERE state = 'ended';
CREATE INDEX recordings_kept ON recordings (org_id) WHERE state <> 'erased';

CREATE TABLE recording_chunks (
  recording_id UUID NOT NULL REFERENCES recordings (id),
  seq BIGINT NOT NULL CHECK (seq > 0),
  sealed BYTEA NOT NULL,
  PRIMARY KEY (recording_id, seq)
);

-- Whoever asked for the ticket agreed to be recorded.
ALTER TABLE terminal_tickets ADD COLUMN record BOOLEAN NOT NULL DEFAULT FALSE;
