-- Ceilings on what an organization, a department, a project or a person in it may hold at once.

CREATE TABLE quotas (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  department_id UUID,
  project_id UUID,
  user_id UUID REFERENCES users (id),
  dimension TEXT NOT NULL CHECK (dimension IN ('allocations', 'gpus', 'vcpus', 'memory_gib', 'keys')),
  ceiling BIGINT NOT NULL CHECK (ceiling >= 0),
  by_platform BOOLEAN NOT NULL,
  set_by UUID NOT NULL REFERENCES users (id),
  set_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX quotas_org ON quotas (org_id, id);
