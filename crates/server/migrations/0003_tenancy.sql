-- Organizations own and pay; departments attribute; projects hold the work; people get roles.

CREATE TABLE organizations (
  id UUID PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('personal', 'enterprise')),
  currency TEXT NOT NULL,
  policy_epoch BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX organizations_slug ON organizations (slug);

CREATE TABLE departments (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  slug TEXT NOT NULL,
  display_name TEXT NOT NULL,
  is_default BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
  created_at BIGINT NOT NULL,
  UNIQUE (org_id, id),
  UNIQUE (org_id, slug)
);
CREATE UNIQUE INDEX departments_one_default ON departments (org_id) WHERE is_default;

CREATE TABLE projects (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  department_id UUID NOT NULL,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  deleted_at BIGINT,
  UNIQUE (org_id, id),
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id)
);
CREATE UNIQUE INDEX projects_slug ON projects (org_id, slug) WHERE deleted_at IS NULL;

CREATE TABLE org_members (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  user_id UUID NOT NULL REFERENCES users (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX org_members_person ON org_members (org_id, user_id);
CREATE INDEX org_members_user ON org_members (user_id);

CREATE TABLE project_members (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX project_members_person ON project_members (project_id, user_id);
CREATE INDEX project_members_user ON project_members (user_id);
