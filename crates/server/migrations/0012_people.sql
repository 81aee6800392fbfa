-- Machines that act in a project, their keys, and invitations of people.

CREATE TABLE service_accounts (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  name TEXT NOT NULL,
  owner_id UUID NOT NULL REFERENCES users (id),
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at BIGINT NOT NULL,
  deleted_at BIGINT,
  UNIQUE (project_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX service_accounts_name ON service_accounts (project_id, name) WHERE deleted_at IS NULL;

CREATE TABLE api_keys (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  service_account_id UUID NOT NULL,
  owner_id UUID NOT NULL REFERENCES users (id),
  parent_id UUID REFERENCES api_keys (id),
  name TEXT NOT NULL,
  hint TEXT NOT NULL,
  token_hash BYTEA NOT NULL,
  scopes TEXT NOT NULL,
  created_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  last_used_at BIGINT,
  paused_at BIGINT,
  revoked_at BIGINT,
  FOREIGN KEY (project_id, service_account_id) REFERENCES service_accounts (project_id, id)
);
CREATE UNIQUE INDEX api_keys_token ON api_keys (token_hash);
CREATE INDEX api_keys_account ON api_keys (service_account_id, id);
CREATE INDEX api_keys_parent ON api_keys (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX api_keys_short ON api_keys (expires_at) WHERE parent_id IS NOT NULL;

CREATE TABLE invitations (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  project_id UUID,
  email TEXT,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  token_hash BYTEA NOT NULL,
  invited_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  accepted_at BIGINT,
  accepted_by UUID REFERENCES users (id),
  revoked_at BIGINT,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX invitations_token ON invitations (token_hash);
CREATE INDEX invitations_open ON invitations (org_id, id) WHERE accepted_at IS NULL AND revoked_at IS NULL;

ALTER TABLE organizations ADD COLUMN require_mfa TEXT NOT NULL DEFAULT 'owners' CHECK (require_mfa IN ('owners', 'everyone'));

