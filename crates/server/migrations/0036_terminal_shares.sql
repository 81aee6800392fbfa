-- Terminals that somebody else may follow, for a time.

CREATE TABLE terminal_shares (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  terminal_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  shared_by UUID NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
);
CREATE INDEX terminal_shares_allocation ON terminal_shares (allocation_id, created_at);
CREATE INDEX terminal_shares_user ON terminal_shares (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX terminal_shares_terminal ON terminal_shares (terminal_id, user_id) WHERE ended_at IS NULL;

-- A ticket that follows a terminal names what lets it.
ALTER TABLE terminal_tickets ADD COLUMN share_id UUID;
