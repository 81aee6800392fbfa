-- Payments: books per organization, top-ups through a processor, refunds, disputes, credit that operators give, and
-- where each organization's money stood when its people were last told.

-- Every account is one organization's now, so that no row of the platform is written by all: the platform's books are
-- the sums over them. Rows without an organization are what was booked before.
-- only: postgres
ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_kind_check;
ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_check;
ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_kind_check CHECK (kind IN
  ('available', 'promotional', 'held', 'revenue', 'promotions', 'loss', 'clearing', 'bank', 'refunds', 'disputes'));
ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_owner
  CHECK (org_id IS NOT NULL OR kind IN ('revenue', 'promotions', 'loss'));
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_check;
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_kind_check CHECK (kind IN
  ('grant', 'hold', 'hold_release', 'usage', 'correction', 'payment', 'refund', 'dispute', 'dispute_reversal',
   'adjustment', 'expiry', 'write_off'));
-- end
-- only: sqlite
PRAGMA defer_foreign_keys = ON;
CREATE TABLE ledger_accounts_before AS SELECT * FROM ledger_accounts;
DROP TABLE ledger_accounts;
CREATE TABLE ledger_accounts (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN
    ('available', 'promotional', 'held', 'revenue', 'promotions', 'loss', 'clearing', 'bank', 'refunds', 'disputes')),
  org_id UUID REFERENCES organizations (id),
  currency TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  CHECK (org_id IS NOT NULL OR kind IN ('revenue', 'promotions', 'loss'))
);
INSERT INTO ledger_accounts SELECT * FROM ledger_accounts_before;
DROP TABLE ledger_accounts_before;
CREATE UNIQUE INDEX ledger_accounts_org ON ledger_accounts (org_id, kind, currency) WHERE org_id IS NOT NULL;
CREATE UNIQUE INDEX ledger_accounts_platform ON ledger_accounts (kind, currency) WHERE org_id IS NULL;
CREATE INDEX ledger_transactions_corrects ON ledger_transactions (corrects);
CREATE TABLE ledger_transactions_before AS SELECT * FROM ledger_transactions;
DROP TABLE ledger_transactions;
CREATE TABLE ledger_transactions (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN
    ('grant', 'hold', 'hold_release', 'usage', 'correction', 'payment', 'refund', 'dispute', 'dispute_reversal',
     'adjustment', 'expiry', 'write_off')),
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
CREATE INDEX ledger_transactions_corrects ON ledger_transactions (corrects);
INSERT INTO ledger_transactions SELECT * FROM ledger_transactions_before;
DROP TABLE ledger_transactions_before;
CREATE UNIQUE INDEX ledger_transactions_fact ON ledger_transactions (source, source_id);
CREATE INDEX ledger_transactions_org ON ledger_transactions (org_id, id);
CREATE INDEX ledger_transactions_allocation ON ledger_transactions (allocation_id);
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER ledger_transactions_stays BEFORE DELETE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'append only'); END;
-- end

-- only: postgres
CREATE INDEX ledger_transactions_corrects ON ledger_transactions (corrects);
-- end

CREATE TABLE payments (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  user_id UUID NOT NULL REFERENCES users (id),
  provider TEXT NOT NULL CHECK (provider IN ('simulator', 'stripe')),
  amount BIGINT NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  simulated BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'pending', 'processing', 'paid', 'failed', 'cancelled', 'expired')),
  session_ref TEXT,
  checkout_url TEXT,
  intent_ref TEXT,
  fault TEXT,
  declines BIGINT NOT NULL,
  refunded BIGINT NOT NULL CHECK (refunded >= 0 AND refunded <= amount),
  disputed BIGINT NOT NULL CHECK (disputed >= 0),
  cancel_at BIGINT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  settled_at BIGINT,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  correlation_id TEXT NOT NULL,
  CHECK ((state = 'paid') = (intent_ref IS NOT NULL)),
  CHECK (state = 'paid' OR (refunded = 0 AND disputed = 0))
);
CREATE INDEX payments_org ON payments (org_id, id);
CREATE INDEX payments_due ON payments (due_at) WHERE state IN ('created', 'pending', 'processing');
CREATE UNIQUE INDEX payments_session ON payments (provider, session_ref) WHERE session_ref IS NOT NULL;
CREATE UNIQUE INDEX payments_intent ON payments (provider, intent_ref) WHERE intent_ref IS NOT NULL;

CREATE TABLE payment_events (
  id UUID PRIMARY KEY,
  provider TEXT NOT NULL,
  event_ref TEXT NOT NULL,
  kind TEXT NOT NULL,
  object_ref TEXT NOT NULL,
  intent_ref TEXT,
  body TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('applied', 'before', 'parked', 'ignored', 'refused')),
  note TEXT NOT NULL,
  org_id UUID REFERENCES organizations (id),
  payment_id UUID REFERENCES payments (id)
);
CREATE UNIQUE INDEX payment_events_ref ON payment_events (provider, event_ref);
CREATE INDEX payment_events_parked ON payment_events (provider, intent_ref) WHERE outcome = 'parked';
CREATE INDEX payment_events_refused ON payment_events (received_at) WHERE outcome = 'refused';
CREATE INDEX payment_events_made ON payment_events (provider, made_at);
CREATE INDEX payment_events_payment ON payment_events (payment_id);

-- Words about one payment at the processor wait for each other here, also while the payment itself is not known.
CREATE TABLE payment_intents (
  provider TEXT NOT NULL,
  intent_ref TEXT NOT NULL,
  PRIMARY KEY (provider, intent_ref)
);

CREATE TABLE refunds (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  payment_id UUID NOT NULL REFERENCES payments (id),
  amount BIGINT NOT NULL CHECK (amount > 0),
  borne TEXT NOT NULL CHECK (borne IN ('balance', 'platform')),
  way TEXT NOT NULL CHECK (way IN ('card', 'credit')),
  state TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'pending', 'succeeded', 'failed', 'declined')),
  reason TEXT NOT NULL,
  refund_ref TEXT,
  taken BIGINT NOT NULL CHECK (taken >= 0),
  txn_id UUID REFERENCES ledger_transactions (id),
  asked_by UUID REFERENCES users (id),
  decided_by UUID REFERENCES users (id),
  created_at BIGINT NOT NULL,
  decided_at BIGINT,
  ended_at BIGINT,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  fault TEXT,
  CHECK (decided_by IS NULL OR decided_at IS NOT NULL)
);
CREATE INDEX refunds_payment ON refunds (payment_id, id);
CREATE INDEX refunds_due ON refunds (due_at) WHERE state IN ('approved', 'pending');
CREATE INDEX refunds_stuck ON refunds (decided_at) WHERE state = 'approved';
CREATE INDEX refunds_alone ON refunds (org_id, asked_by, created_at);
CREATE INDEX refunds_waiting ON refunds (id) WHERE state = 'requested';
CREATE UNIQUE INDEX refunds_ref ON refunds (refund_ref) WHERE refund_ref IS NOT NULL;

CREATE TABLE disputes (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  payment_id UUID NOT NULL REFERENCES payments (id),
  dispute_ref TEXT NOT NULL UNIQUE,
  amount BIGINT NOT NULL CHECK (amount > 0),
  taken BIGINT NOT NULL CHECK (taken >= 0),
  state TEXT NOT NULL CHECK (state IN ('open', 'won', 'lost')),
  txn_id UUID REFERENCES ledger_transactions (id),
  opened_at BIGINT NOT NULL,
  closed_at BIGINT,
  CHECK (taken <= amount)
);
CREATE INDEX disputes_payment ON disputes (payment_id);
CREATE INDEX disputes_short ON disputes (org_id, id) WHERE state <> 'won' AND taken < amount;
CREATE INDEX disputes_open ON disputes (id) WHERE state = 'open';

CREATE TABLE credits (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  kind TEXT NOT NULL CHECK (kind IN ('bank_transfer', 'goodwill')),
  amount BIGINT NOT NULL CHECK (amount > 0),
  reason TEXT NOT NULL,
  reference TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'posted', 'declined')),
  txn_id UUID REFERENCES ledger_transactions (id),
  asked_by UUID NOT NULL REFERENCES users (id),
  decided_by UUID REFERENCES users (id),
  created_at BIGINT NOT NULL,
  decided_at BIGINT,
  CHECK ((state = 'posted') = (txn_id IS NOT NULL))
);
CREATE UNIQUE INDEX credits_reference ON credits (reference) WHERE kind = 'bank_transfer' AND state <> 'declined';
CREATE INDEX credits_alone ON credits (org_id, asked_by, created_at);
CREATE INDEX credits_waiting ON credits (id) WHERE state = 'requested';

-- What the built-in simulator of a payment processor knows: no product row, but a peer's.
CREATE TABLE simulated_checkouts (
  session_ref TEXT PRIMARY KEY,
  payment_id UUID NOT NULL UNIQUE REFERENCES payments (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'expired')),
  tell_at BIGINT NOT NULL,
  declines BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE money_states (
  org_id UUID PRIMARY KEY REFERENCES organizations (id),
  state TEXT NOT NULL CHECK (state IN ('healthy', 'low_balance', 'auto_release_pending', 'depleted')),
  since BIGINT NOT NULL,
  ran_out_at BIGINT
);
