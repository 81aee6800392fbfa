-- Hardware whose launches need an SSH key, whatever the organization's own policy says.

ALTER TABLE skus ADD COLUMN requires_key BOOLEAN NOT NULL DEFAULT FALSE;
