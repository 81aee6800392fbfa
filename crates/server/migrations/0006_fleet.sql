-- What exists: nodes, join tokens, slots, claims, and what should be on each node.

CREATE TABLE nodes (
  id UUID PRIMARY KEY,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('bootstrap_issued', 'enrolling', 'active', 'offline',
    'quarantined', 'draining', 'retired', 'removing', 'deleted')),
  simulated BOOLEAN NOT NULL,
  shared_kernel TEXT NOT NULL CHECK (shared_kernel IN ('one_organization', 'allowed')),
  inventory TEXT,
  last_heartbeat_at BIGINT,
  created_at BIGINT NOT NULL
);

CREATE TABLE join_tokens (
  id UUID PRIMARY KEY,
  token_hash BYTEA NOT NULL,
  approves BOOLEAN NOT NULL,
  shared_kernel TEXT NOT NULL CHECK (shared_kernel IN ('one_organization', 'allowed')),
  uses_left BIGINT NOT NULL CHECK (uses_left >= 0),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX join_tokens_token ON join_tokens (token_hash);

CREATE TABLE node_slots (
  id UUID PRIMARY KEY,
  node_id UUID NOT NULL REFERENCES nodes (id),
  slot_index BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('gpu', 'cpu')),
  model TEXT NOT NULL,
  gpu_uuid TEXT,
  gpu_memory_mib BIGINT NOT NULL,
  cpu_milli BIGINT NOT NULL CHECK (cpu_milli > 0),
  mem_mib BIGINT NOT NULL CHECK (mem_mib > 0),
  simulated BOOLEAN NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('discovered', 'available', 'cleanup_blocked', 'disabled')),
  reason TEXT,
  created_at BIGINT NOT NULL,
  UNIQUE (node_id, slot_index)
);
CREATE INDEX node_slots_model ON node_slots (model, kind);

CREATE TABLE claims (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  node_id UUID NOT NULL REFERENCES nodes (id),
  slot_id UUID NOT NULL REFERENCES node_slots (id),
  kind TEXT NOT NULL CHECK (kind IN ('slot', 'node_exclusive')),
  state TEXT NOT NULL CHECK (state IN ('live', 'ended')),
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX claims_live_slot ON claims (slot_id) WHERE state = 'live';
CREATE INDEX claims_allocation ON claims (allocation_id);
CREATE INDEX claims_slot ON claims (slot_id, id);
CREATE INDEX claims_node ON claims (node_id) WHERE state = 'live';

CREATE TABLE node_works (
  allocation_id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  node_id UUID NOT NULL REFERENCES nodes (id),
  generation BIGINT NOT NULL CHECK (generation > 0),
  want TEXT NOT NULL CHECK (want IN ('running', 'absent')),
  spec TEXT NOT NULL,
  observed_generation BIGINT NOT NULL,
  observed_state TEXT CHECK (observed_state IN ('starting', 'running', 'stopping', 'absent', 'failed', 'stuck')),
  observed_detail TEXT NOT NULL,
  observed_at BIGINT,
  created_at BIGINT NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX node_works_node ON node_works (node_id);
CREATE INDEX node_slots_blocked ON node_slots (id) WHERE status = 'cleanup_blocked';
