-- Outgoing webhooks: what happened in an organization, told to an address of its own; and what people do not want
-- to be mailed.

CREATE TABLE webhooks (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  url TEXT NOT NULL,
  actions TEXT NOT NULL,
  secret BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'stopped')),
  created_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  since_at BIGINT NOT NULL,
  slow BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  failing_since BIGINT,
  free_at BIGINT NOT NULL,
  last_at BIGINT,
  last_ok BOOLEAN
);
CREATE INDEX webhooks_org ON webhooks (org_id, id);
CREATE INDEX webhooks_free ON webhooks (free_at, id) WHERE state = 'active';

CREATE TABLE webhook_deliveries (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  webhook_id UUID NOT NULL REFERENCES webhooks (id),
  seq BIGINT NOT NULL,
  action TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  done_at BIGINT,
  status BIGINT,
  fault TEXT
);
CREATE INDEX webhook_deliveries_next ON webhook_deliveries (webhook_id, attempts, seq, id) WHERE done_at IS NULL;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE done_at IS NULL;
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_done ON webhook_deliveries (done_at) WHERE done_at IS NOT NULL;

CREATE TABLE notice_mutes (
  user_id UUID NOT NULL REFERENCES users (id),
  about TEXT NOT NULL CHECK (about IN ('people', 'work')),
  PRIMARY KEY (user_id, about)
);

-- What projects that were deleted before left behind.
UPDATE api_keys SET revoked_at = (SELECT p.deleted_at FROM projects p WHERE p.id = api_keys.project_id)
  WHERE revoked_at IS NULL AND project_id IN (SELECT id FROM projects WHERE deleted_at IS NOT NULL);
DELETE FROM quotas WHERE project_id IN (SELECT id FROM projects WHERE deleted_at IS NOT NULL);
