-- Long operations: where each stands, who works on it, and how its steps went.

CREATE TABLE tasks (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL,
  subject UUID NOT NULL,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  step TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'needs_human')),
  reason TEXT,
  started_by TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  wake_at BIGINT NOT NULL,
  deadline_at BIGINT NOT NULL,
  lease_token UUID,
  lease_until BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX tasks_one_running ON tasks (kind, subject) WHERE state = 'running';
CREATE INDEX tasks_due ON tasks (wake_at) WHERE state = 'running';
CREATE INDEX tasks_subject ON tasks (subject, id);

CREATE TABLE task_steps (
  task_id UUID NOT NULL REFERENCES tasks (id),
  seq BIGINT NOT NULL,
  kind TEXT NOT NULL,
  step TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  failed BOOLEAN NOT NULL,
  PRIMARY KEY (task_id, seq)
);
CREATE INDEX task_steps_usual ON task_steps (step, started_at);
