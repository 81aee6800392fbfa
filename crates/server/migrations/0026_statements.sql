-- Monthly statements, and months that are closed.

CREATE TABLE billing_profiles (
  org_id UUID PRIMARY KEY REFERENCES organizations (id),
  legal_name TEXT NOT NULL,
  address TEXT NOT NULL,
  tax_id TEXT NOT NULL,
  set_by UUID NOT NULL REFERENCES users (id),
  set_at BIGINT NOT NULL
);

CREATE TABLE statements (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  month TEXT NOT NULL,
  number TEXT NOT NULL UNIQUE,
  from_at BIGINT NOT NULL,
  to_at BIGINT NOT NULL,
  currency TEXT NOT NULL,
  opening BIGINT NOT NULL,
  closing BIGINT NOT NULL,
  used BIGINT NOT NULL,
  body TEXT NOT NULL,
  digest TEXT NOT NULL,
  closed_at BIGINT NOT NULL,
  CHECK (to_at > from_at AND closed_at >= to_at)
);
CREATE UNIQUE INDEX statements_month ON statements (org_id, month);
CREATE INDEX statements_reach ON statements (org_id, to_at);

CREATE TABLE closed_months (
  month TEXT PRIMARY KEY,
  to_at BIGINT NOT NULL UNIQUE,
  statements BIGINT NOT NULL,
  closed_at BIGINT NOT NULL
);

-- only: sqlite
CREATE TRIGGER statements_append_only BEFORE UPDATE ON statements
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER statements_stay BEFORE DELETE ON statements
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER closed_months_append_only BEFORE UPDATE ON closed_months
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER closed_months_stay BEFORE DELETE ON closed_months
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER ledger_transactions_closed BEFORE INSERT ON ledger_transactions
WHEN EXISTS (SELECT 1 FROM closed_months WHERE to_at > NEW.at)
  OR EXISTS (SELECT 1 FROM statements WHERE org_id = NEW.org_id AND to_at > NEW.at)
BEGIN SELECT RAISE(ABORT, 'month closed'); END;
-- end
-- only: postgres
CREATE TRIGGER statements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statements
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER closed_months_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON closed_months
  EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM closed_months WHERE to_at > NEW.at)
    OR EXISTS (SELECT 1 FROM statements WHERE org_id = NEW.org_id AND to_at > NEW.at) THEN
    RAISE EXCEPTION 'month closed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_transactions_closed BEFORE INSERT ON ledger_transactions
  FOR EACH ROW EXECUTE FUNCTION refuse_closed();
-- end
