-- Whether what runs is released when a hard budget is used up.
ALTER TABLE budgets ADD COLUMN stops BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX budgets_stops ON budgets (id) WHERE stops;
