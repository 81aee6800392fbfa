-- On which day people were last told that an organization spends more than it usually does.
CREATE TABLE spend_alerts (
  org_id UUID PRIMARY KEY REFERENCES organizations (id),
  day BIGINT NOT NULL,
  told_at BIGINT NOT NULL
);
