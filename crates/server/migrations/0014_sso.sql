-- Sign-in services (OpenID Connect): who they are, whom they know, sign-ins on their way, what their groups
-- are worth. Accounts a service made have no password, and their address is not a sign-in name.

CREATE TABLE identity_providers (
  id UUID PRIMARY KEY,
  org_id UUID REFERENCES organizations (id),
  label TEXT NOT NULL,
  issuer TEXT NOT NULL,
  client_id TEXT NOT NULL,
  client_secret BYTEA,
  scopes TEXT NOT NULL,
  groups_claim TEXT NOT NULL,
  trust_mfa BOOLEAN NOT NULL,
  newcomers TEXT NOT NULL CHECK (newcomers IN ('nothing', 'personal')),
  manage_url TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  removed_at BIGINT,
  last_ok_at BIGINT,
  last_fault TEXT,
  last_fault_at BIGINT,
  CHECK (org_id IS NULL OR newcomers = 'nothing')
);
CREATE INDEX identity_providers_org ON identity_providers (org_id, id) WHERE removed_at IS NULL;

ALTER TABLE users ADD COLUMN provider_id UUID;
ALTER TABLE users ADD COLUMN home_org_id UUID;
DROP INDEX users_email;
CREATE UNIQUE INDEX users_email ON users (email) WHERE provider_id IS NULL;

CREATE TABLE identities (
  id UUID PRIMARY KEY,
  user_id UUID NOT NULL REFERENCES users (id),
  provider_id UUID NOT NULL REFERENCES identity_providers (id),
  org_id UUID,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  methods TEXT NOT NULL,
  member_of TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX identities_subject ON identities (org_id, issuer, subject) WHERE org_id IS NOT NULL;
CREATE UNIQUE INDEX identities_platform_subject ON identities (issuer, subject) WHERE org_id IS NULL;
CREATE INDEX identities_user ON identities (user_id, id);
CREATE INDEX identities_provider ON identities (provider_id, id);
CREATE INDEX identities_silent ON identities (seen_at) WHERE member_of <> '[]';

CREATE TABLE sso_attempts (
  id UUID PRIMARY KEY,
  state_hash BYTEA NOT NULL,
  browser_hash BYTEA NOT NULL,
  provider_id UUID NOT NULL REFERENCES identity_providers (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('sign_in', 'link', 'step_up')),
  session_id UUID,
  secrets BYTEA NOT NULL,
  back TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX sso_attempts_state ON sso_attempts (state_hash);
CREATE INDEX sso_attempts_end ON sso_attempts (expires_at);
CREATE INDEX sso_attempts_session ON sso_attempts (session_id) WHERE session_id IS NOT NULL;

CREATE TABLE sso_sessions (
  session_id UUID PRIMARY KEY,
  identity_id UUID NOT NULL REFERENCES identities (id),
  provider_id UUID NOT NULL,
  sid TEXT,
  secrets BYTEA NOT NULL,
  refreshes BOOLEAN NOT NULL,
  last_ok_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL
);
CREATE INDEX sso_sessions_due ON sso_sessions (due_at);
CREATE INDEX sso_sessions_silent ON sso_sessions (last_ok_at) WHERE refreshes;
CREATE INDEX sso_sessions_identity ON sso_sessions (identity_id);
CREATE INDEX sso_sessions_provider ON sso_sessions (provider_id);

CREATE TABLE sso_logouts (
  name BYTEA PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX sso_logouts_end ON sso_logouts (expires_at);

CREATE TABLE role_maps (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  provider_id UUID NOT NULL REFERENCES identity_providers (id),
  group_name TEXT NOT NULL,
  project_id UUID,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX role_maps_org ON role_maps (org_id, id);
CREATE UNIQUE INDEX role_maps_once ON role_maps (provider_id, group_name, org_id) WHERE project_id IS NULL;
CREATE UNIQUE INDEX role_maps_once_in_project ON role_maps (provider_id, group_name, project_id) WHERE project_id IS NOT NULL;

ALTER TABLE org_members ADD COLUMN provider_id UUID;
ALTER TABLE org_members ADD COLUMN hand_role TEXT;
ALTER TABLE project_members ADD COLUMN provider_id UUID;
ALTER TABLE project_members ADD COLUMN hand_role TEXT;

CREATE TABLE domains (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  domain TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved')),
  created_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  approved_by UUID REFERENCES users (id),
  approved_at BIGINT,
  UNIQUE (org_id, domain)
);
CREATE UNIQUE INDEX domains_approved ON domains (domain) WHERE state = 'approved';
CREATE INDEX domains_pending ON domains (id) WHERE state = 'pending';
