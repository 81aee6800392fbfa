-- Ways in by SSH: people's public keys, which of them a project offers, who may reach which workload with which, and
-- what an organization allows.

CREATE TABLE ssh_keys (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  bits BIGINT,
  fingerprint TEXT NOT NULL,
  public_key TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX ssh_keys_fingerprint ON ssh_keys (fingerprint, user_id) WHERE deleted_at IS NULL;
CREATE INDEX ssh_keys_user ON ssh_keys (user_id) WHERE deleted_at IS NULL;

CREATE TABLE project_ssh_keys (
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  ssh_key_id UUID NOT NULL REFERENCES ssh_keys (id),
  promoted_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project_id, ssh_key_id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX project_ssh_keys_key ON project_ssh_keys (ssh_key_id);

CREATE TABLE ssh_grants (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  ssh_key_id UUID REFERENCES ssh_keys (id),
  source TEXT NOT NULL CHECK (source IN ('launch', 'grant')),
  granted_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  ended_at BIGINT,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
);
CREATE INDEX ssh_grants_user ON ssh_grants (user_id) WHERE ended_at IS NULL;
CREATE INDEX ssh_grants_allocation ON ssh_grants (allocation_id, id);

-- What runs already opens to whoever launched it.
INSERT INTO ssh_grants (id, org_id, project_id, allocation_id, user_id, source, granted_by, created_at)
  SELECT id, org_id, project_id, id, requested_by, 'launch', requested_by, created_at FROM allocations
   WHERE state IN ('requested', 'provisioning', 'active');

CREATE TABLE reach_policies (
  org_id UUID PRIMARY KEY REFERENCES organizations (id),
  forwarding BOOLEAN NOT NULL,
  require_key BOOLEAN NOT NULL,
  changed_by UUID NOT NULL REFERENCES users (id),
  changed_at BIGINT NOT NULL
);

-- A ticket that goes on with a terminal that was begun before names it.
ALTER TABLE terminal_tickets ADD COLUMN terminal_id UUID;
