-- Departments people work with, groups, custom roles, and roles bound at an organization, a department or a
-- project; organizations and projects that are archived.

ALTER TABLE organizations ADD COLUMN archived_at BIGINT;
ALTER TABLE projects ADD COLUMN archived_at BIGINT;

CREATE TABLE roles (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  actions TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (org_id, id)
);
CREATE UNIQUE INDEX roles_name ON roles (org_id, name);

CREATE TABLE org_groups (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (org_id, id)
);
CREATE UNIQUE INDEX org_groups_name ON org_groups (org_id, name);

CREATE TABLE org_group_members (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  group_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, group_id) REFERENCES org_groups (org_id, id)
);
CREATE UNIQUE INDEX org_group_members_once ON org_group_members (group_id, user_id);
CREATE INDEX org_group_members_user ON org_group_members (user_id, org_id);

CREATE TABLE role_bindings (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  user_id UUID REFERENCES users (id),
  group_id UUID,
  role TEXT CHECK (role IN ('admin', 'member', 'viewer', 'billing', 'security_reviewer')),
  role_id UUID,
  department_id UUID,
  project_id UUID,
  created_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, group_id) REFERENCES org_groups (org_id, id),
  FOREIGN KEY (org_id, role_id) REFERENCES roles (org_id, id),
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id),
  CHECK ((user_id IS NULL) <> (group_id IS NULL)),
  CHECK ((role IS NULL) <> (role_id IS NULL)),
  CHECK (department_id IS NULL OR project_id IS NULL)
);
CREATE INDEX role_bindings_org ON role_bindings (org_id, id);
CREATE INDEX role_bindings_user ON role_bindings (user_id, org_id) WHERE user_id IS NOT NULL;
CREATE INDEX role_bindings_group ON role_bindings (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX role_bindings_role ON role_bindings (role_id) WHERE role_id IS NOT NULL;
CREATE INDEX projects_department ON projects (department_id) WHERE deleted_at IS NULL;
