-- Running environments, and tickets that open a terminal once.

CREATE TABLE allocations (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'provisioning', 'active', 'releasing',
    'released', 'failed', 'release_failed')),
  reason TEXT,
  sku TEXT NOT NULL,
  count BIGINT NOT NULL CHECK (count > 0),
  price_per_hour BIGINT NOT NULL,
  simulated BOOLEAN NOT NULL,
  node_id UUID NOT NULL REFERENCES nodes (id),
  requested_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  ready_at BIGINT,
  release_asked_at BIGINT,
  ended_at BIGINT,
  UNIQUE (project_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX allocations_project ON allocations (project_id, id);
CREATE INDEX allocations_live ON allocations (state) WHERE ended_at IS NULL;

CREATE TABLE terminal_tickets (
  id UUID PRIMARY KEY,
  ticket_hash BYTEA NOT NULL,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  session_id UUID NOT NULL,
  origin TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
);
CREATE UNIQUE INDEX terminal_tickets_ticket ON terminal_tickets (ticket_hash);
CREATE INDEX terminal_tickets_user ON terminal_tickets (user_id, created_at);
