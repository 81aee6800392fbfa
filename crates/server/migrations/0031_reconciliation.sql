-- Reconciliation: the processor's own account of what moved, how far it was read and compared, and cases where it and
-- the books differ, or a word of the processor's could not be.

CREATE TABLE processor_movements (
  id UUID PRIMARY KEY,
  provider TEXT NOT NULL,
  movement_ref TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund', 'dispute', 'fee', 'payout', 'other', 'unread')),
  object_ref TEXT NOT NULL,
  intent_ref TEXT,
  amount BIGINT NOT NULL,
  currency TEXT NOT NULL,
  settled BIGINT NOT NULL,
  fee BIGINT NOT NULL,
  settled_currency TEXT NOT NULL,
  simulated BOOLEAN NOT NULL,
  org_id UUID REFERENCES organizations (id),
  payment_id UUID REFERENCES payments (id),
  at BIGINT NOT NULL,
  received_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX processor_movements_ref ON processor_movements (movement_ref, provider);
CREATE INDEX processor_movements_object ON processor_movements (provider, kind, object_ref);
CREATE INDEX processor_movements_at ON processor_movements (provider, simulated, at);

-- only: sqlite
CREATE TRIGGER processor_movements_append_only BEFORE UPDATE ON processor_movements
BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER processor_movements_stay BEFORE DELETE ON processor_movements
BEGIN SELECT RAISE(ABORT, 'append only'); END;
-- end
-- only: postgres
CREATE TRIGGER processor_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON processor_movements
  EXECUTE FUNCTION refuse_change();
-- end

CREATE TABLE reconciliations (
  provider TEXT NOT NULL,
  simulated BOOLEAN NOT NULL,
  first_at BIGINT NOT NULL,
  read_until BIGINT NOT NULL,
  compared_until BIGINT NOT NULL,
  ran_at BIGINT NOT NULL,
  fault TEXT,
  failed_since BIGINT,
  PRIMARY KEY (provider, simulated)
);

CREATE TABLE payment_cases (
  id UUID PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund', 'dispute', 'word', 'movement')),
  provider TEXT NOT NULL,
  simulated BOOLEAN NOT NULL,
  object_ref TEXT NOT NULL,
  org_id UUID REFERENCES organizations (id),
  payment_id UUID REFERENCES payments (id),
  currency TEXT,
  theirs BIGINT NOT NULL,
  ours BIGINT NOT NULL,
  odd BOOLEAN NOT NULL,
  note TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  closed_at BIGINT,
  closed_by UUID REFERENCES users (id),
  reason TEXT NOT NULL
);
CREATE UNIQUE INDEX payment_cases_open ON payment_cases (provider, kind, object_ref) WHERE closed_at IS NULL;
CREATE INDEX payment_cases_object ON payment_cases (provider, kind, object_ref, id);
CREATE INDEX payment_cases_closed ON payment_cases (id) WHERE closed_at IS NOT NULL;

-- Words that could not be are cases too: those of the last 90 days open, the ones before closed.
INSERT INTO payment_cases (id, kind, provider, simulated, object_ref, org_id, payment_id, theirs, ours, odd, note,
    opened_at, changed_at, closed_at, reason)
SELECT e.id, 'word', e.provider, COALESCE(p.simulated, FALSE), e.event_ref, e.org_id, e.payment_id, 0, 0, FALSE,
    e.kind || ': ' || e.note, e.received_at, e.received_at,
    CASE WHEN e.received_at < n.newest - 7776000000000 THEN n.newest END,
    CASE WHEN e.received_at < n.newest - 7776000000000 THEN 'It was told before cases were kept.' ELSE '' END
  FROM payment_events e LEFT JOIN payments p ON p.id = e.payment_id
 CROSS JOIN (SELECT MAX(received_at) AS newest FROM payment_events) AS n
 WHERE e.outcome = 'refused';
DROP INDEX payment_events_refused;

CREATE INDEX payments_first ON payments (provider, simulated, id);
CREATE INDEX payments_settled ON payments (settled_at) WHERE state = 'paid';
CREATE INDEX refunds_ended ON refunds (ended_at) WHERE refund_ref IS NOT NULL;
CREATE INDEX disputes_opened ON disputes (opened_at);
CREATE INDEX disputes_closed ON disputes (closed_at) WHERE closed_at IS NOT NULL;

-- What the built-in simulator moved, in its own account.
CREATE TABLE simulated_movements (
  movement_ref TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('charge', 'refund')),
  object_ref TEXT NOT NULL,
  intent_ref TEXT NOT NULL,
  payment_id UUID NOT NULL REFERENCES payments (id),
  amount BIGINT NOT NULL,
  currency TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX simulated_movements_at ON simulated_movements (at);
INSERT INTO simulated_movements
SELECT 'mov_' || intent_ref, 'charge', intent_ref, intent_ref, id, amount, currency, settled_at
  FROM payments WHERE provider = 'simulator' AND state = 'paid';
INSERT INTO simulated_movements
SELECT 'mov_' || r.refund_ref, 'refund', r.refund_ref, p.intent_ref, p.id, -r.amount, p.currency, r.ended_at
  FROM refunds r JOIN payments p ON p.id = r.payment_id
 WHERE p.provider = 'simulator' AND r.way = 'card' AND r.state = 'succeeded' AND r.refund_ref IS NOT NULL;
