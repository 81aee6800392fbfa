-- Given credit: lots that are used before paid money, the one that expires first before the others.

ALTER TABLE grants ADD COLUMN remaining BIGINT NOT NULL DEFAULT 0 CHECK (remaining >= 0);
ALTER TABLE grants ADD COLUMN expired BIGINT NOT NULL DEFAULT 0 CHECK (expired >= 0);
ALTER TABLE grants ADD COLUMN expires_at BIGINT;
ALTER TABLE grants ADD COLUMN warned_at BIGINT;
ALTER TABLE grants ADD COLUMN tracked BOOLEAN NOT NULL DEFAULT FALSE;
-- Grants before are not tracked: they went to what was paid in.
CREATE INDEX grants_org ON grants (org_id, id);
CREATE INDEX grants_left ON grants (org_id, id) WHERE remaining > 0;
CREATE INDEX grants_ending ON grants (expires_at, id) WHERE remaining > 0 AND expires_at IS NOT NULL;

-- What of a hold came from which lot; it goes back there.
CREATE TABLE hold_credits (
  hold_id UUID NOT NULL REFERENCES holds (id),
  grant_id UUID NOT NULL REFERENCES grants (id),
  amount BIGINT NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (hold_id, grant_id)
);
CREATE INDEX hold_credits_grant ON hold_credits (grant_id);

ALTER TABLE credits ADD COLUMN expires_days BIGINT CHECK (expires_days IS NULL OR expires_days > 0);
