-- Cards that processors keep for organizations, and funds that are added by themselves.

-- An organization as a processor knows it; the simulator and test modes know others than live ones.
CREATE TABLE payment_customers (
  org_id UUID NOT NULL REFERENCES organizations (id),
  provider TEXT NOT NULL,
  simulated BOOLEAN NOT NULL,
  customer_ref TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (org_id, provider, simulated)
);

-- A card: only what people recognise it by; its number is the processor's alone.
CREATE TABLE cards (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  user_id UUID NOT NULL REFERENCES users (id),
  provider TEXT NOT NULL CHECK (provider IN ('simulator', 'stripe')),
  simulated BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'pending', 'saved', 'removing', 'removed', 'failed')),
  session_ref TEXT,
  page_url TEXT,
  customer_ref TEXT,
  method_ref TEXT,
  brand TEXT NOT NULL,
  last4 TEXT NOT NULL,
  exp_month BIGINT NOT NULL,
  exp_year BIGINT NOT NULL,
  fault TEXT,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  saved_at BIGINT,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  CHECK (state <> 'saved' OR (method_ref IS NOT NULL AND customer_ref IS NOT NULL))
);
CREATE INDEX cards_org ON cards (org_id, id);
CREATE INDEX cards_due ON cards (due_at) WHERE state IN ('created', 'pending', 'removing');
CREATE UNIQUE INDEX cards_session ON cards (provider, session_ref) WHERE session_ref IS NOT NULL;
CREATE UNIQUE INDEX cards_method ON cards (provider, method_ref) WHERE method_ref IS NOT NULL;

ALTER TABLE payments ADD COLUMN card_id UUID REFERENCES cards (id);
ALTER TABLE payments ADD COLUMN auto BOOLEAN NOT NULL DEFAULT FALSE;
-- At most one on its way at a time, however many servers look.
CREATE UNIQUE INDEX payments_auto ON payments (org_id)
  WHERE auto AND state IN ('created', 'pending', 'processing');
CREATE INDEX payments_auto_made ON payments (org_id, created_at) WHERE auto;

-- How an organization adds funds by itself.
CREATE TABLE auto_top_ups (
  org_id UUID PRIMARY KEY REFERENCES organizations (id),
  card_id UUID NOT NULL REFERENCES cards (id),
  state TEXT NOT NULL CHECK (state IN ('on', 'paused', 'off')),
  below BIGINT NOT NULL CHECK (below >= 0),
  amount BIGINT NOT NULL CHECK (amount > 0),
  month_limit BIGINT NOT NULL CHECK (month_limit >= amount),
  why TEXT,
  told_month BIGINT,
  set_by UUID NOT NULL REFERENCES users (id),
  set_at BIGINT NOT NULL
);
CREATE INDEX auto_top_ups_on ON auto_top_ups (org_id) WHERE state = 'on';

-- The simulator's own pages where a card would be entered.
CREATE TABLE simulated_cards (
  session_ref TEXT PRIMARY KEY,
  card_id UUID NOT NULL REFERENCES cards (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'good', 'declined', 'closed')),
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX simulated_cards_card ON simulated_cards (card_id);
