-- Usage that is never charged: what waits for a price, or would cost too much, written off by a person with a reason.

CREATE TABLE usage_write_offs (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  meter TEXT NOT NULL,
  events BIGINT NOT NULL CHECK (events > 0),
  quantity BIGINT NOT NULL CHECK (quantity >= 0),
  reason TEXT NOT NULL,
  by_user UUID NOT NULL REFERENCES users (id),
  at BIGINT NOT NULL,
  done BOOLEAN NOT NULL
);
CREATE INDEX usage_write_offs_open ON usage_write_offs (org_id, meter) WHERE done = FALSE;

ALTER TABLE usage_events ADD COLUMN write_off_id UUID REFERENCES usage_write_offs (id);
DROP INDEX usage_events_unbilled;
CREATE INDEX usage_events_unbilled ON usage_events (org_id, meter, at) WHERE charge_id IS NULL AND write_off_id IS NULL;

-- only: sqlite
DROP TRIGGER usage_events_stay;
CREATE TRIGGER usage_events_stay BEFORE UPDATE ON usage_events
WHEN OLD.charge_id IS NOT NULL OR OLD.write_off_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_write_offs_done BEFORE UPDATE ON usage_write_offs WHEN OLD.done
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_write_offs_kept BEFORE DELETE ON usage_write_offs
BEGIN SELECT RAISE(ABORT, 'append only'); END;
-- end
-- only: postgres
DROP TRIGGER usage_events_stay ON usage_events;
CREATE TRIGGER usage_events_stay BEFORE UPDATE ON usage_events
  FOR EACH ROW WHEN (OLD.charge_id IS NOT NULL OR OLD.write_off_id IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_write_offs_done BEFORE UPDATE ON usage_write_offs
  FOR EACH ROW WHEN (OLD.done) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_write_offs_kept BEFORE DELETE OR TRUNCATE ON usage_write_offs
  EXECUTE FUNCTION refuse_change();
-- end
