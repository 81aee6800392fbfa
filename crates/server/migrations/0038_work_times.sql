-- Since when something is wanted of a node, so that what it does not answer is seen.

ALTER TABLE node_works ADD COLUMN wanted_at BIGINT;
CREATE INDEX node_works_open ON node_works (node_id) WHERE observed_generation < generation;
