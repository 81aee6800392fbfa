-- Metered usage: what is counted besides time of hardware, told by sources, each event once for ever.

CREATE TABLE metering_sources (
  id UUID PRIMARY KEY,
  name TEXT NOT NULL,
  token_hash BYTEA NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  revoked_at BIGINT
);

CREATE TABLE usage_prices (
  id UUID PRIMARY KEY,
  meter TEXT NOT NULL,
  currency TEXT NOT NULL,
  price BIGINT NOT NULL CHECK (price >= 0),
  valid_from BIGINT NOT NULL,
  set_by UUID NOT NULL REFERENCES users (id),
  set_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX usage_prices_from ON usage_prices (meter, currency, valid_from);

-- What a subject used of a meter at one price, rated as a whole.
CREATE TABLE usage_totals (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  price_id UUID NOT NULL REFERENCES usage_prices (id),
  price BIGINT NOT NULL,
  quantity BIGINT NOT NULL CHECK (quantity >= 0),
  charged BIGINT NOT NULL CHECK (charged >= 0),
  charges BIGINT NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX usage_totals_project ON usage_totals (project_id, id);

-- A step of a total: its events charged together.
CREATE TABLE usage_charges (
  id UUID PRIMARY KEY,
  total_id UUID NOT NULL REFERENCES usage_totals (id),
  seq BIGINT NOT NULL CHECK (seq > 0),
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  quantity BIGINT NOT NULL CHECK (quantity > 0),
  quantity_to BIGINT NOT NULL,
  charge BIGINT NOT NULL CHECK (charge >= 0),
  day BIGINT NOT NULL,
  at BIGINT NOT NULL,
  txn_id UUID REFERENCES ledger_transactions (id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX usage_charges_seq ON usage_charges (total_id, seq);
CREATE INDEX usage_charges_org ON usage_charges (org_id, day);
CREATE INDEX usage_charges_txn ON usage_charges (txn_id) WHERE txn_id IS NOT NULL;

-- What each subject was charged by day (UTC, when it was booked).
CREATE TABLE usage_days (
  project_id UUID NOT NULL,
  day BIGINT NOT NULL,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  org_id UUID NOT NULL,
  charge BIGINT NOT NULL CHECK (charge >= 0),
  PRIMARY KEY (project_id, day, meter, subject),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX usage_days_org ON usage_days (org_id, day);

-- How much of a meter waits for a price.
CREATE TABLE usage_waiting (
  org_id UUID NOT NULL REFERENCES organizations (id),
  meter TEXT NOT NULL,
  events BIGINT NOT NULL CHECK (events >= 0),
  quantity BIGINT NOT NULL CHECK (quantity >= 0),
  since BIGINT NOT NULL,
  PRIMARY KEY (org_id, meter)
);

CREATE TABLE usage_events (
  id UUID PRIMARY KEY,
  source_id UUID NOT NULL REFERENCES metering_sources (id),
  event_id TEXT NOT NULL,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  meter TEXT NOT NULL,
  subject TEXT NOT NULL,
  quantity BIGINT NOT NULL CHECK (quantity > 0),
  at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  charge_id UUID REFERENCES usage_charges (id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX usage_events_charge ON usage_events (charge_id) WHERE charge_id IS NOT NULL;
CREATE INDEX usage_events_unbilled ON usage_events (org_id, meter, at) WHERE charge_id IS NULL;

-- only: sqlite
CREATE TRIGGER usage_events_stay BEFORE UPDATE ON usage_events WHEN OLD.charge_id IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_events_kept BEFORE DELETE ON usage_events
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_charges_append_only BEFORE UPDATE ON usage_charges
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_charges_stay BEFORE DELETE ON usage_charges
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_prices_append_only BEFORE UPDATE ON usage_prices
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_prices_stay BEFORE DELETE ON usage_prices
BEGIN SELECT RAISE(ABORT, 'append only'); END;
-- end
-- only: postgres
CREATE TRIGGER usage_events_stay BEFORE UPDATE ON usage_events
  FOR EACH ROW WHEN (OLD.charge_id IS NOT NULL) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_events_kept BEFORE DELETE OR TRUNCATE ON usage_events
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_charges_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_charges
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_prices
  EXECUTE FUNCTION refuse_change();
-- end

-- What organizations owe for usage that no balance covered.
CREATE TABLE usage_debts (
  org_id UUID PRIMARY KEY REFERENCES organizations (id),
  owed BIGINT NOT NULL CHECK (owed >= 0),
  paid BIGINT NOT NULL CHECK (paid >= 0),
  since BIGINT NOT NULL
);
CREATE UNIQUE INDEX metering_sources_name ON metering_sources (name) WHERE revoked_at IS NULL;
