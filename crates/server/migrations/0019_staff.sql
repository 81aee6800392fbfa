-- People of the platform have one of three roles, and look into a tenant for a while and with a reason only.

ALTER TABLE users ADD COLUMN platform_role TEXT
  CHECK (platform_role IN ('operator', 'support', 'security_reviewer'));
UPDATE users SET platform_role = 'operator' WHERE operator;
DROP INDEX users_operators;
ALTER TABLE users DROP COLUMN operator;
CREATE INDEX users_staff ON users (id) WHERE platform_role IS NOT NULL;

CREATE TABLE support_accesses (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  user_id UUID NOT NULL REFERENCES users (id),
  reason TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  ends_at BIGINT NOT NULL CHECK (ends_at > opened_at),
  ended_at BIGINT,
  ended_by UUID REFERENCES users (id)
);
CREATE INDEX support_accesses_org ON support_accesses (org_id, id);
CREATE INDEX support_accesses_opened ON support_accesses (opened_at);
CREATE INDEX support_accesses_user ON support_accesses (user_id, ends_at);
