-- What was spent, by day, and budgets over it.

ALTER TABLE meters ADD COLUMN user_id UUID REFERENCES users (id);
ALTER TABLE holds ADD COLUMN user_id UUID REFERENCES users (id);
UPDATE meters SET user_id = (SELECT a.requested_by FROM allocations a WHERE a.id = meters.allocation_id);
UPDATE holds SET user_id = (SELECT a.requested_by FROM allocations a WHERE a.id = holds.allocation_id);

-- The charges of an allocation on one day (UTC, by the end of the window), written with each window.
CREATE TABLE spend_days (
  allocation_id UUID NOT NULL REFERENCES meters (allocation_id),
  day BIGINT NOT NULL,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  user_id UUID REFERENCES users (id),
  sku TEXT NOT NULL,
  charge BIGINT NOT NULL CHECK (charge >= 0),
  unit_micros BIGINT NOT NULL CHECK (unit_micros >= 0),
  simulated BOOLEAN NOT NULL,
  PRIMARY KEY (allocation_id, day),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX spend_days_org ON spend_days (org_id, day);
CREATE INDEX spend_days_project ON spend_days (project_id, day);
INSERT INTO spend_days (allocation_id, day, org_id, project_id, user_id, sku, charge, unit_micros, simulated)
SELECT w.allocation_id, (w.to_at - 1) / 86400000000, w.org_id, w.project_id, m.user_id, w.sku,
       CAST(SUM(w.charge) AS BIGINT), CAST(SUM(w.units * (w.to_at - w.from_at)) AS BIGINT), w.simulated
  FROM usage_windows w JOIN meters m ON m.allocation_id = w.allocation_id
 GROUP BY w.allocation_id, (w.to_at - 1) / 86400000000, w.org_id, w.project_id, m.user_id, w.sku, w.simulated;

CREATE TABLE budgets (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL REFERENCES organizations (id),
  department_id UUID,
  project_id UUID,
  user_id UUID REFERENCES users (id),
  period TEXT NOT NULL CHECK (period IN ('month', 'total')),
  amount BIGINT NOT NULL CHECK (amount > 0),
  hard BOOLEAN NOT NULL,
  set_by UUID NOT NULL REFERENCES users (id),
  set_at BIGINT NOT NULL,
  warned BIGINT NOT NULL CHECK (warned IN (0, 50, 80, 100)),
  warned_from BIGINT NOT NULL,
  FOREIGN KEY (org_id, department_id) REFERENCES departments (org_id, id),
  FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
CREATE INDEX budgets_org ON budgets (org_id, id);
