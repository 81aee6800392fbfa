-- The ledger: append-only double entry. Each posting is a transfer, so it sums to zero by shape.

CREATE TABLE ledger_accounts (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('available', 'held', 'revenue', 'promotions', 'loss')),
  org_id UUID REFERENCES organizations (id),
  currency TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  CHECK ((org_id IS NOT NULL) = (kind IN ('available', 'held')))
);
CREATE UNIQUE INDEX ledger_accounts_org ON ledger_accounts (org_id, kind, currency) WHERE org_id IS NOT NULL;
CREATE UNIQUE INDEX ledger_accounts_platform ON ledger_accounts (kind, currency) WHERE org_id IS NULL;

CREATE TABLE account_balances (
  account_id UUID PRIMARY KEY REFERENCES ledger_accounts (id),
  customer BOOLEAN NOT NULL,
  balance BIGINT NOT NULL,
  CONSTRAINT balance_covers CHECK (NOT customer OR balance >= 0)
);

CREATE TABLE ledger_transactions (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('grant', 'hold', 'hold_release', 'usage', 'correction')),
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  memo TEXT NOT NULL,
  org_id UUID NOT NULL REFERENCES organizations (id),
  project_id UUID,
  allocation_id UUID,
  simulated BOOLEAN NOT NULL,
  corrects UUID REFERENCES ledger_transactions (id),
  actor TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX ledger_transactions_fact ON ledger_transactions (source, source_id);
CREATE INDEX ledger_transactions_org ON ledger_transactions (org_id, id);
CREATE INDEX ledger_transactions_allocation ON ledger_transactions (allocation_id);

CREATE TABLE ledger_postings (
  id UUID PRIMARY KEY,
  txn_id UUID NOT NULL REFERENCES ledger_transactions (id),
  debit_account UUID NOT NULL REFERENCES ledger_accounts (id),
  credit_account UUID NOT NULL REFERENCES ledger_accounts (id),
  amount BIGINT NOT NULL CHECK (amount > 0),
  at BIGINT NOT NULL,
  CHECK (debit_account <> credit_account)
);
CREATE INDEX ledger_postings_txn ON ledger_postings (txn_id);
CREATE INDEX ledger_postings_debit ON ledger_postings (debit_account, id);
CREATE INDEX ledger_postings_credit ON ledger_postings (credit_account, id);

CREATE TABLE grants (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  txn_id UUID NOT NULL UNIQUE REFERENCES ledger_transactions (id),
  reason TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  created_at BIGINT NOT NULL
);

CREATE TABLE holds (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  rate_per_hour BIGINT NOT NULL CHECK (rate_per_hour >= 0),
  remaining BIGINT NOT NULL CHECK (remaining >= 0),
  state TEXT NOT NULL CHECK (state IN ('open', 'closed')),
  step BIGINT NOT NULL,
  ends_at BIGINT NOT NULL,
  stop_at BIGINT,
  created_at BIGINT NOT NULL,
  closed_at BIGINT,
  CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
  CHECK (state = 'open' OR remaining = 0),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX holds_one_open ON holds (allocation_id) WHERE state = 'open';
CREATE INDEX holds_org ON holds (org_id, state);

CREATE TABLE meters (
  allocation_id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  sku TEXT NOT NULL,
  units BIGINT NOT NULL CHECK (units > 0),
  price_per_hour BIGINT NOT NULL CHECK (price_per_hour >= 0),
  simulated BOOLEAN NOT NULL,
  started_at BIGINT NOT NULL,
  metered_to BIGINT NOT NULL,
  billed_micros BIGINT NOT NULL CHECK (billed_micros >= 0),
  charged BIGINT NOT NULL CHECK (charged >= 0),
  windows BIGINT NOT NULL,
  stopped_at BIGINT,
  CHECK (metered_to >= started_at),
  CHECK (stopped_at IS NULL OR stopped_at >= started_at),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX meters_running ON meters (org_id) WHERE stopped_at IS NULL;

CREATE TABLE usage_windows (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL REFERENCES meters (allocation_id),
  seq BIGINT NOT NULL CHECK (seq > 0),
  sku TEXT NOT NULL,
  units BIGINT NOT NULL,
  price_per_hour BIGINT NOT NULL,
  from_at BIGINT NOT NULL,
  to_at BIGINT NOT NULL,
  charge BIGINT NOT NULL CHECK (charge >= 0),
  simulated BOOLEAN NOT NULL,
  CHECK (to_at > from_at),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE UNIQUE INDEX usage_windows_seq ON usage_windows (allocation_id, seq);
CREATE UNIQUE INDEX usage_windows_from ON usage_windows (allocation_id, from_at);
CREATE UNIQUE INDEX usage_windows_to ON usage_windows (allocation_id, to_at);
CREATE INDEX usage_windows_project ON usage_windows (project_id, id);

-- only: sqlite
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER ledger_transactions_stays BEFORE DELETE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER ledger_postings_stays BEFORE DELETE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_windows_append_only BEFORE UPDATE ON usage_windows
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER usage_windows_stays BEFORE DELETE ON usage_windows
BEGIN SELECT RAISE(ABORT, 'append only'); END;
-- end
-- only: postgres
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_windows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_windows
  EXECUTE FUNCTION refuse_change();
-- end
