-- Certificates for SSH: each opens one workload to one person for five minutes, with a key made for that alone.

CREATE TABLE ssh_certificates (
  id UUID PRIMARY KEY,
  org_id UUID NOT NULL,
  project_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  user_id UUID NOT NULL REFERENCES users (id),
  session_id UUID NOT NULL,
  fingerprint TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  FOREIGN KEY (project_id, allocation_id) REFERENCES allocations (project_id, id)
);
CREATE INDEX ssh_certificates_fingerprint ON ssh_certificates (fingerprint, expires_at);
CREATE INDEX ssh_certificates_user ON ssh_certificates (user_id, created_at);
